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

std::unique_ptr<Prepared<ActivationForward::Args>> prepare_forward(const ActivationProblem& p) {
  Program program(describe_problem<ActivationForward>(p), 2);
  const auto pd = forward_desc(program.maker(), p, forward_kind(p));
  const auto x = program.external(0, data_of(p)), y = program.external(1, data_of(p));
  program.add<dnnl::eltwise_forward>(pd, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}});
  return compiled<ActivationForward>(std::move(program), [](const ActivationForward::Args& a) {
    return std::array<void*, 2>{a.x.data, a.y.data};
  });
}

std::unique_ptr<Prepared<ActivationBackward::Args>> prepare_backward(const ActivationProblem& p) {
  Program program(describe_problem<ActivationBackward>(p), 3);
  const auto pd = backward_desc(program.maker(), p);
  const auto dy = program.external(0, data_of(p)), y = program.external(1, data_of(p));
  const auto dx = program.external(2, data_of(p));
  program.add<dnnl::eltwise_backward>(
      pd, {{DNNL_ARG_DIFF_DST, dy}, {DNNL_ARG_DST, y}, {DNNL_ARG_DIFF_SRC, dx}});
  return compiled<ActivationBackward>(std::move(program), [](const ActivationBackward::Args& a) {
    return std::array<void*, 3>{a.dy.data, a.y.data, a.dx.data};
  });
}

std::unique_ptr<Prepared<Softmax::Args>> prepare_softmax(const LossProblem& p) {
  Program program(describe_problem<Softmax>(p), 2);
  const auto pd = softmax_desc(program.maker(), p);
  const auto x = program.external(0, data_of(p)), y = program.external(1, data_of(p));
  program.add<SoftmaxForward>(pd, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}});
  return compiled<Softmax>(std::move(program), [](const Softmax::Args& a) {
    return std::array<void*, 2>{a.x.data, a.y.data};
  });
}

}  // namespace

void add_pointwise(Registry& registry) {
  add_simple<ActivationForward>(
      registry, "eltwise", false,
      [](const ActivationProblem& p) {
        forward_desc(Maker(), p, forward_kind(p));
        return Verdict{};
      },
      prepare_forward);
  add_simple<ActivationBackward>(
      registry, "eltwise", false,
      [](const ActivationProblem& p) {
        backward_desc(Maker(), p);
        return Verdict{};
      },
      prepare_backward);
  add_simple<Softmax>(
      registry, "softmax", false,
      [](const LossProblem& p) {
        softmax_desc(Maker(), p);
        return Verdict{};
      },
      prepare_softmax);
}

}  // namespace fovea::onednn
