// compare.cpp - from problems to rows. See compare.h.
#include <fovea/core/error.h>
#include <fovea/core/stream.h>
#include <fovea/core/thread_pool.h>
#include <fovea/kernels/compare/compare.h>
#include <fovea/kernels/compare/measure.h>
#include <fovea/kernels/compare/rows.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <tuple>

namespace fovea::compare {
namespace {

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

// The fastest product of square matrices by the engines that the pattern admits; 0: by none.
double gemm_speed(const Registry& registry, Math math, const DeviceInfo& device, Options o,
                  const std::string& engines) {
  const int extent = device.device.kind() == DeviceKind::cpu ? 1024 : 8192;
  const std::string n = std::to_string(extent);
  o.maths = {math};
  o.passes = {Pass::forward};
  o.algorithms = {engines};
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

// Of cuBLAS, which is part of engine cudnn; where it does not run, of whoever is fastest.
double gemm_ceiling(const Registry& registry, Math math, const DeviceInfo& device,
                    const Options& o) {
  const double cublas = gemm_speed(registry, math, device, o, "cudnn");
  return cublas > 0 ? cublas : gemm_speed(registry, math, device, o, "*");
}

}  // namespace

std::unique_ptr<Subject> subject_of(const SuiteProblem& p, Pass pass) {
  if (p.op == "conv") return conv_subject(p.text, pass);
  if (p.op == "gemm") return linear_subject(p.text, pass);
  const bool plane = p.op.starts_with("lrn") || p.op == "maxpool" || p.op == "avgpool";
  return plane ? plane_subject(p.op, p.text, pass) : value_subject(p.op, p.text, pass);
}

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
    for (Row& row : rows_of(request)) rows.push_back(std::move(row));
  }
  return rows;
}

namespace {

// One problem and pass after the other on each thread; whoever is free takes the next. Rows come
// out in the order of the tasks whatever the threads do.
class SideBySide {
 public:
  SideBySide(const Registry& registry, const std::vector<SuiteProblem>& problems, Options options,
             const std::function<void(const Row&)>& on_row)
      : registry_{registry}, options_{std::move(options)}, on_row_{on_row} {
    if (options_.on_wrong) {
      options_.on_wrong = [this, given = options_.on_wrong](const Row& row, const auto& values) {
        const std::lock_guard lock(wrong_);
        given(row, values);
      };
    }
    for (const SuiteProblem& p : problems) {
      for (const Pass pass : passes(p, options_)) tasks_.push_back({&p, pass, {}, false});
    }
  }

  std::vector<Row> run() {
    ThreadPool& pool = ThreadPool::shared();
    pool.parallel_for(pool.threads(), 1, [this](std::int64_t, std::int64_t) {
      for (std::size_t i = next_++; i < tasks_.size(); i = next_++) {
        Task& t = tasks_[i];
        t.rows = rows_of({registry_, *t.problem, t.pass, options_, {}, nobody_});
        hand_out(t);
      }
    });
    return std::move(rows_);
  }

 private:
  struct Task {
    const SuiteProblem* problem;
    Pass pass;
    std::vector<Row> rows;
    bool done;
  };

  // The rows of tasks before which none is missing.
  void hand_out(Task& finished) {
    const std::lock_guard lock(mutex_);
    finished.done = true;
    for (; handed_ < tasks_.size() && tasks_[handed_].done; ++handed_) {
      for (Row& row : tasks_[handed_].rows) {
        if (on_row_) on_row_(row);
        rows_.push_back(std::move(row));
      }
    }
  }

  const Registry& registry_;
  Options options_;
  const std::function<void(const Row&)>& on_row_;
  const std::function<void(const Row&)> nobody_;
  std::vector<Task> tasks_;
  std::atomic<std::size_t> next_{0};
  std::mutex wrong_, mutex_;
  std::size_t handed_ = 0;
  std::vector<Row> rows_;
};

}  // namespace

std::vector<Row> compare_all(const Registry& registry, const std::vector<SuiteProblem>& problems,
                             const Options& options, const Ceilings& ceilings,
                             const std::function<void(const Row&)>& on_row) {
  // Where no time is taken nothing is disturbed by what runs beside it.
  if (options.device.kind() == DeviceKind::emulated && !options.once) {
    return SideBySide(registry, problems, options, on_row).run();
  }
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
    if (r.engine != "cudnn" || !r.times || !has_run(r.status)) continue;
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
  return values_of({registry, problem, pass, options, {}, {}}, given);
}

}  // namespace fovea::compare
