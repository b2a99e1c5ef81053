// compare.h - every algorithm on every problem: checked against the reference first, then timed, or
// on the emulator counted. What `fovea compare` prints is made here.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/device.h>
#include <fovea/kernels/compare/row.h>
#include <fovea/kernels/compare/suite.h>
#include <fovea/kernels/ops/registry.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace fovea::compare {

/// A tensor of a problem, NHWC or KRSC, as fp32 on the host.
struct NamedValues {
  std::string name;  // "x", "w", "y", ...
  Shape shape;
  std::vector<float> elements;
};

struct Options {
  Device device;
  std::vector<Pass> passes = {Pass::forward, Pass::dgrad, Pass::wgrad};
  std::vector<Math> maths = {Math::fp32, Math::tf32, Math::bf16};
  /// ENGINE:ALGORITHM[:VARIANT] with *; ENGINE alone stands for ENGINE:*. Without a variant the
  /// best guess, on cuda every one. `reference` runs only where it is named.
  std::vector<std::string> algorithms = {"*"}, skipped;
  Limits limits;
  std::uint64_t seed = 1;
  bool check = true, time = true, count = true;
  bool list = false;              // says what would run and what declines, and runs nothing
  bool once = false;              // one launch, for profilers: no check, no time
  int variants = 0;               // so many of an algorithm, best guesses first; 0: see algorithms
  int reps = 0;                   // timed runs; 0: as many as half a second allows, 10 to 100
  std::string program = "fovea";  // that `reproduce` starts with
  /// Added algorithms once more, under the same names, compiled so that their work can be counted
  /// (FOVEA_COUNT_ACCESSES); fovea's own are known.
  Registry counted = {};
  /// Called for each wrong row: inputs, the result, and what it should be as NAME_expected.
  std::function<void(const Row&, const std::vector<NamedValues>&)> on_wrong;
};

/// What copies and products reach on this device, measured in the same run; 0 where not measured.
struct Ceilings {
  double copy_gb_s = 0;
  double gemm_tflops[3] = {0, 0, 0};  // by Math
};

/// The least time for so many operations and bytes; nothing where the ceilings are not known.
FOVEA_API std::optional<Floor> floor_of(const Ceilings& ceilings, Math math, std::int64_t flops,
                                        std::int64_t bytes);

/// All rows of a problem. `on_row` sees each as soon as it is there.
FOVEA_API std::vector<Row> compare_problem(const Registry& registry, const SuiteProblem& problem,
                                           const Options& options, const Ceilings& ceilings,
                                           const std::function<void(const Row&)>& on_row = {});
/// All rows of all problems, each problem and pass once.
FOVEA_API std::vector<Row> compare_all(const Registry& registry,
                                       const std::vector<SuiteProblem>& problems,
                                       const Options& options, const Ceilings& ceilings,
                                       const std::function<void(const Row&)>& on_row = {});

/// Fills in speedup_over_cudnn where there are rows of engine cudnn.
FOVEA_API void fill_speedups(std::vector<Row>& rows);

FOVEA_API Ceilings measure_ceilings(const Registry& registry, const Options& options);

/// Inputs (seeded, or `given`, by name) and result of the one algorithm that options admit. A
/// tensor that is read and written stands there twice: as NAME_before, and as NAME what comes out.
/// Throws Unsupported where none or several do, InvalidArgument where a given tensor is none of the
/// op's, has another shape, or an integer that would lead out of a tensor.
FOVEA_API std::vector<NamedValues> run_problem(const Registry& registry,
                                               const SuiteProblem& problem, Pass pass,
                                               const Options& options,
                                               const std::vector<NamedValues>& given);

}  // namespace fovea::compare
