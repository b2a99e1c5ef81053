// in_nchw.h - a convolution that works on NCHW and KCRS, wrapped so that its caller need not know:
// copies of the tensors lie in its workspace, turned before it and back after it. Internal.
#pragma once

#include <fovea/kernels/ops/accuracy.h>
#include <fovea/kernels/ops/layout.h>
#include <fovea/kernels/ops/registry.h>
#include <fovea/kernels/registry/transpose.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace fovea {

/// A tensor of a call that has another order in NCHW.
template <class Op>
struct Turned {
  std::string_view name;
  TensorView Op::Args::*member;
  Shape (ConvProblem::*shape)() const;
  bool in = true, out = false;
};

/// Those of a problem, in the order of Args.
template <class Op>
std::vector<Turned<Op>> turned_tensors(const ConvProblem& p) {
  using A = typename Op::Args;
  using P = ConvProblem;
  if constexpr (Op::kPass == Pass::forward) {
    return {{"x", &A::x, &P::x_shape},
            {"w", &A::w, &P::w_shape},
            {"y", &A::y, &P::y_shape, false, true}};
  } else if constexpr (Op::kPass == Pass::dgrad) {
    std::vector<Turned<Op>> t = {{"dy", &A::dy, &P::y_shape}, {"w", &A::w, &P::w_shape}};
    if (p.epilogue.mask) t.push_back({"mask", &A::mask, &P::x_shape});
    t.push_back({"dx", &A::dx, &P::x_shape, p.epilogue.acc, true});
    return t;
  } else {
    return {{"x", &A::x, &P::x_shape},
            {"dy", &A::dy, &P::y_shape},
            {"dw", &A::dw, &P::w_shape, p.epilogue.acc, true}};
  }
}

/// [n][h][w][c] as n matrices of h * w rows; [k][r][s][c] likewise.
inline MatrixBatch matrices(const Shape& s, std::size_t element_bytes) {
  return {s[0], static_cast<int>(s[1] * s[2]), static_cast<int>(s[3]), element_bytes};
}
inline MatrixBatch turned_back(const MatrixBatch& m) {
  return {m.batch, m.columns, m.rows, m.element_bytes};
}

/// Where the copy of a tensor lies in the workspace.
template <class Op>
struct TurnedCopy {
  Turned<Op> tensor;
  MatrixBatch matrices;
  std::size_t offset, bytes;

  std::size_t end() const { return behind_gap(offset + bytes); }
};

template <class Op>
std::vector<TurnedCopy<Op>> turned_copies(const ConvProblem& p, Math math) {
  const std::size_t element = math == Math::bf16 ? size_of(DType::bf16) : size_of(DType::f32);
  std::vector<TurnedCopy<Op>> copies;
  for (const Turned<Op>& t : turned_tensors<Op>(p)) {
    const Shape shape = (p.*t.shape)();
    copies.push_back({t, matrices(shape, element), copies.empty() ? 0 : copies.back().end(),
                      static_cast<std::size_t>(shape.elements()) * element});
  }
  return copies;
}

template <class Op>
class InNchw final : public Prepared<typename Op::Args>,
                     public Converts<typename Op::Args>,
                     public RoundsItsOwnWay {
 public:
  using Args = typename Op::Args;

  InNchw(std::unique_ptr<Prepared<Args>> inner, const ConvProblem& problem, Math math,
         double of_algorithm)
      : inner_{std::move(inner)},
        copies_{turned_copies<Op>(problem, math)},
        error_factor_{fovea::error_factor(*inner_, of_algorithm)} {}

  std::size_t workspace_bytes() const override {
    return copies_.back().end() + inner_->workspace_bytes();
  }
  bool deterministic() const override { return inner_->deterministic(); }
  double error_factor() const override { return error_factor_; }
  void bind(const Args& args) override {
    turned_ = args;
    auto* const workspace = static_cast<std::byte*>(args.context.workspace);
    for (const Copy& c : copies_) (turned_.*(c.tensor.member)).data = workspace + c.offset;
    turned_.context.workspace =
        inner_->workspace_bytes() > 0 ? workspace + copies_.back().end() : nullptr;
    inner_->bind(turned_);
  }
  void run(const Args& args, StreamView stream) override {
    convert_inputs(args, stream);
    compute(stream);
    convert_outputs(args, stream);
  }

  Layout layout() const override { return Layout::nchw; }
  void convert_inputs(const Args& args, StreamView stream) override {
    for (const Copy& c : copies_) {
      if (!c.tensor.in) continue;
      transpose(c.matrices, at(args, c), at(turned_, c), stream);
    }
  }
  void compute(StreamView stream) override { inner_->run(turned_, stream); }
  void convert_outputs(const Args& args, StreamView stream) override {
    for (const Copy& c : copies_) {
      if (!c.tensor.out) continue;
      transpose(turned_back(c.matrices), at(turned_, c), at(args, c), stream);
    }
  }
  std::vector<WorkspaceGap> gaps() const override {
    std::vector<WorkspaceGap> all;
    for (const Copy& c : copies_) {
      const std::size_t from = c.offset + c.bytes;
      all.push_back({from, c.end() - from, c.tensor.name});
    }
    return all;
  }

 private:
  using Copy = TurnedCopy<Op>;
  static void* at(const Args& args, const Copy& c) { return (args.*(c.tensor.member)).data; }

  std::unique_ptr<Prepared<Args>> inner_;
  std::vector<Copy> copies_;
  double error_factor_;
  Args turned_{};
};

/// `a`, which works on NCHW, as an algorithm on NHWC.
template <class Op>
Algorithm<Op> in_nchw(Algorithm<Op> a) {
  if (a.variants) {  // the copies take their part of the workspace
    a.variants = [variants = std::move(a.variants), math = a.math](
                     const ConvProblem& p, const DeviceInfo& d, Limits limits) {
      const std::size_t copies = turned_copies<Op>(p, math).back().end();
      limits.workspace_bytes -= std::min(limits.workspace_bytes, copies);
      return variants(p, d, limits);
    };
  }
  a.prepare = [prepare = std::move(a.prepare), math = a.math, factor = a.error_factor](
                  const ConvProblem& p, const Variant& v, const DeviceInfo& d) {
    return std::make_unique<InNchw<Op>>(prepare(p, v, d), p, math, factor);
  };
  return a;
}

/// Appends all convolutions of `on_nchw`, each converted.
inline void add_converted(const Registry& on_nchw, Registry& registry) {
  for (const auto& a : on_nchw.list<ConvForward>()) registry.add(in_nchw(a));
  for (const auto& a : on_nchw.list<ConvDgrad>()) registry.add(in_nchw(a));
  for (const auto& a : on_nchw.list<ConvWgrad>()) registry.add(in_nchw(a));
}

}  // namespace fovea
