// html.cpp - compare.html: the answer, what is wrong, the roofline, bars for each layer and pass,
// and every row. One file that asks for nothing. See report.h.
#include <fovea/kernels/compare/card.h>
#include <fovea/kernels/compare/chart.h>
#include <fovea/kernels/compare/html_table.h>
#include <fovea/kernels/compare/page_style.h>
#include <fovea/kernels/compare/report.h>

#include <algorithm>
#include <utility>

namespace fovea::compare {
namespace {

using Rows = std::vector<const Row*>;

// One tile a status: how many rows ended so.
std::string tiles(const std::vector<Row>& rows) {
  std::string html = "<ul class=\"tiles\">";
  for (const Status s : kStatuses) {
    const auto count = std::ranges::count(rows, s, &Row::status);
    if (s == Status::unchecked && count == 0) continue;
    const char* kind = s == Status::ok ? " good" : is_bad(s) && count > 0 ? " bad" : "";
    html += "<li class=\"card" + std::string(kind) + "\"><b>" + std::to_string(count) + "</b>" +
            std::string(name_of(s)) + "</li>";
  }
  return html + "</ul>";
}

std::string entry(const std::string& name, const std::string& value) {
  if (value.empty()) return "";
  return "<dt>" + escaped(name) + "</dt><dd>" + escaped(value) + "</dd>";
}

std::string facts(const Report& r) {
  const Machine& m = r.machine;
  std::string html = "<details class=\"card\"><summary>Machine and command</summary><dl>" +
                     entry("device", m.device) + entry("cpu", m.cpu) + entry("driver", m.driver) +
                     entry("CUDA", m.cuda) + entry("cuDNN", m.cudnn) + entry("oneDNN", m.onednn) +
                     entry("fovea", r.fovea);
  if (r.ceilings.copy_gb_s > 0) {
    html += entry("copy", number("%.1f GB/s", r.ceilings.copy_gb_s));
    for (const Math math : {Math::fp32, Math::tf32, Math::bf16}) {
      const double t = r.ceilings.gemm_tflops[static_cast<int>(math)];
      if (t > 0) html += entry("GEMM " + std::string(name_of(math)), number("%.3f TFLOP/s", t));
    }
  }
  return html + entry("command", r.command) + "</dl></details>";
}

// What is wrong, and the command that shows it again.
std::string trouble(const std::vector<Row>& rows) {
  std::string html;
  for (const Row& r : rows) {
    if (!is_bad(r.status)) continue;
    html += "<article class=\"card\"><h3><span class=\"bad\">" + std::string(name_of(r.status)) +
            "</span> " + escaped(algorithm_of(r)) + " <span class=\"quiet\">" +
            escaped(r.name.empty() ? r.problem : r.name) + ", " + std::string(name_of(r.pass)) +
            ", " + std::string(name_of(r.math)) + "</span></h3><p>" + escaped(r.why) +
            "</p><code>" + escaped(r.reproduce) + "</code></article>";
  }
  return html.empty() ? "" : "<section class=\"trouble\"><h2>To look at</h2>" + html + "</section>";
}

// What bars and points stand for.
std::string explanation(const std::vector<Row>& rows) {
  if (std::ranges::none_of(rows, [](const Row& r) { return r.counted.has_value(); })) {
    return "<p>Medians with cold caches. A tick stands at the floor: the least time by the "
           "ceilings measured in the same run.</p>";
  }
  return "<p>The emulator measures no time. Bars and points are the <b>floor</b> that the counted "
         "work implies on one " +
         std::string(kNamedCard.name) +
         ": the time below which no schedule of the same instructions comes there. It ranks "
         "kernels; it predicts nothing.</p>";
}

// Rows by what `title` says of them, in the order of their first.
template <class Title>
std::vector<std::pair<std::string, Rows>> grouped(const Rows& rows, const Title& title) {
  std::vector<std::pair<std::string, Rows>> groups;
  for (const Row* r : rows) {
    const std::string text = title(*r);
    const auto found = std::ranges::find(groups, text, &std::pair<std::string, Rows>::first);
    if (found != groups.end()) {
      found->second.push_back(r);
    } else {
      groups.push_back({text, {r}});
    }
  }
  return groups;
}

std::string by_layer(const std::vector<Row>& all) {
  Rows rows;
  for (const Row& r : all) {
    if (cost_us(r) > 0) rows.push_back(&r);
  }
  const auto layer = [](const Row& r) { return r.name.empty() ? r.problem : r.name; };
  const auto pass = [](const Row& r) {
    return std::string(name_of(r.pass)) + ", " + std::string(name_of(r.math)) +
           " <span class=\"quiet mono\">" + escaped(r.problem) + "</span>";
  };
  std::string html = "<div class=\"layers\">";
  for (const auto& [name, of_layer] : grouped(rows, layer)) {
    html += "<article class=\"card\"><h3>" + escaped(name) + "</h3><div class=\"passes\">";
    for (const auto& [title, of_pass] : grouped(of_layer, pass)) {
      html += "<div><h4>" + title + "</h4>" + bars(of_pass) + "</div>";
    }
    html += "</div></article>";
  }
  return html + "</div>";
}

}  // namespace

std::string to_html(const Report& report) {
  const std::string plot = roofline(report);
  std::string html =
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"><link rel=\"icon\" "
      "href=\"data:,\"><title>fovea compare</title><style>";
  html +=
      std::string(page_style()) + "</style></head><body><h1>fovea compare</h1><p class=\"quiet\">" +
      escaped(report.machine.device) + (report.date.empty() ? "" : " &middot; ") +
      escaped(report.date) + "</p>" + tiles(report.rows) + facts(report) + trouble(report.rows) +
      "<h2>By layer</h2>" + explanation(report.rows) + key(report, false) + by_layer(report.rows);
  if (!plot.empty()) html += "<h2>Roofline</h2>" + key(report, true) + plot;
  return html + "<h2>Every row</h2>" + html_table(report.rows) + "</body></html>\n";
}

}  // namespace fovea::compare
