// html.cpp - compare.html: what was compared, bars for each problem and pass, the roofline, and
// every row. See report.h.
#include <fovea/kernels/compare/card.h>
#include <fovea/kernels/compare/chart.h>
#include <fovea/kernels/compare/report.h>

#include <cstdio>
#include <map>

namespace fovea::compare {
namespace {

constexpr const char* kStyle = R"(<style>
:root{color-scheme:light dark;--line:#8885;--muted:#6b6b6b;--bad:#b3261e}
:root{--c0:#1769aa;--c1:#b5620a;--c2:#2e7d32;--c3:#6a4fb3;--c4:#5f6b73;--c5:#a3316f}
@media(prefers-color-scheme:dark){:root{--muted:#a8a8a8;--bad:#ff8a80}
:root{--c0:#64b5f6;--c1:#ffb74d;--c2:#81c784;--c3:#b39ddb;--c4:#b0bec5;--c5:#f48fb1}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;max-width:76rem;margin:0 auto;padding:1rem;
overflow-wrap:anywhere}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:1rem 0 .3rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem}dt{color:var(--muted)}dd{margin:0}
.bar{display:grid;grid-template-columns:14rem 1fr 7rem;gap:.6rem;align-items:center;font-size:.9rem}
.bar span:last-child{text-align:right;font-variant-numeric:tabular-nums}
.bar i{display:block;height:.8rem;background:var(--line);border-radius:2px}
.bar b{display:block;height:100%;border-radius:2px}
b.c0{background:var(--c0)}b.c1{background:var(--c1)}b.c2{background:var(--c2)}
b.c3{background:var(--c3)}b.c4{background:var(--c4)}b.c5{background:var(--c5)}
circle{fill-opacity:.75}circle.c0{fill:var(--c0)}circle.c1{fill:var(--c1)}circle.c2{fill:var(--c2)}
circle.c3{fill:var(--c3)}circle.c4{fill:var(--c4)}circle.c5{fill:var(--c5)}
.plot{overflow-x:auto}svg{width:100%;min-width:640px;max-width:56rem;height:auto}
svg text{font-size:14px;fill:currentColor}
.grid{stroke:var(--line)}.roof{fill:none;stroke:currentColor;stroke-width:2}
.key{display:flex;flex-wrap:wrap;gap:.2rem 1rem;font-size:.9rem}
.key b{display:inline-block;width:.8rem;height:.8rem;margin-right:.3rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;overflow-wrap:normal}
td,th{padding:.2rem .8rem .2rem 0;text-align:right;border-bottom:1px solid var(--line);
white-space:nowrap;vertical-align:top}
td.text,th.text{text-align:left}td.why{white-space:normal;min-width:18rem;text-align:left}
.bad{color:var(--bad);font-weight:600}.quiet{color:var(--muted)}
@media(max-width:40rem){.bar{grid-template-columns:1fr 6rem}.bar i{grid-column:1/3;grid-row:2}}
</style>)";

std::string number(const char* pattern, double v) {
  char text[64];
  std::snprintf(text, sizeof(text), pattern, v);
  return text;
}

std::string entry(const std::string& name, const std::string& value) {
  if (value.empty()) return "";
  return "<dt>" + escaped(name) + "</dt><dd>" + escaped(value) + "</dd>";
}

std::string facts(const Report& r) {
  const Machine& m = r.machine;
  std::string html = "<dl>" + entry("rows", summary(r.rows)) + entry("device", m.device) +
                     entry("cpu", m.cpu) + entry("driver", m.driver) + entry("CUDA", m.cuda) +
                     entry("cuDNN", m.cudnn) + entry("oneDNN", m.onednn) + entry("fovea", r.fovea) +
                     entry("made", r.date);
  if (r.ceilings.copy_gb_s > 0) {
    html += entry("copy", number("%.1f GB/s", r.ceilings.copy_gb_s));
    for (const Math math : {Math::fp32, Math::tf32, Math::bf16}) {
      const double t = r.ceilings.gemm_tflops[static_cast<int>(math)];
      if (t > 0) html += entry("GEMM " + std::string(name_of(math)), number("%.3f TFLOP/s", t));
    }
  }
  return html + entry("command", r.command) + "</dl>";
}

// What bars and points stand for.
std::string explanation(const Report& r) {
  for (const Row& row : r.rows) {
    if (!row.counted) continue;
    return "<p>The emulator measures no time. Bars and points are the <b>floor</b> that counted "
           "work implies on one " +
           std::string(kNamedCard.name) +
           ": the time below which no schedule of the same instructions comes there. It is not a "
           "prediction, and not the emulator's speed.</p>";
  }
  return "<p>Times are medians with cold caches.</p>";
}

std::string key() {
  std::string html = "<p class=\"key\">";
  int colour = 0;
  for (const char* engine : {"fovea", "cudnn", "onednn", "simd", "reference", "others"}) {
    html += "<span><b class=\"c" + std::to_string(colour++) + "\"></b>" + engine + "</span>";
  }
  return html + "</p>";
}

std::string all_bars(const Report& report) {
  std::map<std::string, std::vector<const Row*>> groups;
  std::vector<std::string> order;
  for (const Row& r : report.rows) {
    if (cost_us(r) <= 0) continue;
    const std::string title = (r.name.empty() ? "" : escaped(r.name) + ", ") +
                              std::string(name_of(r.pass)) + ", " + std::string(name_of(r.math)) +
                              " &middot; <span class=\"quiet\">" + escaped(r.problem) + "</span>";
    auto& rows = groups[title];
    if (rows.empty()) order.push_back(title);
    rows.push_back(&r);
  }
  std::string html;
  for (const std::string& title : order) html += "<h3>" + title + "</h3>" + bars(groups[title]);
  return html;
}

std::string cell(const std::string& text, const char* kind = "") {
  return std::string("<td") + kind + ">" + escaped(text) + "</td>";
}

std::string table_row(const Row& r) {
  constexpr const char* kText = " class=\"text\"";
  const bool bad = r.status != Status::ok && r.status != Status::declined;
  std::string algorithm = r.engine + ":" + r.algorithm;
  if (!r.variant.empty()) algorithm += " " + r.variant;
  std::string html =
      std::string("<tr") + (r.status == Status::declined ? " class=\"quiet\">" : ">") +
      cell(r.name, kText) + cell(r.problem, kText) + cell(std::string(name_of(r.pass)), kText) +
      cell(std::string(name_of(r.math)), kText) + cell(algorithm, kText) +
      cell(std::string(name_of(r.status)), bad ? " class=\"text bad\"" : kText);
  html += cell(!r.exact_on_integers ? "" : *r.exact_on_integers ? "exact" : "not exact", kText);
  html += cell(r.bound_ratio ? number("%.3f", *r.bound_ratio) : "");
  html += cell(r.times ? number("%.1f", r.times->median) : "");
  html += cell(r.times ? number("%.1f", r.times->p10) + " - " + number("%.1f", r.times->p90) : "");
  html += cell(r.times && r.flops > 0
                   ? number("%.2f", static_cast<double>(r.flops) / (r.times->median * 1e6))
                   : "");
  html += cell(r.floor && r.times ? number("%.2f", r.floor->us / r.times->median) : "");
  html += cell(r.speedup_over_cudnn ? number("%.2f", *r.speedup_over_cudnn) : "");
  const Counted c = r.counted.value_or(Counted{});
  const auto per = [](std::uint64_t a, std::uint64_t b) {
    return b == 0 ? 0.0 : static_cast<double>(a) / static_cast<double>(b);
  };
  const auto counted = [&](double v) { return cell(r.counted ? number("%.5g", v) : ""); };
  html += counted(static_cast<double>(c.multiply_adds) * 1e-6);
  html += counted(static_cast<double>(c.global_read_sectors) * 1e-6);
  html += counted(per(c.global_read_sectors, c.global_read_requests));
  html += counted(static_cast<double>(c.global_write_sectors) * 1e-6);
  html += counted(per(c.global_write_sectors, c.global_write_requests));
  html += counted(static_cast<double>(c.bank_conflicts) * 1e-6);
  html += counted(static_cast<double>(c.barriers));
  html += counted(static_cast<double>(c.tensor_core_instructions));
  html += counted(c.floor.us) + cell(c.floor.bound_by, kText);
  return html + cell(r.why, " class=\"why\"") + "</tr>";
}

std::string table(const Report& report) {
  std::string html =
      "<div class=\"wide\" tabindex=\"0\"><table><thead><tr><th class=\"text\">layer</th><th "
      "class=\"text\">problem</th><th class=\"text\">pass</th><th class=\"text\">math</th><th "
      "class=\"text\">algorithm</th><th class=\"text\">status</th><th "
      "class=\"text\">integers</th><th>of bound</th><th>median us</th><th>p10 - p90</th>"
      "<th>TFLOP/s</th><th>of floor</th><th>over cuDNN</th><th>M multiply-adds</th><th>M sectors "
      "read</th><th>a request</th><th>M sectors written</th><th>a request</th><th>M bank "
      "conflicts</th><th>barriers</th><th>tensor-core instructions</th><th>floor us</th><th "
      "class=\"text\">bound by</th><th class=\"text\">why</th></tr></thead><tbody>";
  for (const Row& r : report.rows) html += table_row(r);
  return html + "</tbody></table></div>";
}

}  // namespace

std::string to_html(const Report& report) {
  const std::string plot = roofline(report);
  std::string html =
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"><link rel=\"icon\" "
      "href=\"data:,\"><title>fovea compare</title>";
  html += std::string(kStyle) + "</head><body><h1>fovea compare</h1>" + facts(report);
  html += explanation(report) + key();
  if (!plot.empty())
    html += "<h2>Roofline</h2><div class=\"plot\" tabindex=\"0\">" + plot + "</div>";
  html += "<h2>By layer</h2>" + all_bars(report);
  return html + "<h2>Rows</h2>" + table(report) + "</body></html>\n";
}

}  // namespace fovea::compare
