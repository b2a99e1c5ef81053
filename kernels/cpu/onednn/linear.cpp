// linear.cpp - the fully connected layer by oneDNN's matrix product, on the weights [n][k] as they
// lie: a faster layout would cost a reorder of all weights in every step. The threads share outputs
// (forward, wgrad) or inputs (dgrad), not rows of the batch, so that each reads its weights alone.
#include <fovea/kernels/cpu/host_algorithm.h>
#include <fovea/kernels/cpu/onednn/engine.h>
#include <fovea/kernels/cpu/onednn/loops.h>
#include <fovea/kernels/ops/linear.h>

namespace fovea::onednn {
namespace {

using Type = memory::data_type;

/// rows x columns, with `row` and `column` elements from one to the next.
memory::desc matrix(Type type, memory::dim rows, memory::dim columns, memory::dim row,
                    memory::dim column) {
  return {{rows, columns}, type, memory::dims{row, column}};
}
memory::desc bias_row(memory::dim columns) { return matrix(Type::f32, 1, columns, columns, 1); }

/// The matrix product of one pass: c = a b (+ bias).
struct Product {
  memory::desc a, b, bias, c;
  dnnl::post_ops ops;

  dnnl::matmul::primitive_desc describe(const Maker& maker) const {
    return onednn::describe<dnnl::matmul>(maker.engine, Maker::attributes(ops), a, b, bias, c);
  }
};

// y[m, part] = x[m, k] w[part, k]^T
Product forward_product(const LinearProblem& p, Type type, std::int64_t outputs) {
  Product f{.a = matrix(type, p.m, p.k, p.k, 1),
            .b = matrix(type, p.k, outputs, 1, p.k),
            .bias = p.epilogue.bias ? bias_row(outputs) : memory::desc(),
            .c = matrix(type, p.m, outputs, p.n, 1),
            .ops = {}};
  if (p.epilogue.tanh && !activates(p.epilogue, type))
    append_eltwise(f.ops, dnnl::algorithm::eltwise_tanh);
  return f;
}

// dx[m, part] = dy[m, n] w[n, part]; `dense`: into a temporary in fp32, for a masked sum.
Product dgrad_product(const LinearProblem& p, Type type, std::int64_t inputs, bool dense) {
  Product d{.a = matrix(type, p.m, p.n, p.n, 1),
            .b = matrix(type, p.n, inputs, p.k, 1),
            .bias = {},
            .c = matrix(dense ? Type::f32 : type, p.m, inputs, dense ? inputs : p.k, 1),
            .ops = {}};
  if (p.epilogue.acc && !dense) d.ops.append_sum(1.0F);
  return d;
}

// dw[part, k] = dy[m, part]^T x[m, k]
Product wgrad_product(const LinearProblem& p, Type type, std::int64_t outputs) {
  Product g{.a = matrix(type, outputs, p.m, 1, p.n),
            .b = matrix(type, p.m, p.k, p.k, 1),
            .bias = {},
            .c = matrix(type, outputs, p.k, p.k, 1),
            .ops = {}};
  if (p.epilogue.acc) g.ops.append_sum(1.0F);
  return g;
}

void build_linear_forward(Program& program, const LinearProblem& p, Type type, std::int64_t first,
                          std::int64_t outputs) {
  const Product f = forward_product(p, type, outputs);
  const auto pd = f.describe(program.maker());
  const auto x = program.external(0, f.a), w = program.external(1, f.b, first * p.k);
  const auto y = program.external(3, f.c, first);
  if (p.epilogue.bias) {
    const auto b = program.external(2, f.bias, first);
    program.add<dnnl::matmul>(
        pd, {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_BIAS, b}, {DNNL_ARG_DST, y}});
  } else {
    program.add<dnnl::matmul>(pd, {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, y}});
  }
  if (!activates(p.epilogue, type)) return;
  const Patch patch{p.m, outputs, p.n, 0};
  program.call([=, e = p.epilogue](const Program& self) { activate(e, patch, self.at(y)); });
}

