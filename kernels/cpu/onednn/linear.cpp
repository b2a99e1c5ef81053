// linear.cpp - the fully connected layer by oneDNN's inner product over [n][k] weights as they
// are: a reorder of the weights costs more than the faster kernel gains.
#include <fovea/kernels/cpu/host_algorithm.h>
#include <fovea/kernels/cpu/onednn/compiled.h>
#include <fovea/kernels/cpu/onednn/engine.h>
#include <fovea/kernels/ops/linear.h>

namespace fovea::onednn {
namespace {

using Tag = memory::format_tag;

struct LinearSetup {
  explicit LinearSetup(const LinearProblem& p)
      : x{matrix(p.m, p.k)}, w{matrix(p.n, p.k)}, y{matrix(p.m, p.n)}, b{vector(p.n)} {}

  static memory::desc matrix(memory::dim rows, memory::dim columns) {
    return {{rows, columns}, memory::data_type::f32, Tag::ab};
  }
  static memory::desc vector(memory::dim n) { return {{n}, memory::data_type::f32, Tag::a}; }

  memory::desc x, w, y, b;
};

dnnl::inner_product_forward::primitive_desc forward_desc(const Maker& maker,
                                                         const LinearProblem& p) {
  const LinearSetup s(p);
  dnnl::post_ops ops;
  if (p.epilogue.relu) append_eltwise(ops, dnnl::algorithm::eltwise_relu);
  if (p.epilogue.tanh) append_eltwise(ops, dnnl::algorithm::eltwise_tanh);
  return describe<dnnl::inner_product_forward>(maker.engine, Maker::attributes(ops),
                                               dnnl::prop_kind::forward_training, s.x, s.w,
                                               p.epilogue.bias ? s.b : memory::desc(), s.y);
}

dnnl::inner_product_forward::primitive_desc hint_desc(const Maker& maker, const LinearSetup& s) {
  return describe<dnnl::inner_product_forward>(maker.engine, Maker::attributes(),
                                               dnnl::prop_kind::forward_training, s.x, s.w,
                                               memory::desc(), s.y);
}

dnnl::inner_product_backward_data::primitive_desc dgrad_desc(const Maker& maker,
                                                             const LinearProblem& p) {
  const LinearSetup s(p);
  return describe_backward<dnnl::inner_product_backward_data>(maker.engine, Maker::attributes(),
                                                              hint_desc(maker, s), s.x, s.w, s.y);
}

dnnl::inner_product_backward_weights::primitive_desc wgrad_desc(const Maker& maker,
                                                                const LinearProblem& p) {
  const LinearSetup s(p);
  return describe_backward<dnnl::inner_product_backward_weights>(
      maker.engine, Maker::attributes(), hint_desc(maker, s), s.x, s.w,
      p.epilogue.db ? s.b : memory::desc(), s.y);
}

std::unique_ptr<Prepared<LinearForward::Args>> prepare_forward(const LinearProblem& p) {
  const LinearSetup s(p);
  Program program(describe_problem<LinearForward>(p), 4);
  const auto pd = forward_desc(program.maker(), p);
  const auto x = program.external(0, s.x), w = program.external(1, s.w);
  const auto b = program.external(2, s.b), y = program.external(3, s.y);
  if (p.epilogue.bias) {
    program.add<dnnl::inner_product_forward>(
        pd, {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_BIAS, b}, {DNNL_ARG_DST, y}});
  } else {
    program.add<dnnl::inner_product_forward>(
        pd, {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, y}});
  }
  return compiled<LinearForward>(std::move(program), [](const LinearForward::Args& a) {
    return std::array<void*, 4>{a.x.data, a.w.data, a.b.data, a.y.data};
  });
}

std::unique_ptr<Prepared<LinearDgrad::Args>> prepare_dgrad(const LinearProblem& p) {
  const LinearSetup s(p);
  Program program(describe_problem<LinearDgrad>(p), 4);
  const auto pd = dgrad_desc(program.maker(), p);
  const auto dy = program.external(0, s.y), w = program.external(1, s.w);
  const auto mask = program.external(2, s.x), dx = program.external(3, s.x);
  const auto result = p.epilogue.acc ? program.temporary(s.x) : dx;
  program.add<dnnl::inner_product_backward_data>(
      pd, {{DNNL_ARG_DIFF_DST, dy}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DIFF_SRC, result}});
  if (p.epilogue.mask || p.epilogue.acc) {
    program.merge(result, dx, p.epilogue.mask ? &mask : nullptr, p.epilogue.acc);
  }
  return compiled<LinearDgrad>(std::move(program), [](const LinearDgrad::Args& a) {
    return std::array<void*, 4>{a.dy.data, a.w.data, a.mask.data, a.dx.data};
  });
}

std::unique_ptr<Prepared<LinearWgrad::Args>> prepare_wgrad(const LinearProblem& p) {
  const LinearSetup s(p);
  const bool acc = p.epilogue.acc;
  Program program(describe_problem<LinearWgrad>(p), 4);
  const auto pd = wgrad_desc(program.maker(), p);
  const auto x = program.external(0, s.x), dy = program.external(1, s.y);
  const auto dw = program.external(2, s.w), db = program.external(3, s.b);
  const auto dw_result = acc ? program.temporary(s.w) : dw;
  const auto db_result = acc ? program.temporary(s.b) : db;
  if (p.epilogue.db) {
    program.add<dnnl::inner_product_backward_weights>(pd, {{DNNL_ARG_SRC, x},
                                                           {DNNL_ARG_DIFF_DST, dy},
                                                           {DNNL_ARG_DIFF_WEIGHTS, dw_result},
                                                           {DNNL_ARG_DIFF_BIAS, db_result}});
  } else {
    program.add<dnnl::inner_product_backward_weights>(
        pd, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DIFF_DST, dy}, {DNNL_ARG_DIFF_WEIGHTS, dw_result}});
  }
  if (acc) program.merge(dw_result, dw, nullptr, true);
  if (acc && p.epilogue.db) program.merge(db_result, db, nullptr, true);
  return compiled<LinearWgrad>(std::move(program), [](const LinearWgrad::Args& a) {
    return std::array<void*, 4>{a.x.data, a.dy.data, a.dw.data, a.db.data};
  });
}

template <class Op, class Describe, class Prepare>
void add(Registry& registry, const Epilogue& epilogues, Describe describe, Prepare prepare) {
  add_simple<Op>(
      registry, "inner_product", true,
      [=](const LinearProblem& p) {
        if (const Verdict v = admits(p.epilogue, epilogues); !v) return v;
        describe(Maker(), p);
        return Verdict{};
      },
      prepare);
}

}  // namespace

void add_linear(Registry& registry) {
  add<LinearForward>(registry, {.bias = true, .relu = true, .tanh = true}, forward_desc,
                     prepare_forward);
  add<LinearDgrad>(registry, {.mask = true, .acc = true}, dgrad_desc, prepare_dgrad);
  add<LinearWgrad>(registry, {.acc = true, .db = true}, wgrad_desc, prepare_wgrad);
}

}  // namespace fovea::onednn
