// linear.cpp - the fully connected layer by oneDNN's matrix product, on the weights [n][k] as they
// lie: a faster layout would cost a reorder of all weights in every step. The threads share outputs
// (forward, wgrad) or inputs (dgrad), not rows of the batch, so that each reads its weights alone.
#include <fovea/kernels/cpu/host_algorithm.h>
#include <fovea/kernels/cpu/onednn/engine.h>
#include <fovea/kernels/cpu/onednn/loops.h>
#include <fovea/kernels/ops/linear.h>

namespace fovea::onednn {
namespace {

/// rows x columns, with `row` and `column` elements from one to the next.
memory::desc matrix(memory::dim rows, memory::dim columns, memory::dim row, memory::dim column) {
  return {{rows, columns}, memory::data_type::f32, memory::dims{row, column}};
}

/// The matrix product of one pass: c = a b (+ bias).
struct Product {
  memory::desc a, b, bias, c;
  dnnl::post_ops ops;

  dnnl::matmul::primitive_desc describe(const Maker& maker) const {
    return onednn::describe<dnnl::matmul>(maker.engine, Maker::attributes(ops), a, b, bias, c);
  }
};

// y[m, part] = x[m, k] w[part, k]^T
Product forward_product(const LinearProblem& p, std::int64_t outputs) {
  Product f{.a = matrix(p.m, p.k, p.k, 1),
            .b = matrix(p.k, outputs, 1, p.k),
            .bias = p.epilogue.bias ? matrix(1, outputs, outputs, 1) : memory::desc(),
            .c = matrix(p.m, outputs, p.n, 1),
            .ops = {}};
  if (p.epilogue.tanh) append_eltwise(f.ops, dnnl::algorithm::eltwise_tanh);
  return f;
}

// dx[m, part] = dy[m, n] w[n, part]; `dense`: into a temporary, for a masked sum.
Product dgrad_product(const LinearProblem& p, std::int64_t inputs, bool dense) {
  Product d{.a = matrix(p.m, p.n, p.n, 1),
            .b = matrix(p.n, inputs, p.k, 1),
            .bias = {},
            .c = matrix(p.m, inputs, dense ? inputs : p.k, 1),
            .ops = {}};
  if (p.epilogue.acc && !dense) d.ops.append_sum(1.0F);
  return d;
}

// dw[part, k] = dy[m, part]^T x[m, k]
Product wgrad_product(const LinearProblem& p, std::int64_t outputs) {
  Product g{.a = matrix(outputs, p.m, 1, p.n),
            .b = matrix(p.m, p.k, p.k, 1),
            .bias = {},
            .c = matrix(outputs, p.k, p.k, 1),
            .ops = {}};
  if (p.epilogue.acc) g.ops.append_sum(1.0F);
  return g;
}

void build_linear_forward(Program& program, const LinearProblem& p, std::int64_t first,
                          std::int64_t outputs) {
  const Product f = forward_product(p, outputs);
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
  if (!p.epilogue.relu) return;
  const Patch patch{p.m, outputs, p.n, 0};
  program.call([=](const Program& self) { relu(patch, self.address(y)); });
}

void build_linear_dgrad(Program& program, const LinearProblem& p, std::int64_t first,
                        std::int64_t inputs) {
  const bool dense = p.epilogue.mask && p.epilogue.acc;
  const Product d = dgrad_product(p, inputs, dense);
  const auto pd = d.describe(program.maker());
  const memory::desc mine = dgrad_product(p, inputs, false).c;
  const auto dy = program.external(0, d.a), w = program.external(1, d.b, first);
  const auto mask = program.external(2, mine, first), dx = program.external(3, mine, first);
  const auto result = dense ? program.temporary(d.c) : dx;
  program.add<dnnl::matmul>(pd,
                            {{DNNL_ARG_SRC, dy}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, result}});
  if (!p.epilogue.mask) return;
  const Patch patch{p.m, inputs, p.k, dense ? inputs : p.k};
  program.call([=, acc = p.epilogue.acc](const Program& self) {
    merge(patch, self.address(result), self.address(mask), acc, self.address(dx));
  });
}

void build_linear_wgrad(Program& program, const LinearProblem& p, std::int64_t first,
                        std::int64_t outputs) {
  const Product g = wgrad_product(p, outputs);
  const auto pd = g.describe(program.maker());
  const auto x = program.external(0, g.b), dy = program.external(1, g.a, first);
  const auto dw = program.external(2, g.c, first * p.k);
  program.add<dnnl::matmul>(pd, {{DNNL_ARG_SRC, dy}, {DNNL_ARG_WEIGHTS, x}, {DNNL_ARG_DST, dw}});
  if (!p.epilogue.db) return;
  const auto db = program.external(3, matrix(1, outputs, outputs, 1), first);
  const Patch patch{p.m, outputs, 0, p.n};
  program.call([=, acc = p.epilogue.acc](const Program& self) {
    column_sums(patch, self.address(dy), acc, self.address(db));
  });
}

/// Which matrix product the pass makes for `columns` of its outputs or inputs.
template <Pass kPass>
Product product(const LinearProblem& p, std::int64_t columns) {
  if (kPass == Pass::forward) return forward_product(p, columns);
  if (kPass == Pass::wgrad) return wgrad_product(p, columns);
  return dgrad_product(p, columns, p.epilogue.mask && p.epilogue.acc);
}

template <class Op>
Split split_of(const LinearProblem& p) {
  return Split(Op::kPass == Pass::dgrad ? p.k : p.n);
}

template <class Op, class Build, class Addresses>
void add_pass(Registry& registry, const Epilogue& epilogues, Build build, Addresses addresses) {
  Algorithm<Op> a;
  a.engine = kEngine;
  a.name = "matmul";
  a.devices = Devices::cpu;
  a.can_run = [=](const LinearProblem& p, const DeviceInfo&) {
    if (const Verdict v = covers(epilogues, p.epilogue); !v) return v;
    const Split split = split_of<Op>(p);
    return possible(split.threads_inside(), [&] {
      product<Op::kPass>(p, split.longest()).describe(Maker());
      return Verdict{};
    });
  };
  a.prepare = [=](const LinearProblem& p, const Variant&, const DeviceInfo&) {
    const Split split = split_of<Op>(p);
    return guarded<Op>(p, split.threads_inside(), [&] {
      PartedProgram all(split);
      for (int i = 0; i < split.parts(); ++i) {
        Program program(describe_problem<Op>(p));
        build(program, p, split.first(i), split.size(i));
        all.add(std::move(program));
      }
      return compiled<Op>(std::move(all), addresses);
    });
  };
  registry.add<Op>(std::move(a));
}

}  // namespace

void add_linear(Registry& registry) {
  add_pass<LinearForward>(registry, {.bias = true, .relu = true, .tanh = true},
                          build_linear_forward, [](const LinearForward::Args& a) {
                            return std::array<void*, 4>{a.x.data, a.w.data, a.b.data, a.y.data};
                          });
  add_pass<LinearDgrad>(registry, {.mask = true, .acc = true}, build_linear_dgrad,
                        [](const LinearDgrad::Args& a) {
                          return std::array<void*, 4>{a.dy.data, a.w.data, a.mask.data, a.dx.data};
                        });
  add_pass<LinearWgrad>(registry, {.acc = true, .db = true}, build_linear_wgrad,
                        [](const LinearWgrad::Args& a) {
                          return std::array<void*, 4>{a.x.data, a.dy.data, a.dw.data, a.db.data};
                        });
}

}  // namespace fovea::onednn
