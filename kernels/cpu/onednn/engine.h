// engine.h - the parts of engine `onednn`, one function for each op's list.
#pragma once

#include <fovea/kernels/cpu/onednn/compiled.h>
#include <fovea/kernels/ops/registry.h>

#include <string>
#include <utility>

namespace fovea::onednn {

void add_conv(Registry& registry);
void add_linear(Registry& registry);
void add_pool(Registry& registry);
void add_lrn(Registry& registry);
void add_pointwise(Registry& registry);

inline constexpr char kEngine[] = "onednn";

/// An algorithm with one variant. `covers(problem)` gives its verdict, and may throw dnnl::error
/// for a primitive that oneDNN lacks; `prepare(problem)` compiles it.
template <class Op, class Covers, class Prepare>
void add_simple(Registry& registry, std::string name, bool exact, Covers covers, Prepare prepare) {
  using Problem = typename Op::Problem;
  Algorithm<Op> a;
  a.engine = kEngine;
  a.name = std::move(name);
  a.devices = Devices::cpu;
  a.exact_on_integers = exact;
  a.can_run = [covers](const Problem& p, const DeviceInfo&) {
    return possible([&] { return covers(p); });
  };
  a.prepare = [prepare](const Problem& p, const Variant&, const DeviceInfo&) {
    return guarded<Op>(p, [&] { return prepare(p); });
  };
  registry.add<Op>(std::move(a));
}

}  // namespace fovea::onednn
