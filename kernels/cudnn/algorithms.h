// algorithms.h - the parts of engine `cudnn`, one function for each op's list, and what they share.
#pragma once

#include <fovea/core/error.h>
#include <fovea/kernels/cudnn/session.h>
#include <fovea/kernels/ops/layout.h>
#include <fovea/kernels/ops/registry.h>

#include <memory>
#include <string>

namespace fovea::cudnn {

using SharedEngine = std::shared_ptr<Engine>;

/// nchw: they take and leave tensors in that layout, as no other algorithm of a registry does.
void add_conv(Registry& registry, const SharedEngine& engine, Layout layout = Layout::nhwc);
void add_linear(Registry& registry, const SharedEngine& engine);
void add_pool(Registry& registry, const SharedEngine& engine);
void add_lrn(Registry& registry, const SharedEngine& engine);
void add_softmax(Registry& registry, const SharedEngine& engine);

inline constexpr char kEngine[] = "cudnn";

/// "conv forward n128c96... in tf32", for messages.
template <class Op>
std::string describe(const typename Op::Problem& problem, Math math) {
  return std::string(Op::kName) + " " + std::string(name_of(Op::kPass)) + " " + to_string(problem) +
         " in " + std::string(name_of(math));
}

/// make(); what it throws says of which problem, and what to do.
template <class Op, class Make>
auto guarded(const typename Op::Problem& problem, Math math, const Make& make) {
  const auto words = [&](const Error& e) {
    return describe<Op>(problem, math) + ": " + e.what() + "; choose another engine for this layer";
  };
  try {
    return make();
  } catch (const Unsupported& e) {
    throw Unsupported(words(e));
  } catch (const DeviceError& e) {
    throw DeviceError(words(e));
  }
}

/// The verdict of `covers`; no, with the library's words, where it throws.
template <class Covers>
Verdict possible(const Covers& covers) {
  try {
    return covers();
  } catch (const Error& e) {
    return Verdict::no(e.what());
  }
}

/// An algorithm of this engine, its can_run and prepare still to be set.
template <class Op>
Algorithm<Op> algorithm(std::string name, Math math) {
  Algorithm<Op> a;
  a.engine = kEngine;
  a.name = std::move(name);
  a.devices = Devices::cuda;
  a.math = math;
  return a;
}

}  // namespace fovea::cudnn
