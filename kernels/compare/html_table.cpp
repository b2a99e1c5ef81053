// html_table.cpp - see html_table.h.
#include <fovea/kernels/compare/chart.h>
#include <fovea/kernels/compare/html_table.h>
#include <fovea/kernels/compare/ratio.h>

#include <algorithm>
#include <span>
#include <utility>

namespace fovea::compare {
namespace {

double millions(std::uint64_t v) { return static_cast<double>(v) * 1e-6; }

bool is_extrapolated(const Row& r) {
  return r.counted && r.counted->blocks_counted < r.counted->blocks;
}

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
     [](const Row& r) { return r.bound_ratio ? number("%.3f", *r.bound_ratio) : ""; }},
    {"bits", true,
     [](const Row& r) -> std::string { return r.deterministic ? "" : "may differ"; }}};

// Of rows with times.
constexpr Column kTimes[] = {
    {"median us", false,
     [](const Row& r) {
       return number("%.1f", r.times->median) + (r.times->clock_fell ? " !" : "");
     }},
    {"p10", false, [](const Row& r) { return number("%.1f", r.times->p10); }},
    {"p90", false, [](const Row& r) { return number("%.1f", r.times->p90); }},
    {"warm", false, [](const Row& r) { return number("%.1f", r.times->warm); }},
    {"in a row", false,
     [](const Row& r) {
       return r.times->back_to_back > 0 ? number("%.2f", r.times->back_to_back) : "";
     }},
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
    {"workspace MiB", false,
     [](const Row& r) {
       return number("%.1f", static_cast<double>(r.workspace_bytes) / (1 << 20));
     }},
    {"conversion us", false, [](const Row& r) {
       const double us = r.conversion_us.value_or(0);
       return us > 0 ? number("%.1f", us) : "";
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
    {"bound by", true,
     [](const Row& r) { return r.counted->floor.bound_by + (is_extrapolated(r) ? " *" : ""); }}};

// Columns that say something of rows with what these need.
struct Group {
  std::span<const Column> columns;
  bool (*known)(const Row&);
};
constexpr Group kGroups[] = {{kFront, [](const Row&) { return true; }},
                             {kTimes, [](const Row& r) { return r.times.has_value(); }},
                             {kCounted, [](const Row& r) { return r.counted.has_value(); }}};

std::string text_of(const Group& g, const Column& c, const Row& r) {
  return g.known(r) ? c.cell(r) : "";
}

std::string cell(const char* element, const char* kind, const std::string& text) {
  return "<" + std::string(element) +
         (*kind == '\0' ? "" : " class=\"" + std::string(kind) + "\"") + ">" + escaped(text) +
         "</" + element + ">";
}

// What marks in the table stand for, where there are any.
std::string marks(const std::vector<Row>& rows) {
  std::string html;
  if (std::ranges::any_of(rows, [](const Row& r) { return r.times && r.times->clock_fell; })) {
    html += "<p>! the clock fell by more than 5 % during the row, measured twice</p>";
  }
  if (std::ranges::any_of(rows, is_extrapolated)) {
    html += "<p>* extrapolated from a fixed part of the blocks</p>";
  }
  return html;
}

}  // namespace

std::string html_table(const std::vector<Row>& rows) {
  std::vector<std::pair<const Group*, const Column*>> columns;
  for (const Group& g : kGroups) {
    for (const Column& c : g.columns) {
      const auto says = [&](const Row& r) { return !text_of(g, c, r).empty(); };
      if (std::ranges::any_of(rows, says)) columns.emplace_back(&g, &c);
    }
  }
  const auto kind = [](const Column* c) { return c->text ? "text" : ""; };
  std::string html = "<div class=\"card wide\" tabindex=\"0\"><table><thead><tr>";
  for (const auto& [group, column] : columns) html += cell("th", kind(column), column->head);
  html += cell("th", "text", "why") + "</tr></thead><tbody>";
  const bool counted =
      std::ranges::any_of(rows, [](const Row& r) { return r.counted.has_value(); });
  for (const Row& r : rows) {
    const bool quiet = r.status == Status::declined;
    html += quiet ? "<tr class=\"quiet\">" : is_bad(r.status) ? "<tr class=\"bad\">" : "<tr>";
    for (const auto& [group, column] : columns) {
      html += cell("td", kind(column), text_of(*group, *column, r));
    }
    const bool lacks_counts = counted && !r.counted && has_run(r.status);
    html += cell("td", "why", lacks_counts ? "not counted" : r.why) + "</tr>";
  }
  return html + "</tbody></table></div>" + marks(rows);
}

}  // namespace fovea::compare
