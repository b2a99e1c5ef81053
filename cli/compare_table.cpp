#include <fovea/cli/compare_table.h>
#include <fovea/cli/text.h>

#include <algorithm>
#include <map>

namespace fovea::cli {
namespace {

using compare::Row;
using compare::Status;

constexpr std::size_t kTextColumns = 6;

std::vector<std::string> front_of(const Row& r) {
  return {r.name,
          r.problem,
          std::string(name_of(r.pass)),
          std::string(name_of(r.math)),
          algorithm_of(r),
          std::string(name_of(r.status)),
          !r.exact_on_integers   ? ""
          : *r.exact_on_integers ? "exact"
                                 : "no",
          r.bound_ratio ? format("%.3f", *r.bound_ratio) : ""};
}

double ratio(std::uint64_t a, std::uint64_t b) {
  return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b);
}
std::string millions(std::uint64_t v) { return format("%.3f", static_cast<double>(v) / 1e6); }

void add_counted(std::vector<std::string>& cells, const Row& r) {
  if (!r.counted) {
    cells.resize(cells.size() + 10);
    if (has_run(r.status)) cells.back() = "not counted";
    return;
  }
  const compare::Counted& c = *r.counted;
  for (const std::string& cell :
       {millions(c.multiply_adds), millions(c.global_read_sectors),
        format("%.2f", ratio(c.global_read_sectors, c.global_read_requests)),
        millions(c.global_write_sectors),
        format("%.2f", ratio(c.global_write_sectors, c.global_write_requests)),
        millions(c.bank_conflicts), thousands(static_cast<std::int64_t>(c.barriers)),
        thousands(static_cast<std::int64_t>(c.tensor_core_instructions)),
        format("%.2f", c.floor.us), c.floor.bound_by + (c.blocks_counted < c.blocks ? " *" : "")}) {
    cells.push_back(cell);
  }
}

void add_times(std::vector<std::string>& cells, const Row& r) {
  if (!r.times) {
    cells.resize(cells.size() + 9);
    return;
  }
  const compare::Times& t = *r.times;
  const auto or_empty = [](bool known, const std::string& text) {
    return known ? text : std::string();
  };
  for (const std::string& cell :
       {format("%.1f", t.median) + (t.clock_fell ? " !" : ""), format("%.1f", t.p10),
        format("%.1f", t.p90), format("%.1f", t.warm),
        or_empty(t.back_to_back > 0, format("%.2f", t.back_to_back)),
        or_empty(r.flops > 0, format("%.3f", static_cast<double>(r.flops) / (t.median * 1e6))),
        or_empty(r.floor.has_value(), format("%.2f", r.floor ? r.floor->us / t.median : 0)),
        or_empty(r.speedup_over_cudnn.has_value(),
                 format("%.2f", r.speedup_over_cudnn.value_or(0))),
        format("%.1f", static_cast<double>(r.workspace_bytes) / (1 << 20))}) {
    cells.push_back(cell);
  }
}

// "13 rows: computes in fp32", each reason once.
std::string declined(const std::vector<Row>& rows) {
  std::map<std::string, int> reasons;
  for (const Row& r : rows) {
    if (r.status == Status::declined) {
      ++reasons[algorithm_of(r) + " in " + std::string(name_of(r.math)) + ": " + r.why];
    }
  }
  std::string text;
  for (const auto& [reason, count] : reasons) {
    text += format("declined %3d  ", count) + reason + "\n";
  }
  return text;
}

}  // namespace

std::string compare_table(const std::vector<Row>& rows) {
  const bool counted =
      std::ranges::any_of(rows, [](const Row& r) { return r.counted.has_value(); });
  const bool timed = std::ranges::any_of(rows, [](const Row& r) { return r.times.has_value(); });
  std::vector<std::string> heads = {"layer",     "problem", "pass",     "math",
                                    "algorithm", "status",  "integers", "of bound"};
  if (counted) {
    for (const char* h : {"M fma", "M sectors read", "a request", "M written", "a request",
                          "M conflicts", "barriers", "tensor", "floor us", "bound by"}) {
      heads.emplace_back(h);
    }
  }
  if (timed) {
    for (const char* h : {"median us", "p10", "p90", "warm", "in a row", "TFLOP/s", "of floor",
                          "over cuDNN", "workspace MiB"}) {
      heads.emplace_back(h);
    }
  }
  const bool converted = timed && std::ranges::any_of(rows, [](const Row& r) {
                           return r.conversion_us.value_or(0) > 0;
                         });
  if (converted) heads.emplace_back("conversion us");
  Table table(heads, kTextColumns, counted && !timed);
  bool partly = false;
  for (const Row& r : rows) {
    if (r.status == Status::declined) continue;
    std::vector<std::string> cells = front_of(r);
    if (counted) add_counted(cells, r);
    if (timed) add_times(cells, r);
    if (converted) {
      const double us = r.conversion_us.value_or(0);
      cells.push_back(us > 0 ? format("%.1f", us) : "");
    }
    partly = partly || (r.counted && r.counted->blocks_counted < r.counted->blocks);
    table.add(std::move(cells));
  }
  std::string text = table.text() + declined(rows);
  if (counted) {
    text += "No time: floor us is what the counted work takes at least on one H100 SXM.\n";
  }
  if (partly) text += "* extrapolated from a fixed part of the blocks\n";
  return text;
}

std::string compare_list(const std::vector<Row>& rows) {
  Table table({"layer", "problem", "pass", "math", "algorithm", "", ""}, 7);
  int run = 0;
  for (const Row& r : rows) {
    const bool runs = r.status != Status::declined;
    run += runs ? 1 : 0;
    table.add({r.name, r.problem, std::string(name_of(r.pass)), std::string(name_of(r.math)),
               algorithm_of(r), runs ? "runs" : "declines", r.why});
  }
  return table.text() +
         format("%d would run, %d decline\n", run, static_cast<int>(rows.size()) - run);
}

std::string compare_complaints(const std::vector<Row>& rows) {
  std::string text;
  for (const Row& r : rows) {
    if (!is_bad(r.status)) continue;
    text += std::string(name_of(r.status)) + ": " + (r.name.empty() ? "" : r.name + ", ") +
            std::string(name_of(r.pass)) + " " + r.problem + " by " + algorithm_of(r) + ": " +
            r.why + "\n  again: " + r.reproduce + "\n";
  }
  return text;
}

}  // namespace fovea::cli
