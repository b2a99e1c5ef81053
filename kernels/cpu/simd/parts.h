// parts.h - what the files of this folder share.
#pragma once

#include <fovea/core/error.h>
#include <fovea/kernels/cpu/host_algorithm.h>
#include <fovea/kernels/cpu/simd/dispatch.h>
#include <fovea/kernels/ops/registry.h>

#include <functional>
#include <string>
#include <utility>

namespace fovea::simd {

void add_elementwise(Registry& registry, Isa isa);
void add_bias(Registry& registry, Isa isa);
void add_dropout(Registry& registry, Isa isa);
void add_max_pool(Registry& registry, Isa isa);
void add_average_pool(Registry& registry, Isa isa);
void add_lrn(Registry& registry, Isa isa);
void add_softmax(Registry& registry, Isa isa);
void add_mse(Registry& registry, Isa isa);
void add_update(Registry& registry, Isa isa);
void add_input(Registry& registry, Isa isa);

/// Adds body(problem, args, isa) as the algorithm `loops`. `workspace(problem)` bytes are promised
/// to it.
template <class Op, class Body>
void add_loops(
    Registry& registry, Isa isa, Body body,
    std::function<std::size_t(const typename Op::Problem&)> workspace = {},
    std::function<Verdict(const typename Op::Problem&, const DeviceInfo&)> can_run = {}) {
  registry.add<Op>(host_algorithm<Op>(
      "simd", "loops",
      [body, isa](const typename Op::Problem& p, const typename Op::Args& args) {
        body(p, args, isa);
      },
      std::move(can_run), std::move(workspace)));
}

/// The step's state where an op cannot do without it.
inline StepState& state_of(const Context& context, const char* op) {
  if (context.state == nullptr) {
    throw InvalidArgument(std::string(op) + ": the step's state is missing; set Context::state");
  }
  return *context.state;
}

/// Rows of a batch of n that count.
inline int valid_rows(const Context& context, int n) {
  return context.state == nullptr ? n : context.state->valid;
}

}  // namespace fovea::simd