void build_linear_dgrad(Program& program, const LinearProblem& p, Type type, std::int64_t first,
                        std::int64_t inputs) {
  const bool dense = p.epilogue.mask && p.epilogue.acc;
  const Product d = dgrad_product(p, type, inputs, dense);
  const auto pd = d.describe(program.maker());
  const memory::desc mine = dgrad_product(p, type, inputs, false).c;
  const auto dy = program.external(0, d.a), w = program.external(1, d.b, first);
  const auto mask = program.external(2, mine, first), dx = program.external(3, mine, first);
  const auto result = dense ? program.temporary(d.c) : dx;
  program.add<dnnl::matmul>(pd,
                            {{DNNL_ARG_SRC, dy}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, result}});
  if (!p.epilogue.mask) return;
  const Patch patch{p.m, inputs, p.k, dense ? inputs : p.k};
  program.call([=, acc = p.epilogue.acc](const Program& self) {
    merge(patch, self.at(result), self.at(mask).data, acc, self.at(dx));
  });
}

void build_linear_wgrad(Program& program, const LinearProblem& p, Type type, std::int64_t first,
                        std::int64_t outputs) {
  const Product g = wgrad_product(p, type, outputs);
  const auto pd = g.describe(program.maker());
  const auto x = program.external(0, g.b), dy = program.external(1, g.a, first);
  const auto dw = program.external(2, g.c, first * p.k);
  program.add<dnnl::matmul>(pd, {{DNNL_ARG_SRC, dy}, {DNNL_ARG_WEIGHTS, x}, {DNNL_ARG_DST, dw}});
  if (!p.epilogue.db) return;
  const auto db = program.external(3, bias_row(outputs), first);
  const Patch patch{p.m, outputs, 0, p.n};
  program.call([=, acc = p.epilogue.acc](const Program& self) {
    column_sums(patch, self.at(dy), acc, static_cast<float*>(self.at(db).data));
  });
}

/// Which matrix product the pass makes for `columns` of its outputs or inputs.
template <Pass kPass>
Product product(const LinearProblem& p, Type type, std::int64_t columns) {
  if (kPass == Pass::forward) return forward_product(p, type, columns);
  if (kPass == Pass::wgrad) return wgrad_product(p, type, columns);
  return dgrad_product(p, type, columns, p.epilogue.mask && p.epilogue.acc);
}

template <class Op>
Split split_of(const LinearProblem& p) {
  return Split(Op::kPass == Pass::dgrad ? p.k : p.n);
}

template <class Op, class Build, class Addresses>
void add_pass(Registry& registry, Math math, const Epilogue& epilogues, Build build,
              Addresses addresses) {
  const Type type = type_of(math);
  Algorithm<Op> a;
  a.engine = kEngine;
  a.name = "matmul";
  a.devices = Devices::cpu;
  a.math = math;
  a.can_run = [=](const LinearProblem& p, const DeviceInfo&) {
    if (const Verdict v = has_mode(math); !v) return v;
    if (const Verdict v = covers(epilogues, p.epilogue); !v) return v;
    const Split split = split_of<Op>(p);
    return possible(split.threads_inside(), [&] {
      product<Op::kPass>(p, type, split.longest()).describe(Maker());
      return Verdict{};
    });
  };
  a.prepare = [=](const LinearProblem& p, const Variant&, const DeviceInfo&) {
    const Split split = split_of<Op>(p);
    return guarded<Op>(p, split.threads_inside(), [&] {
      PartedProgram all(split);
      for (int i = 0; i < split.parts(); ++i) {
        Program program(describe_problem<Op>(p));
        build(program, p, type, split.first(i), split.size(i));
        all.add(std::move(program));
      }
      return compiled<Op>(std::move(all), addresses);
    });
  };
  registry.add<Op>(std::move(a));
}

}  // namespace

void add_linear(Registry& registry) {
  for (const Math math : {Math::fp32, Math::bf16}) {
    add_pass<LinearForward>(registry, math, {.bias = true, .relu = true, .tanh = true},
                            build_linear_forward, [](const LinearForward::Args& a) {
                              return std::array<void*, 4>{a.x.data, a.w.data, a.b.data, a.y.data};
                            });
    add_pass<LinearDgrad>(
        registry, math, {.mask = true, .acc = true}, build_linear_dgrad,
        [](const LinearDgrad::Args& a) {
          return std::array<void*, 4>{a.dy.data, a.w.data, a.mask.data, a.dx.data};
        });
    add_pass<LinearWgrad>(registry, math, {.acc = true, .db = true}, build_linear_wgrad,
                          [](const LinearWgrad::Args& a) {
                            return std::array<void*, 4>{a.x.data, a.dy.data, a.dw.data, a.db.data};
                          });
  }
}

}  // namespace fovea::onednn
