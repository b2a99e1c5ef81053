// conv_setup.cpp - a ConvProblem as descriptors, and each pass as a Program.
#include <fovea/kernels/cpu/onednn/conv_setup.h>
#include <fovea/kernels/cpu/onednn/loops.h>

#include <algorithm>
#include <string_view>

namespace fovea::onednn {
namespace {

using Type = memory::data_type;
using Tag = memory::format_tag;

// NHWC for the caller, or oneDNN's choice.
memory::desc activation(const memory::dims& dims, const ConvWay& way, Type type) {
  return {dims, type, way.blocked ? Tag::any : Tag::nhwc};
}
memory::desc activation(const memory::dims& dims, const ConvWay& way) {
  return activation(dims, way, way.type);
}
// In the order that oneDNN likes.
memory::desc filters(const ConvSetup& s, Type type) { return {s.w_dims, type, Tag::any}; }

// dx before it is stored: in fp32 where it is still to be added.
Type dx_type(const ConvProblem& p, const ConvWay& way) {
  return p.epilogue.acc ? Type::f32 : way.type;
}

dnnl::primitive_attr forward_attributes(const Epilogue& e, Type type) {
  dnnl::post_ops ops;
  if (e.tanh && !activates(e, type)) append_eltwise(ops, dnnl::algorithm::eltwise_tanh);
  return Maker::attributes(ops);
}

auto unwanted_by(const ConvWay& way) {
  return [no_brgconv = way.no_brgconv](std::string_view implementation) {
    return no_brgconv && implementation.starts_with("brgconv");
  };
}

// The forward descriptor that a backward one takes as its hint.
dnnl::convolution_forward::primitive_desc hint_desc(const Maker& maker, const ConvSetup& s,
                                                    const ConvWay& way) {
  return describe<dnnl::convolution_forward>(
      maker.engine, Maker::attributes(), dnnl::prop_kind::forward_training,
      dnnl::algorithm::convolution_direct, activation(s.x_dims, way), filters(s, way.type),
      memory::desc(), activation(s.y_dims, way), s.stride, s.dilation, s.begin, s.end);
}

}  // namespace

ConvSetup::ConvSetup(const ConvProblem& p, Type type)
    : b{{p.k}, Type::f32, Tag::x},
      stride{p.u, p.v},
      dilation{p.dh - 1, p.dw - 1},  // oneDNN counts the gaps
      begin{p.ph.begin, p.pw.begin},
      end{p.ph.end, p.pw.end},
      x_dims{p.n, p.c, p.h, p.w},
      y_dims{p.n, p.k, p.p(), p.q()} {
  x = {x_dims, type, Tag::nhwc};
  y = {y_dims, type, Tag::nhwc};
  const memory::dim c = p.c_per_group(), k = p.k_per_group(), filter = memory::dim{p.r} * p.s * c;
  if (p.groups == 1) {
    w_dims = {k, c, p.r, p.s};
    w = memory::desc(w_dims, type, memory::dims{filter, 1, p.s * c, c});
  } else {
    w_dims = {p.groups, k, c, p.r, p.s};
    w = memory::desc(w_dims, type, memory::dims{k * filter, filter, 1, p.s * c, c});
  }
}

dnnl::convolution_forward::primitive_desc forward_desc(const Maker& maker, const ConvProblem& p,
                                                       const ConvWay& way) {
  const ConvSetup s(p, way.type);
  return describe_wanted<dnnl::convolution_forward>(
      maker.engine, forward_attributes(p.epilogue, way.type), unwanted_by(way),
      dnnl::prop_kind::forward_training, dnnl::algorithm::convolution_direct,
      activation(s.x_dims, way), filters(s, way.type), p.epilogue.bias ? s.b : memory::desc(),
      activation(s.y_dims, way), s.stride, s.dilation, s.begin, s.end);
}

dnnl::convolution_backward_data::primitive_desc dgrad_desc(const Maker& maker, const ConvProblem& p,
                                                           const ConvWay& way) {
  const ConvSetup s(p, way.type);
  return describe_backward<dnnl::convolution_backward_data>(
      maker.engine, Maker::attributes(), hint_desc(maker, s, way),
      dnnl::algorithm::convolution_direct, activation(s.x_dims, way, dx_type(p, way)),
      filters(s, way.type), activation(s.y_dims, way), s.stride, s.dilation, s.begin, s.end);
}

dnnl::convolution_backward_weights::primitive_desc wgrad_desc(const Maker& maker,
                                                              const ConvProblem& p,
                                                              const ConvWay& way) {
  const ConvSetup s(p, way.type);
  return describe_backward<dnnl::convolution_backward_weights>(
      maker.engine, Maker::attributes(), hint_desc(maker, s, way),
      dnnl::algorithm::convolution_direct, activation(s.x_dims, way), filters(s, Type::f32),
      p.epilogue.db ? s.b : memory::desc(), activation(s.y_dims, way), s.stride, s.dilation,
      s.begin, s.end);
}

namespace {

// Outputs of so many bytes are still in a core's second-level cache when activate() goes over them.
constexpr std::int64_t kCachedBytes = 1 << 19;

std::int64_t images_a_step(const ConvProblem& p, const ConvWay& way) {
  if (!activates(p.epilogue, way.type) || way.blocked) return p.n;
  const std::int64_t image = std::int64_t{p.p()} * p.q() * p.k * memory::data_type_size(way.type);
  return std::clamp<std::int64_t>(kCachedBytes / image, 1, p.n);
}

void build_forward_step(Program& program, const ConvProblem& p, const ConvWay& way,
                        std::int64_t first, std::int64_t steps) {
  const auto pd = forward_desc(program.maker(), p, way);
  const ConvSetup s(p, way.type);
  const std::int64_t x_image = std::int64_t{p.h} * p.w * p.c;
  const std::int64_t y_image = std::int64_t{p.p()} * p.q() * p.k;
  const auto w = program.external(1, s.w), b = program.external(2, s.b);
  const auto w_inside = program.in_layout(w, pd.weights_desc());
  program.reorder(w, w_inside);
  for (std::int64_t i = 0; i < steps; ++i, first += p.n) {
    const auto x = program.external(0, s.x, first * x_image);
    const auto y = program.external(3, s.y, first * y_image);
    const auto x_inside = program.in_layout(x, pd.src_desc());
    const auto y_inside = program.in_layout(y, pd.dst_desc());
    program.reorder(x, x_inside);
    if (p.epilogue.bias) {
      program.add<dnnl::convolution_forward>(pd, {{DNNL_ARG_SRC, x_inside},
                                                  {DNNL_ARG_WEIGHTS, w_inside},
                                                  {DNNL_ARG_BIAS, b},
                                                  {DNNL_ARG_DST, y_inside}});
    } else {
      program.add<dnnl::convolution_forward>(
          pd, {{DNNL_ARG_SRC, x_inside}, {DNNL_ARG_WEIGHTS, w_inside}, {DNNL_ARG_DST, y_inside}});
    }
    program.reorder(y_inside, y);
    if (activates(p.epilogue, way.type)) {
      program.call([y, e = p.epilogue, count = p.n * y_image](const Program& self) {
        activate(e, {.columns = count}, self.at(y));
      });
    }
  }
}

}  // namespace

void build_forward(Program& program, const ConvProblem& p, const ConvWay& way, std::int64_t first) {
  ConvProblem step = p;
  step.n = static_cast<int>(images_a_step(p, way));
  const int steps = p.n / step.n, rest = p.n % step.n;
  build_forward_step(program, step, way, first, steps);
  if (rest == 0) return;
  first += std::int64_t{steps} * step.n;
  step.n = rest;
  build_forward_step(program, step, way, first, 1);
}

void build_dgrad(Program& program, const ConvProblem& p, const ConvWay& way, std::int64_t first) {
  const auto pd = dgrad_desc(program.maker(), p, way);
  const ConvSetup s(p, way.type);
  const std::int64_t x_first = first * p.h * p.w * p.c;
  const auto dy = program.external(0, s.y, first * p.p() * p.q() * p.k);
  const auto w = program.external(1, s.w), mask = program.external(2, s.x, x_first);
  const auto dx = program.external(3, s.x, x_first);
  const auto dy_inside = program.in_layout(dy, pd.diff_dst_desc());
  const auto w_inside = program.in_layout(w, pd.weights_desc());
  const memory::desc in_nhwc(s.x_dims, dx_type(p, way), Tag::nhwc);
  const bool plain = pd.diff_src_desc() == in_nhwc;
  // A sum may not overwrite what it adds to; a masked one, and one that is rounded, pass through a
  // temporary in NHWC.
  const bool apart = plain || p.epilogue.mask || way.type != Type::f32;
  const auto result = p.epilogue.acc && apart ? program.temporary(in_nhwc) : dx;
  const auto inside = plain ? result : program.temporary(pd.diff_src_desc());
  program.reorder(dy, dy_inside);
  program.reorder(w, w_inside);
  program.add<dnnl::convolution_backward_data>(
      pd,
      {{DNNL_ARG_DIFF_DST, dy_inside}, {DNNL_ARG_WEIGHTS, w_inside}, {DNNL_ARG_DIFF_SRC, inside}});
  program.reorder(inside, result, p.epilogue.acc && result == dx);
  if (p.epilogue.mask || result != dx) {
    const std::int64_t count = std::int64_t{p.n} * p.h * p.w * p.c;
    program.call([=, e = p.epilogue](const Program& self) {
      merge({.columns = count}, self.at(result), e.mask ? self.at(mask).data : nullptr, e.acc,
            self.at(dx));
    });
  }
}

void build_wgrad(Program& program, const ConvProblem& p, const ConvWay& way, std::int64_t first,
                 bool own) {
  const auto pd = wgrad_desc(program.maker(), p, way);
  const ConvSetup s(p, way.type);
  const auto x = program.external(0, s.x, first * p.h * p.w * p.c);
  const auto dy = program.external(1, s.y, first * p.p() * p.q() * p.k);
  const memory::desc w = ConvSetup(p, Type::f32).w;
  const auto dw = own ? program.temporary(w) : program.external(2, w);
  const auto db = own ? program.temporary(s.b) : program.external(3, s.b);
  const auto x_inside = program.in_layout(x, pd.src_desc());
  const auto dy_inside = program.in_layout(dy, pd.diff_dst_desc());
  const auto dw_inside = program.in_layout(dw, pd.diff_weights_desc());
  program.reorder(x, x_inside);
  program.reorder(dy, dy_inside);
  if (p.epilogue.db) {
    program.add<dnnl::convolution_backward_weights>(pd, {{DNNL_ARG_SRC, x_inside},
                                                         {DNNL_ARG_DIFF_DST, dy_inside},
                                                         {DNNL_ARG_DIFF_WEIGHTS, dw_inside},
                                                         {DNNL_ARG_DIFF_BIAS, db}});
  } else {
    program.add<dnnl::convolution_backward_weights>(pd, {{DNNL_ARG_SRC, x_inside},
                                                         {DNNL_ARG_DIFF_DST, dy_inside},
                                                         {DNNL_ARG_DIFF_WEIGHTS, dw_inside}});
  }
  program.reorder(dw_inside, dw);
}

}  // namespace fovea::onednn
