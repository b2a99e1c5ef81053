// parts.h - what the files of this folder share.
#pragma once

#include <fovea/core/error.h>
#include <fovea/kernels/cpu/host_algorithm.h>
#include <fovea/kernels/cpu/simd/dispatch.h>
#include <fovea/kernels/cpu/simd/vec.h>
#include <fovea/kernels/ops/registry.h>

#include <functional>
#include <string>
#include <utility>

namespace fovea::simd {

void add_elementwise(Registry& registry, Isa isa);
void add_conv(Registry& registry, Isa isa);
void add_bias(Registry& registry, Isa isa);
void add_dropout(Registry& registry, Isa isa);
void add_max_pool(Registry& registry, Isa isa);
void add_average_pool(Registry& registry, Isa isa);
void add_lrn(Registry& registry, Isa isa);
void add_softmax(Registry& registry, Isa isa);
void add_mse(Registry& registry, Isa isa);
void add_update(Registry& registry, Isa isa);
void add_input(Registry& registry, Isa isa);

template <class Op>
using Body = void (*)(const typename Op::Problem&, const typename Op::Args&, Isa);
template <class Op>
using CanRun = std::function<Verdict(const typename Op::Problem&, const DeviceInfo&)>;
template <class Op>
using Workspace = std::function<std::size_t(const typename Op::Problem&)>;

/// Adds the algorithm `loops`: wide(problem, args, isa), or narrow() where the tensor `typed`, one
/// of the activations, lies in bf16. `workspace(problem)` bytes are promised to them.
template <class Op>
void add_loops(Registry& registry, Isa isa, TensorView Op::Args::*typed, Body<Op> wide,
               Body<Op> narrow, Workspace<Op> workspace = {}, CanRun<Op> can_run = {}) {
  const auto body = [=](const typename Op::Problem& p, const typename Op::Args& args) {
    ((args.*typed).dtype == DType::bf16 ? narrow : wide)(p, args, isa);
  };
  auto loops = host_algorithm<Op>("simd", "loops", body, std::move(can_run), std::move(workspace));
  loops.bf16_tensors = true;
  registry.add<Op>(std::move(loops));
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
