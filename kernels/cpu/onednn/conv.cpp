// conv.cpp - convolution's lists. `winograd` stands before `direct` and declines where it was not
// faster; what was measured: docs/kernels/onednn.md.
#include <fovea/kernels/cpu/onednn/conv_setup.h>
#include <fovea/kernels/cpu/onednn/engine.h>

#include <fovea/kernels/cpu/host_algorithm.h>

#include <functional>
#include <string>
#include <vector>

namespace fovea::onednn {
namespace {

constexpr char kNhwc[] = "nhwc";         // NHWC activations, oneDNN's first implementation
constexpr char kNhwcJit[] = "nhwc jit";  // the same without the batch-reduced GEMM
constexpr char kBlocked[] = "blocked";   // blocked activations, reordered inside

ConvWay way_of(const Variant& variant, const std::vector<Variant>& offered) {
  const Variant& v = variant.empty() ? offered.front() : variant;
  if (v == kNhwc) return {};
  if (v == kNhwcJit) return {.no_brgconv = true};
  if (v == kBlocked) return {.blocked = true};
  throw InvalidArgument("onednn:direct has no variant '" + v + "'; there are '" + kNhwc + "', '" +
                        kNhwcJit + "' and '" + kBlocked + "'");
}

// Best guess first. One or two channels leave the batch-reduced GEMM's vectors nearly empty.
std::vector<Variant> forward_variants(const ConvProblem& p) {
  if (p.c_per_group() <= 2) return {kNhwcJit, kNhwc, kBlocked};
  return {kNhwc, kNhwcJit, kBlocked};
}

std::vector<Variant> backward_variants(const ConvProblem&) { return {kNhwc, kBlocked}; }

/// One pass in the words that the list needs.
template <class Op>
struct PassParts {
  Epilogue epilogues;  // those it can do
  std::function<std::vector<Variant>(const ConvProblem&)> variants;
  std::function<void(const Maker&, const ConvProblem&, const ConvWay&)> describe;
  std::function<std::unique_ptr<Prepared<typename Op::Args>>(const ConvProblem&, const ConvWay&)>
      prepare;
};

template <class Op>
Algorithm<Op> direct(const PassParts<Op>& pass) {
  Algorithm<Op> a;
  a.engine = kEngine;
  a.name = "direct";
  a.devices = Devices::cpu;
  a.can_run = [pass](const ConvProblem& p, const DeviceInfo&) {
    if (const Verdict v = admits(p.epilogue, pass.epilogues); !v) return v;
    return possible([&] {
      pass.describe(Maker(), p, way_of("", pass.variants(p)));
      return Verdict{};
    });
  };
  a.variants = [pass](const ConvProblem& p, const DeviceInfo&, const Limits&) {
    return pass.variants(p);
  };
  a.prepare = [pass](const ConvProblem& p, const Variant& v, const DeviceInfo&) {
    const ConvWay way = way_of(v, pass.variants(p));
    return guarded<Op>(p, [&] { return pass.prepare(p, way); });
  };
  return a;
}

// F(4x4, 3x3) pays where the filter is 3x3 and both channel counts fill vectors; reordering the
// activations is part of the price.
Verdict winograd_pays(const ConvProblem& p) {
  if (p.r != 3 || p.s != 3) return Verdict::no("Winograd's transform is for 3x3 filters");
  if (p.u != 1 || p.v != 1 || p.dh != 1 || p.dw != 1) {
    return Verdict::no("Winograd's transform is for stride and dilation 1");
  }
  if (p.groups != 1) return Verdict::no("oneDNN has no Winograd for groups > 1");
  if (p.c < 32 || p.k < 32) return Verdict::no("direct is as fast below 32 channels");
  return {};
}

template <class Op>
Algorithm<Op> winograd(const PassParts<Op>& pass) {
  Algorithm<Op> a;
  a.engine = kEngine;
  a.name = "winograd";
  a.devices = Devices::cpu;
  a.exact_on_integers = false;  // the transform has fractions
  a.can_run = [pass](const ConvProblem& p, const DeviceInfo&) {
    if (const Verdict v = admits(p.epilogue, pass.epilogues); !v) return v;
    if (const Verdict v = winograd_pays(p); !v) return v;
    return possible([&] {
      pass.describe(Maker(), p, kWinograd);
      return Verdict{};
    });
  };
  a.prepare = [pass](const ConvProblem& p, const Variant&, const DeviceInfo&) {
    return guarded<Op>(p, [&] { return pass.prepare(p, kWinograd); });
  };
  return a;
}

template <class Op>
void add(Registry& registry, const PassParts<Op>& pass) {
  registry.add<Op>(winograd<Op>(pass));
  registry.add<Op>(direct<Op>(pass));
}

}  // namespace

void add_conv(Registry& registry) {
  add<ConvForward>(registry, {{.bias = true, .relu = true, .tanh = true},
                              forward_variants,
                              forward_desc,
                              prepare_forward});
  add<ConvDgrad>(registry,
                 {{.mask = true, .acc = true}, backward_variants, dgrad_desc, prepare_dgrad});
  add<ConvWgrad>(registry,
                 {{.acc = true, .db = true}, backward_variants, wgrad_desc, prepare_wgrad});
}

}  // namespace fovea::onednn
