// pointwise.cpp - activations and softmax.
#include <fovea/kernels/cpu/onednn/compiled.h>
#include <fovea/kernels/cpu/onednn/engine.h>
#include <fovea/kernels/ops/elementwise.h>
#include <fovea/kernels/ops/loss.h>

namespace fovea::onednn {
namespace {

using Tag = memory::format_tag;

memory::desc data_of(const ActivationProblem& p) {
  return {{p.count}, memory::data_type::f32, Tag::a};
}
memory::desc data_of(const LossProblem& p) { return {{p.n, p.c}, memory::data_type::f32, Tag::ab}; }

dnnl::algorithm forward_kind(const ActivationProblem& p) {
  return p.kind == Activation::relu ? dnnl::algorithm::eltwise_relu : dnnl::algorithm::eltwise_tanh;
}
dnnl::algorithm backward_kind(const ActivationProblem& p) {
  return p.kind == Activation::relu ? dnnl::algorithm::eltwise_relu_use_dst_for_bwd
                                    : dnnl::algorithm::eltwise_tanh_use_dst_for_bwd;
}

dnnl::eltwise_forward::primitive_desc forward_desc(const Maker& maker, const ActivationProblem& p,
                                                   dnnl::algorithm kind) {
  return describe_eltwise(maker.engine, Maker::attributes(), kind, data_of(p));
}

dnnl::eltwise_backward::primitive_desc backward_desc(const Maker& maker,
                                                     const ActivationProblem& p) {
  return describe_eltwise_backward(maker.engine, Maker::attributes(),
                                   forward_desc(maker, p, backward_kind(p)), backward_kind(p),
                                   data_of(p));
}

SoftmaxForward::primitive_desc softmax_desc(const Maker& maker, const LossProblem& p) {
  return describe<SoftmaxForward>(maker.engine, Maker::attributes(),
                                  dnnl::prop_kind::forward_inference,
                                  dnnl::algorithm::softmax_accurate, data_of(p), data_of(p), 1);
}

void build_activation_forward(Program& program, const ActivationProblem& p, std::int64_t first) {
  const auto pd = forward_desc(program.maker(), p, forward_kind(p));
  const auto x = program.external(0, data_of(p), first), y = program.external(1, data_of(p), first);
  program.add<dnnl::eltwise_forward>(pd, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}});
}

void build_activation_backward(Program& program, const ActivationProblem& p, std::int64_t first) {
  const auto pd = backward_desc(program.maker(), p);
  const auto dy = program.external(0, data_of(p), first);
  const auto y = program.external(1, data_of(p), first);
  const auto dx = program.external(2, data_of(p), first);
  program.add<dnnl::eltwise_backward>(
      pd, {{DNNL_ARG_DIFF_DST, dy}, {DNNL_ARG_DST, y}, {DNNL_ARG_DIFF_SRC, dx}});
}

void build_softmax(Program& program, const LossProblem& p, std::int64_t first) {
  const auto pd = softmax_desc(program.maker(), p);
  const auto x = program.external(0, data_of(p), first * p.c);
  const auto y = program.external(1, data_of(p), first * p.c);
  program.add<SoftmaxForward>(pd, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}});
}

std::int64_t elements(const ActivationProblem& p) { return p.count; }
ActivationProblem elements_of(const ActivationProblem& p, std::int64_t count) {
  return {count, p.kind};
}

}  // namespace

void add_pointwise(Registry& registry) {
  add_by_rows<ActivationForward>(
      registry, "eltwise", false, elements, elements_of,
      [](const Maker& maker, const ActivationProblem& p) {
        if (p.kind == Activation::relu) return Verdict::no("oneDNN's ReLU turns NaN into 0");
        forward_desc(maker, p, forward_kind(p));
        return Verdict{};
      },
      build_activation_forward,
      [](const ActivationForward::Args& a) {
        return std::array<void*, 2>{a.x.data, a.y.data};
      });
  add_by_rows<ActivationBackward>(
      registry, "eltwise", false, elements, elements_of,
      [](const Maker& maker, const ActivationProblem& p) {
        backward_desc(maker, p);
        return Verdict{};
      },
      build_activation_backward,
      [](const ActivationBackward::Args& a) {
        return std::array<void*, 3>{a.dy.data, a.y.data, a.dx.data};
      });
  add_by_rows<Softmax>(
      registry, "softmax", false, images<LossProblem>, images_of<LossProblem>,
      [](const Maker& maker, const LossProblem& p) {
        softmax_desc(maker, p);
        return Verdict{};
      },
      build_softmax,
      [](const Softmax::Args& a) {
        return std::array<void*, 2>{a.x.data, a.y.data};
      });
}

}  // namespace fovea::onednn
