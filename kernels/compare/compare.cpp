// compare.cpp - from problems to rows. See compare.h.
#include <fovea/core/error.h>
#include <fovea/core/stream.h>
#include <fovea/core/thread_pool.h>
#include <fovea/kernels/compare/compare.h>
#include <fovea/kernels/compare/measure.h>
#include <fovea/kernels/compare/rows.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <tuple>

namespace fovea::compare {
namespace {

OpCalls calls(const SuiteProblem& p, Pass pass) {
  if (p.op == "conv") return conv_calls(pass);
  if (p.op == "gemm") return linear_calls(pass);
  return plane_calls(p.op, pass);
}

// Passes that are asked for and that the op has.
std::vector<Pass> passes(const SuiteProblem& p, const Options& o) {
  std::vector<Pass> both;
  for (const Pass pass : passes_of(p)) {
    if (std::ranges::find(o.passes, pass) != o.passes.end()) both.push_back(pass);
  }
  return both;
}

double copy_ceiling(const DeviceInfo& device, const Options& o) {
  const Stream stream(device.device);
  const bool cpu = device.device.kind() == DeviceKind::cpu;
  const std::size_t bytes = std::size_t{1} << (cpu ? 27 : 29);
  const Buffer from(bytes, stream, default_resource(device.device));
  const Buffer to(bytes, stream, default_resource(device.device));
  stream.view().fill(from.data(), 1, bytes);
  stream.view().fill(to.data(), 0, bytes);
  const auto copy = [&] {
    if (!cpu) return stream.view().copy(to.data(), from.data(), bytes);
    constexpr std::int64_t kPiece = 1 << 20;
    ThreadPool::shared().parallel_for(
        static_cast<std::int64_t>(bytes) / kPiece, 1, [&](std::int64_t begin, std::int64_t end) {
          std::memcpy(static_cast<std::byte*>(to.data()) + begin * kPiece,
                      static_cast<const std::byte*>(from.data()) + begin * kPiece,
                      static_cast<std::size_t>((end - begin) * kPiece));
        });
  };
  const double us = measure(copy, stream, device, o).median;
  return 2 * static_cast<double>(bytes) / (us * 1e3);
}

// The fastest product of square matrices that any engine computes.
double gemm_ceiling(const Registry& registry, Math math, const DeviceInfo& device, Options o) {
  const int extent = device.device.kind() == DeviceKind::cpu ? 1024 : 8192;
  const std::string n = std::to_string(extent);
  o.maths = {math};
  o.passes = {Pass::forward};
  o.algorithms = {"*"};
  o.skipped = {"*:naive"};
  o.check = false;
  o.list = o.once = false;
  double best = 0;
  const SuiteProblem problem{"gemm", "m" + n + "n" + n + "k" + n, ""};
  for (const Row& row : compare_problem(registry, problem, o, {})) {
    if (!row.times) continue;
    best = std::max(best, static_cast<double>(row.flops) / (row.times->warm * 1e6));
  }
  return best;
}

}  // namespace

std::optional<Floor> floor_of(const Ceilings& c, Math math, std::int64_t flops,
                              std::int64_t bytes) {
  const double tflops = c.gemm_tflops[static_cast<int>(math)];
  if (c.copy_gb_s <= 0 || (flops > 0 && tflops <= 0)) return {};
  Floor f{static_cast<double>(bytes) / (c.copy_gb_s * 1e3), "memory"};
  if (flops > 0) {
    const double us = static_cast<double>(flops) / (tflops * 1e6);
    if (us > f.us) f = {us, "multiply-adds"};
  }
  return f;
}

std::vector<Row> compare_problem(const Registry& registry, const SuiteProblem& problem,
                                 const Options& options, const Ceilings& ceilings,
                                 const std::function<void(const Row&)>& on_row) {
  std::vector<Row> rows;
  for (const Pass pass : passes(problem, options)) {
    const RowRequest request{registry, problem, pass, options, ceilings, on_row};
    for (Row& row : calls(problem, pass).rows(request)) rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Row> compare_all(const Registry& registry, const std::vector<SuiteProblem>& problems,
                             const Options& options, const Ceilings& ceilings,
                             const std::function<void(const Row&)>& on_row) {
  std::vector<Row> rows;
  for (const SuiteProblem& p : problems) {
    for (Row& row : compare_problem(registry, p, options, ceilings, on_row)) {
      rows.push_back(std::move(row));
    }
  }
  fill_speedups(rows);
  return rows;
}

void fill_speedups(std::vector<Row>& rows) {
  std::map<std::tuple<std::string, Pass, Math>, double> best;
  const auto key = [](const Row& r) { return std::tuple(r.problem, r.pass, r.math); };
  for (const Row& r : rows) {
    if (r.engine != "cudnn" || !r.times || r.status != Status::ok) continue;
    const auto [found, fresh] = best.emplace(key(r), r.times->median);
    if (!fresh) found->second = std::min(found->second, r.times->median);
  }
  for (Row& r : rows) {
    const auto found = best.find(key(r));
    if (r.times && found != best.end()) r.speedup_over_cudnn = found->second / r.times->median;
  }
}

Ceilings measure_ceilings(const Registry& registry, const Options& options) {
  Ceilings c;
  const DeviceInfo device = device_info(options.device);
  if (device.device.kind() == DeviceKind::emulated) return c;
  c.copy_gb_s = copy_ceiling(device, options);
  for (const Math math : options.maths) {
    c.gemm_tflops[static_cast<int>(math)] = gemm_ceiling(registry, math, device, options);
  }
  return c;
}

std::vector<NamedValues> run_problem(const Registry& registry, const SuiteProblem& problem,
                                     Pass pass, const Options& options,
                                     const std::vector<NamedValues>& given) {
  return calls(problem, pass).values({registry, problem, pass, options, {}, {}}, given);
}

}  // namespace fovea::compare
