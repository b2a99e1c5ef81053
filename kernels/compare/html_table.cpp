// html_table.cpp - see html_table.h.
#include <fovea/kernels/compare/chart.h>
#include <fovea/kernels/compare/html_table.h>
#include <fovea/kernels/compare/ratio.h>

#include <algorithm>

namespace fovea::compare {
namespace {

double millions(std::uint64_t v) { return static_cast<double>(v) * 1e-6; }

/// Head of a column and what it says of a row.
struct Column {
  const char* head;
  bool text;
  std::string (*cell)(const Row&);
};

constexpr Column kFront[] = {
    {"layer", true, [](const Row& r) { return r.name; }},
    {"problem", true, [](const Row& r) { return r.problem; }},
    {"pass", true, [](const Row& r) { return std::string(name_of(r.pass)); }},
    {"math", true, [](const Row& r) { return std::string(name_of(r.math)); }},
    {"algorithm", true, [](const Row& r) { return algorithm_of(r); }},
    {"status", true, [](const Row& r) { return std::string(name_of(r.status)); }},
    {"integers", true,
     [](const Row& r) -> std::string {
       if (!r.exact_on_integers) return "";
       return *r.exact_on_integers ? "exact" : "not exact";
     }},
    {"of bound", false,
     [](const Row& r) { return r.bound_ratio ? number("%.3f", *r.bound_ratio) : ""; }}};

// Of rows with times.
constexpr Column kTimes[] = {
    {"median us", false, [](const Row& r) { return number("%.1f", r.times->median); }},
    {"p10", false, [](const Row& r) { return number("%.1f", r.times->p10); }},
    {"p90", false, [](const Row& r) { return number("%.1f", r.times->p90); }},
    {"warm", false, [](const Row& r) { return number("%.1f", r.times->warm); }},
    {"TFLOP/s", false,
     [](const Row& r) {
       const double tflops = static_cast<double>(r.flops) / (r.times->median * 1e6);
       return tflops > 0 ? number("%.3f", tflops) : "";
     }},
    {"of floor", false,
     [](const Row& r) { return r.floor ? number("%.2f", r.floor->us / r.times->median) : ""; }},
    {"over cuDNN", false,
     [](const Row& r) {
       return r.speedup_over_cudnn ? number("%.2f", *r.speedup_over_cudnn) : "";
     }},
    {"workspace MiB", false, [](const Row& r) {
       return number("%.1f", static_cast<double>(r.workspace_bytes) / (1 << 20));
     }}};

// Of rows with counted work.
constexpr Column kCounted[] = {
    {"M multiply-adds", false,
     [](const Row& r) { return number("%.3f", millions(r.counted->multiply_adds)); }},
    {"M sectors read", false,
     [](const Row& r) { return number("%.3f", millions(r.counted->global_read_sectors)); }},
    {"a request", false,
     [](const Row& r) {
       return number("%.2f",
                     ratio(r.counted->global_read_sectors, r.counted->global_read_requests));
     }},
    {"M sectors written", false,
     [](const Row& r) { return number("%.3f", millions(r.counted->global_write_sectors)); }},
    {"a request", false,
     [](const Row& r) {
       return number("%.2f",
                     ratio(r.counted->global_write_sectors, r.counted->global_write_requests));
     }},
    {"M bank conflicts", false,
     [](const Row& r) { return number("%.3f", millions(r.counted->bank_conflicts)); }},
    {"barriers", false, [](const Row& r) { return std::to_string(r.counted->barriers); }},
    {"tensor-core instructions", false,
     [](const Row& r) { return std::to_string(r.counted->tensor_core_instructions); }},
    {"floor us", false, [](const Row& r) { return number("%.2f", r.counted->floor.us); }},
    {"bound by", true, [](const Row& r) { return r.counted->floor.bound_by; }}};

std::string cell(const char* element, const char* kind, const std::string& text) {
  return "<" + std::string(element) +
         (*kind == '\0' ? "" : " class=\"" + std::string(kind) + "\"") + ">" + escaped(text) +
         "</" + element + ">";
}

template <std::size_t N>
std::string heads(const Column (&columns)[N]) {
  std::string html;
  for (const Column& c : columns) html += cell("th", c.text ? "text" : "", c.head);
  return html;
}

// `known`: the row has what these columns show.
template <std::size_t N>
std::string cells(const Column (&columns)[N], const Row& row, bool known) {
  std::string html;
  for (const Column& c : columns) {
    html += cell("td", c.text ? "text" : "", known ? c.cell(row) : "");
  }
  return html;
}

}  // namespace

std::string html_table(const std::vector<Row>& rows) {
  const bool timed = std::ranges::any_of(rows, [](const Row& r) { return r.times.has_value(); });
  const bool counted =
      std::ranges::any_of(rows, [](const Row& r) { return r.counted.has_value(); });
  std::string html = "<div class=\"card wide\" tabindex=\"0\"><table><thead><tr>" + heads(kFront);
  if (timed) html += heads(kTimes);
  if (counted) html += heads(kCounted);
  html += cell("th", "text", "why") + "</tr></thead><tbody>";
  for (const Row& r : rows) {
    const bool quiet = r.status == Status::declined;
    html += quiet ? "<tr class=\"quiet\">" : is_bad(r.status) ? "<tr class=\"bad\">" : "<tr>";
    html += cells(kFront, r, true);
    if (timed) html += cells(kTimes, r, r.times.has_value());
    if (counted) html += cells(kCounted, r, r.counted.has_value());
    const bool lacks_counts = counted && !r.counted && has_run(r.status);
    html += cell("td", "why", lacks_counts ? "not counted" : r.why) + "</tr>";
  }
  return html + "</tbody></table></div>";
}

}  // namespace fovea::compare
