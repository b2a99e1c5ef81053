// conv.cpp - convolution's lists: `image_lanes`, for few channels and many images. What was
// measured: docs/kernels/image_lanes.md.
#include <fovea/kernels/cpu/simd/image_lanes_plan.h>
#include <fovea/kernels/cpu/simd/parts.h>

#include <memory>

namespace fovea::simd {
namespace {

using Tensors = ImageLanesPlan::Tensors;

Tensors tensors_of(const ConvForward::Args& a) {
  return {a.x.as<float>(), a.w.as<float>(), static_cast<const float*>(a.b.data), a.y.as<float>(),
          nullptr};
}
Tensors tensors_of(const ConvDgrad::Args& a) {
  return {a.dy.as<float>(), a.w.as<float>(), static_cast<const float*>(a.mask.data),
          a.dx.as<float>(), nullptr};
}
Tensors tensors_of(const ConvWgrad::Args& a) {
  return {a.x.as<float>(), a.dy.as<float>(), nullptr, a.dw.as<float>(),
          static_cast<float*>(a.db.data)};
}

constexpr Epilogue epilogues_of(Pass pass) {
  if (pass == Pass::forward) return {.bias = true, .relu = true, .tanh = true};
  if (pass == Pass::dgrad) return {.mask = true, .acc = true};
  return {.acc = true, .db = true};
}

constexpr int kFewChannels = 8;   // of 8 to 15 it was as fast as oneDNN, or up to 1.5 times
constexpr int kFullVectors = 16;  // oneDNN's, of channels or filters

// Vectors of images need images, and pay where oneDNN's vectors are not full: forward and wgrad
// have filters in them, dgrad channels of x.
Verdict pays(Pass pass, const ConvProblem& p, Isa isa) {
  const int c = p.c_per_group(), k = p.k_per_group();
  if (p.n < kImages) return Verdict::no("fewer than 16 images leave lanes empty");
  if (p.groups > 1 && c == 1) return Verdict::no("groups of one channel fill vectors of channels");
  if (c >= kFewChannels) return Verdict::no("8 channels a group and more");
  switch (pass) {
    case Pass::forward:
      if (k % kFullVectors == 0) return Verdict::no("vectors of filters are full");
      return {};
    case Pass::dgrad:
      if (p.u != 1 || p.v != 1) return Verdict::no("its input gradient is for stride 1");
      return {};
    case Pass::wgrad: {
      if (p.groups > 1) return Verdict::no("groups cut its rows of taps");
      // Of 8 images: each factor loaded serves half as many sums.
      const bool few = k < (isa == Isa::avx512 ? kFullVectors : kFullVectors / 2);
      return few ? Verdict{} : Verdict::no("vectors of filters are full, or nearly");
    }
  }
  return {};
}

template <class Op>
void add_image_lanes(Registry& registry, Isa isa) {
  Algorithm<Op> a;
  a.engine = "simd";
  a.name = "image_lanes";
  a.devices = Devices::cpu;
  a.can_run = [isa](const ConvProblem& p, const DeviceInfo&) {
    if (lane_loops(isa) == nullptr) return Verdict::no("this CPU fuses no products and sums (FMA)");
    if (const Verdict v = covers(epilogues_of(Op::kPass), p.epilogue); !v) return v;
    return pays(Op::kPass, p, isa);
  };
  a.prepare = [isa](const ConvProblem& p, const Variant&, const DeviceInfo&) {
    const auto plan = std::make_shared<const ImageLanesPlan>(Op::kPass, p, isa);
    const auto run = [plan](const ConvProblem&, const typename Op::Args& args, StreamView stream) {
      stream.enqueue_in_place(
          [plan, args] { plan->run(tensors_of(args), args.context.workspace); });
    };
    return prepared<Op>(p, run, plan->workspace_bytes());
  };
  registry.add<Op>(std::move(a));
}

}  // namespace

void add_conv(Registry& registry, Isa isa) {
  add_image_lanes<ConvForward>(registry, isa);
  add_image_lanes<ConvDgrad>(registry, isa);
  add_image_lanes<ConvWgrad>(registry, isa);
}

}  // namespace fovea::simd
