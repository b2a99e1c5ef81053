// stateless.h - an algorithm of one variant that keeps nothing between calls, from plain functions.
// Where the op has no math modes, those functions take activations in fp32 and in bf16.
#pragma once

#include <fovea/core/tensor.h>
#include <fovea/kernels/cuda/target.h>
#include <fovea/kernels/ops/algorithm.h>

#include <cstddef>
#include <memory>
#include <string>

namespace fovea::FOVEA_TARGET {

/// f(T{}) with the element type of a tensor of activations.
template <class F>
void by_type(const TensorView& activations, const F& f) {
  if (activations.dtype == DType::bf16) {
    f(bf16{});
  } else {
    f(float{});  // as<float>() refuses what is neither
  }
}

template <class Op>
struct Stateless {
  using Problem = typename Op::Problem;
  using Args = typename Op::Args;

  std::string name;
  /// Enqueues the launches of one call.
  void (*run)(const Problem&, const Args&, StreamView) = nullptr;
  /// Bytes that `run` finds in args.context.workspace; none: 0.
  std::size_t (*workspace)(const Problem&) = nullptr;
  /// Which problems are declined; none: no problem.
  Verdict (*can_run)(const Problem&, const DeviceInfo&) = nullptr;
  bool exact_on_integers = true;
};

template <class Op>
Algorithm<Op> make_algorithm(const Stateless<Op>& s) {
  Algorithm<Op> a;
  a.engine = std::string(kEngine);
  a.name = s.name;
  a.devices = kTarget;
  a.exact_on_integers = s.exact_on_integers;
  a.bf16_tensors = !kHasMathModes<Op>;
  if (s.can_run != nullptr) a.can_run = s.can_run;
  a.prepare = [s](const typename Op::Problem& p, const Variant&, const DeviceInfo&) {
    return prepared<Op>(p, s.run, s.workspace != nullptr ? s.workspace(p) : 0);
  };
  return a;
}

}  // namespace fovea::FOVEA_TARGET
