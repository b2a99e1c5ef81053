// linear.cpp - the fully connected layer by cuBLASLt. Row-major matrices are its column-major ones
// transposed, so that each pass computes the transpose of its result:
//   forward  y^T  = w x^T       [n,m] = [n,k] [k,m], the bias along n
//   dgrad    dx^T = w^T dy^T    [k,m] = [k,n] [n,m]
//   wgrad    dw^T = x^T dy      [k,n] = [k,m] [m,n], db: dy summed over m
#include <fovea/kernels/cudnn/algorithms.h>
#include <fovea/kernels/cudnn/matmul.h>
#include <fovea/kernels/ops/linear.h>

#include <limits>
#include <utility>

namespace fovea::cudnn {
namespace {

constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

cublasLtEpilogue_t forward_epilogue(const Epilogue& e) {
  if (e.bias) return e.relu ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS;
  return e.relu ? CUBLASLT_EPILOGUE_RELU : CUBLASLT_EPILOGUE_DEFAULT;
}

MatmulSetup setup_of(Pass pass, const LinearProblem& p, Math math) {
  const RowMajor x{p.m, p.k}, w{p.n, p.k}, y{p.m, p.n};
  const bool acc = p.epilogue.acc;
  if (pass == Pass::forward) {
    return {.a = w,
            .b = x,
            .d = y,
            .transpose_a = true,
            .epilogue = forward_epilogue(p.epilogue),
            .math = math};
  }
  if (pass == Pass::dgrad) return {.a = w, .b = y, .d = x, .accumulate = acc, .math = math};
  return {.a = x,
          .b = y,
          .d = w,
          .transpose_b = true,
          .accumulate = acc,
          .epilogue = p.epilogue.db ? CUBLASLT_EPILOGUE_BGRADB : CUBLASLT_EPILOGUE_DEFAULT,
          .math = math};
}

Verdict expressible_linear(Pass pass, const Epilogue& e, Math math) {
  // On an H200 134 times the bound of one rounding.
  if (e.acc && math == Math::bf16) {
    return Verdict::no("cuBLASLt rounds a sum to bf16 before it adds what was there");
  }
  if (pass == Pass::forward) return covers({.bias = true, .relu = true}, e);
  if (pass == Pass::dgrad) return covers({.acc = true}, e);
  if (e.acc && e.db) return Verdict::no("cuBLASLt adds to no bias gradient: +db or +acc, not both");
  return covers({.acc = true, .db = true}, e);
}

/// Addresses of a, b, d and the epilogue's vector.
struct Operands {
  const void *a, *b;
  void *d, *bias;
};
Operands operands(const LinearForward::Args& a) { return {a.w.data, a.x.data, a.y.data, a.b.data}; }
Operands operands(const LinearDgrad::Args& a) { return {a.w.data, a.dy.data, a.dx.data, nullptr}; }
Operands operands(const LinearWgrad::Args& a) {
  return {a.x.data, a.dy.data, a.dw.data, a.db.data};
}

template <class Op>
class LinearPlan final : public Prepared<typename Op::Args> {
 public:
  using Args = typename Op::Args;

  LinearPlan(Matmul matmul, const LinearProblem& p, Math math)
      : matmul_{std::move(matmul)},
        problem_{p},
        math_{math},
        has_bias_{p.epilogue.bias || p.epilogue.db} {}

  std::size_t workspace_bytes() const override { return matmul_.workspace_bytes(); }

  void bind(const Args& args) override {
    if (!has_bias_) return;
    bias_ = operands(args).bias;
    guarded<Op>(problem_, math_, [&] { matmul_.bind_bias(bias_); });
  }

  void run(const Args& args, StreamView stream) override {
    const Operands o = operands(args);
    if (has_bias_ && o.bias != bias_) bind(args);
    guarded<Op>(problem_, math_,
                [&] { matmul_.run(o.a, o.b, o.d, args.context.workspace, stream.native()); });
  }

 private:
  Matmul matmul_;
  LinearProblem problem_;
  Math math_;
  bool has_bias_;
  void* bias_ = nullptr;
};

template <class Op>
Algorithm<Op> matmul(const SharedEngine& engine, Math math) {
  Algorithm<Op> a = algorithm<Op>("cublaslt", math);
  const auto product = [engine, math](const LinearProblem& p, const DeviceInfo& d) {
    return Matmul(engine->cublaslt(d.device.index()), setup_of(Op::kPass, p, math));
  };
  a.can_run = [product, math](const LinearProblem& p, const DeviceInfo& d) {
    if (const Verdict v = expressible_linear(Op::kPass, p.epilogue, math); !v) return v;
    return possible([&] {
      static_cast<void>(product(p, d).propose(kNoLimit));
      return Verdict{};
    });
  };
  a.variants = [product, math](const LinearProblem& p, const DeviceInfo& d, const Limits& limits) {
    return guarded<Op>(p, math, [&] {
      std::vector<Variant> v;
      for (const MatmulConfig& c : product(p, d).propose(limits.workspace_bytes)) {
        v.push_back(to_string(c));
      }
      return v;
    });
  };
  a.prepare = [product, math](const LinearProblem& p, const Variant& variant, const DeviceInfo& d) {
    return guarded<Op>(p, math, [&]() -> std::unique_ptr<Prepared<typename Op::Args>> {
      Matmul m = product(p, d);
      m.choose(variant.empty() ? m.propose(kNoLimit).front() : parse_matmul_config(variant));
      return std::make_unique<LinearPlan<Op>>(std::move(m), p, math);
    });
  };
  return a;
}

}  // namespace

void add_linear(Registry& registry, const SharedEngine& engine) {
  for (const Math math : {Math::fp32, Math::tf32, Math::bf16}) {
    registry.add(matmul<LinearForward>(engine, math));
    registry.add(matmul<LinearDgrad>(engine, math));
    registry.add(matmul<LinearWgrad>(engine, math));
  }
}

}  // namespace fovea::cudnn
