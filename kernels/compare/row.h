// row.h - what a comparison says of one problem, pass, math mode, algorithm and variant.
#pragma once

#include <fovea/core/dtype.h>
#include <fovea/kernels/ops/algorithm.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::compare {

enum class Status : std::uint8_t {
  ok,
  unchecked,   // it ran, and nobody looked at its result
  declined,    // the algorithm does not take the problem, and says why
  wrong,       // a result outside its bound, or memory written that is not its own
  mistrusted,  // right as far as can be seen, but mostly zeros
  failed       // it threw
};
constexpr std::string_view name_of(Status s) {
  constexpr std::string_view kNames[] = {"ok",    "unchecked",  "declined",
                                         "wrong", "mistrusted", "failed"};
  return kNames[static_cast<int>(s)];
}
inline constexpr std::array kStatuses = {Status::ok,    Status::unchecked,  Status::declined,
                                         Status::wrong, Status::mistrusted, Status::failed};
constexpr bool has_run(Status s) { return s == Status::ok || s == Status::unchecked; }
constexpr bool is_bad(Status s) { return !has_run(s) && s != Status::declined; }

/// Times in microseconds. `cold`: nothing the kernel reads is in the last-level cache before it.
struct Times {
  double median = 0, p10 = 0, p90 = 0;  // cold
  double warm = 0;                      // median, launched again at once
  double back_to_back = 0;  // of many launches in a row; 0 where one takes 20 us and more
  double clock_before_mhz = 0, clock_mhz = 0;  // before and after the row; 0: not known
  bool clock_fell = false;                     // by more than 5 % during the row, twice
};

/// The least time that a resource needs for an amount of work.
struct Floor {
  double us = 0;
  std::string bound_by;  // "multiply-adds", "global sectors", "shared memory", ...
};

/// Work of one call, counted by the emulator: the same in every run.
struct Counted {
  std::uint64_t global_read_sectors = 0, global_read_requests = 0;  // of 32 bytes; of a warp each
  std::uint64_t global_write_sectors = 0, global_write_requests = 0;
  std::uint64_t shared_requests = 0, shared_cycles = 0, bank_conflicts = 0;
  std::uint64_t multiply_adds = 0, tensor_core_instructions = 0, barriers = 0;
  std::uint64_t launches = 0, blocks = 0;
  std::uint64_t blocks_counted = 0;  // below blocks: the rest is extrapolated from these
  Floor floor;                       // on kNamedCard
};

struct Row {
  std::string problem;  // "conv:n1c3h227k96r11u4"
  std::string name;     // of the layer; may be empty
  Pass pass = Pass::forward;
  Math math = Math::fp32;
  std::string engine, algorithm;
  Variant variant;
  std::string layout = "nhwc", format = "nhwc";  // that it computes on; "" where declined
  std::optional<double> conversion_us = 0;       // beside the times; empty where not measured
  std::string device;

  Status status = Status::ok;
  std::string why;  // declined, wrong, mistrusted, failed: the reason
  std::optional<double> max_abs_error, bound_ratio;  // on reals; <= 1 passes
  std::optional<bool> exact_on_integers;             // empty where not claimed
  std::size_t workspace_bytes = 0;
  bool deterministic = true;

  std::int64_t flops = 0, bytes = 0;  // of the problem: products twice; operands once
  std::optional<Times> times;         // never on `emulated`
  std::optional<Floor> floor;         // by the ceilings measured in this run
  std::optional<double> speedup_over_cudnn;
  std::optional<Counted> counted;  // on `emulated` alone
  std::string reproduce;           // the command that repeats the row
};

/// Who computes a row: "fovea:direct_tiled 128x32", "mine:naive on nchw".
FOVEA_API std::string algorithm_of(const Row& r);
/// "rows 180: 149 ok, 31 declined, 0 wrong, 0 mistrusted, 0 failed"
FOVEA_API std::string summary(const std::vector<Row>& rows);
/// Whether no row is wrong, mistrusted or failed.
FOVEA_API bool all_right(const std::vector<Row>& rows);

}  // namespace fovea::compare
