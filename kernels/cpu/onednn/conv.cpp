// conv.cpp - convolution's lists. `winograd` stands before `direct` and declines where it was not
// faster; what was measured: docs/kernels/onednn.md.
#include <fovea/kernels/cpu/onednn/conv_setup.h>
#include <fovea/kernels/cpu/onednn/engine.h>
#include <fovea/kernels/cpu/onednn/winograd_plan.h>

#include <fovea/kernels/cpu/host_algorithm.h>

#include <functional>
#include <string>
#include <vector>

namespace fovea::onednn {
namespace {

constexpr char kNhwc[] = "nhwc";         // NHWC activations, oneDNN's first implementation
constexpr char kNhwcJit[] = "nhwc jit";  // the same without the batch-reduced GEMM
constexpr char kBlocked[] = "blocked";   // blocked activations, reordered inside

ConvWay way_of(Math math, const Variant& variant, const std::vector<Variant>& offered) {
  const Variant& v = variant.empty() ? offered.front() : variant;
  if (v == kNhwc || v == kNhwcJit || v == kBlocked) {
    return {.type = type_of(math), .blocked = v == kBlocked, .no_brgconv = v == kNhwcJit};
  }
  throw InvalidArgument("onednn:direct has no variant '" + v + "'; there are '" + kNhwc + "', '" +
                        kNhwcJit + "' and '" + kBlocked + "'");
}

// Best guess first. A few channels leave the batch-reduced GEMM's vectors nearly empty; with a
// stride the plain kernels lose more.
std::vector<Variant> forward_variants(const ConvProblem& p) {
  if (p.c_per_group() < 8 && p.v == 1) return {kNhwcJit, kNhwc, kBlocked};
  return {kNhwc, kNhwcJit, kBlocked};
}

std::vector<Variant> backward_variants(const ConvProblem&) { return {kNhwc, kBlocked}; }

/// What oneDNN is asked for one part of the batch. Throws dnnl::error where it has nothing.
void describe_pass(Pass pass, const Maker& maker, const ConvProblem& p, const ConvWay& way) {
  if (pass == Pass::forward) forward_desc(maker, p, way);
  if (pass == Pass::dgrad) dgrad_desc(maker, p, way);
  if (pass == Pass::wgrad) wgrad_desc(maker, p, way);
}

template <class Op>
PartedProgram compile(const ConvProblem& p, const ConvWay& way) {
  const Split split(p.n);
  // wgrad: sums over images end in one, and in bf16 are rounded once.
  const bool own = split.parts() > 1 || p.epilogue.acc || way.type != memory::data_type::f32;
  PartedProgram all(split);
  for (int i = 0; i < split.parts(); ++i) {
    Program program(describe_problem<Op>(p));
    const ConvProblem part = images_of(p, split.size(i));
    if (Op::kPass == Pass::forward) build_forward(program, part, way, split.first(i));
    if (Op::kPass == Pass::dgrad) build_dgrad(program, part, way, split.first(i));
    if (Op::kPass == Pass::wgrad) build_wgrad(program, part, way, split.first(i), own);
    all.add(std::move(program));
  }
  if (Op::kPass == Pass::wgrad && own) {
    all.sum(2, way.type, kDw, p.w_shape().elements(), p.epilogue.acc);
    if (p.epilogue.db) all.sum(3, memory::data_type::f32, kDb, p.k, p.epilogue.acc);
  }
  return all;
}

std::array<void*, 4> addresses(const ConvForward::Args& a) {
  return {a.x.data, a.w.data, a.b.data, a.y.data};
}
std::array<void*, 4> addresses(const ConvDgrad::Args& a) {
  return {a.dy.data, a.w.data, a.mask.data, a.dx.data};
}
std::array<void*, 4> addresses(const ConvWgrad::Args& a) {
  return {a.x.data, a.dy.data, a.dw.data, a.db.data};
}

template <class Op>
std::unique_ptr<Prepared<typename Op::Args>> prepare(const ConvProblem& p, const ConvWay& way) {
  return guarded<Op>(p, Split(p.n).threads_inside(), [&] {
    return compiled<Op>(compile<Op>(p, way),
                        [](const typename Op::Args& a) { return addresses(a); });
  });
}

template <class Op>
Verdict has_primitive(const ConvProblem& p, const ConvWay& way) {
  const Split split(p.n);
  return possible(split.threads_inside(), [&] {
    describe_pass(Op::kPass, Maker(), images_of(p, split.longest()), way);
    return Verdict{};
  });
}

constexpr Epilogue epilogues_of(Pass pass) {
  if (pass == Pass::forward) return {.bias = true, .relu = true, .tanh = true};
  if (pass == Pass::dgrad) return {.mask = true, .acc = true};
  return {.acc = true, .db = true};
}

std::vector<Variant> variants_for(Pass pass, const ConvProblem& p) {
  return pass == Pass::forward ? forward_variants(p) : backward_variants(p);
}

// oneDNN 2.6's AVX2 kernel for the weights of strided 1x1 filters writes beyond its scratch memory
// and gives wrong sums below 8 channels (seen for 2 to 6); AVX-512's was right.
Verdict trusted(Pass pass, const ConvProblem& p) {
  const bool strided_points = p.r == 1 && p.s == 1 && (p.u > 1 || p.v > 1);
  if (pass != Pass::wgrad || !strided_points || p.c_per_group() % 8 == 0) return {};
  return Verdict::no(
      "oneDNN 2.6 computes strided 1x1 filters' weights wrong unless 8 divides the channels");
}

template <class Op>
Algorithm<Op> direct(Math math) {
  Algorithm<Op> a;
  a.engine = kEngine;
  a.name = "direct";
  a.devices = Devices::cpu;
  a.math = math;
  a.can_run = [math](const ConvProblem& p, const DeviceInfo&) {
    if (const Verdict v = has_mode(math); !v) return v;
    if (const Verdict v = covers(epilogues_of(Op::kPass), p.epilogue); !v) return v;
    if (const Verdict v = trusted(Op::kPass, p); !v) return v;
    return has_primitive<Op>(p, way_of(math, "", variants_for(Op::kPass, p)));
  };
  a.variants = [](const ConvProblem& p, const DeviceInfo&, const Limits&) {
    return variants_for(Op::kPass, p);
  };
  a.prepare = [math](const ConvProblem& p, const Variant& v, const DeviceInfo&) {
    return prepare<Op>(p, way_of(math, v, variants_for(Op::kPass, p)));
  };
  return a;
}

// The transforms cost as many operations a channel as the products save on about ten others.
constexpr int kFewestChannels = 16;
// Fewer tiles do not repay the transform of the filters.
constexpr std::int64_t kFewestTilesThatPay = 16;
// The weight gradient's error does not shrink with the sum: a short one would show it.
constexpr std::int64_t kFewestPixels = 256;

Verdict winograd_pays(Pass pass, const ConvProblem& p) {
  if (p.r != p.s || (p.r != 3 && p.r != 5)) {
    return Verdict::no("Winograd's transform is for 3x3 and 5x5 filters");
  }
  if (p.u != 1 || p.v != 1 || p.dh != 1 || p.dw != 1) {
    return Verdict::no("Winograd's transform is for stride and dilation 1");
  }
  if (p.c_per_group() < kFewestChannels || p.k_per_group() < kFewestChannels) {
    return Verdict::no("direct is as fast below 16 channels a group");
  }
  if (WinogradPlan::tiles(pass, p) < kFewestTilesThatPay) {
    return Verdict::no("too few tiles repay the transform of the filters");
  }
  if (pass == Pass::wgrad && std::int64_t{p.n} * p.p() * p.q() < kFewestPixels) {
    return Verdict::no("direct is more accurate for sums below 256 pixels");
  }
  return {};
}

template <class Op>
Algorithm<Op> winograd() {
  Algorithm<Op> a;
  a.engine = kEngine;
  a.name = "winograd";
  a.devices = Devices::cpu;
  a.exact_on_integers = false;  // the transform has fractions
  a.can_run = [](const ConvProblem& p, const DeviceInfo&) {
    if (const Verdict v = covers(epilogues_of(Op::kPass), p.epilogue); !v) return v;
    if (p.epilogue.tanh) return Verdict::no("+tanh is not an epilogue of this algorithm");
    return winograd_pays(Op::kPass, p);
  };
  a.prepare = [](const ConvProblem& p, const Variant&, const DeviceInfo&) {
    return guarded<Op>(p, 1, [&] {
      return compiled<Op>(WinogradPlan(Op::kPass, p),
                          [](const typename Op::Args& args) { return addresses(args); });
    });
  };
  return a;
}

template <class Op>
void add_all(Registry& registry) {
  registry.add<Op>(winograd<Op>());
  registry.add<Op>(direct<Op>(Math::fp32));
  registry.add<Op>(direct<Op>(Math::bf16));
}

}  // namespace

void add_conv(Registry& registry) {
  add_all<ConvForward>(registry);
  add_all<ConvDgrad>(registry);
  add_all<ConvWgrad>(registry);
}

}  // namespace fovea::onednn
