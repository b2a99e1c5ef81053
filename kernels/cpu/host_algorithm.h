// host_algorithm.h - how a plain function becomes an algorithm on the CPU.
#pragma once

#include <fovea/core/stream.h>
#include <fovea/core/thread_pool.h>
#include <fovea/kernels/ops/algorithm.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace fovea {

/// An fp32 algorithm on the CPU whose whole work is `body(problem, args)`, run in stream order.
/// `workspace(problem)` bytes are promised to it; empty: none.
template <class Op, class Body>
Algorithm<Op> host_algorithm(
    std::string engine, std::string name, Body body,
    std::function<Verdict(const typename Op::Problem&, const DeviceInfo&)> can_run = {},
    std::function<std::size_t(const typename Op::Problem&)> workspace = {}) {
  using Problem = typename Op::Problem;
  Algorithm<Op> a;
  a.engine = std::move(engine);
  a.name = std::move(name);
  a.devices = Devices::cpu;
  a.can_run = std::move(can_run);
  a.prepare = [body, workspace](const Problem& problem, const Variant&, const DeviceInfo&) {
    const auto run = [body](const Problem& p, const typename Op::Args& args, StreamView stream) {
      stream.enqueue_in_place([body, p, args] { body(p, args); });
    };
    return prepared<Op>(problem, run, workspace ? workspace(problem) : 0);
  };
  return a;
}

/// ThreadPool::shared().parallel_for without the allocation that a std::function of a large lambda
/// would cost in every step.
template <class F>
void parallel(std::int64_t count, std::int64_t grain, const F& f) {
  ThreadPool::shared().parallel_for(count, grain, std::cref(f));
}

}  // namespace fovea
