// space_to_depth.cu - a first layer's convolution as one without a stride: u x v pixels become one
// of u v c channels, which fill implicit_gemm's vectors (AlexNet: 3 channels under a stride of 4
// become 48). forward and weight gradient, in the three math modes. The algebra: space_to_depth.h.
//
// Folded copies lie in the workspace; they are made before the product, and dw is unfolded after
// it (Converts: timed apart). An x that lies folded, as the input cast may leave it, is read there;
// forward then finds w folded too (fold_weights.h) and is the product alone.
// Folding: a thread an element of the copy, v c of which lie side by side on both sides; every
// element is read and written once.
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/cuda/tile/fast_divide.h>
#include <fovea/kernels/device/element.h>
#include <fovea/kernels/device/launch.h>
#include <fovea/kernels/ops/layout.h>
#include <fovea/kernels/ops/space_to_depth.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace fovea::FOVEA_TARGET {
namespace {

constexpr int kThreads = 256;

/// What is folded, [images, height, width, channels], and the copy's extents.
struct Fold {
  int height = 0, width = 0, channels = 0;
  int u = 1, pad_row = 0, pad_column = 0;
  unsigned elements = 0;                 // of the copy
  FastDivide run, block, columns, rows;  // u c; u; columns and rows of the copy

  /// Where element e of the copy comes from; -1: padding.
  __device__ __forceinline__ std::int64_t source(unsigned e) const {
    const unsigned run_index = run.quotient(e);  // image, i, j, a
    const unsigned pixel = block.quotient(run_index);
    const unsigned line = columns.quotient(pixel);
    const unsigned image = rows.quotient(line);
    const int row = static_cast<int>(rows.remainder(line, image)) * u - pad_row +
                    static_cast<int>(block.remainder(run_index, pixel));
    const int at = (static_cast<int>(columns.remainder(pixel, line)) * u - pad_column) * channels +
                   static_cast<int>(run.remainder(e, run_index));  // column and channel
    const int length = width * channels;
    if (static_cast<unsigned>(row) >= static_cast<unsigned>(height) ||
        static_cast<unsigned>(at) >= static_cast<unsigned>(length)) {
      return -1;
    }
    return (std::int64_t{image} * height + row) * length + at;
  }
};

template <class E>
__global__ void __launch_bounds__(kThreads)
    fold(const __grid_constant__ Fold f, const E* from, E* to) {
  const unsigned e = blockIdx.x * kThreads + threadIdx.x;
  if (e >= f.elements) return;
  const std::int64_t at = f.source(e);
  to[e] = at < 0 ? E{} : from[at];
}

template <class E>
__global__ void __launch_bounds__(kThreads)
    unfold(const __grid_constant__ Fold f, const E* from, E* to) {
  const unsigned e = blockIdx.x * kThreads + threadIdx.x;
  if (e >= f.elements) return;
  if (const std::int64_t at = f.source(e); at >= 0) to[at] = from[e];
}

Fold fold_of(int u, const Shape& from, const Shape& to, int pad_row = 0, int pad_column = 0) {
  const auto divide = [](std::int64_t n) { return FastDivide(static_cast<unsigned>(n)); };
  return {.height = static_cast<int>(from[1]),
          .width = static_cast<int>(from[2]),
          .channels = static_cast<int>(from[3]),
          .u = u,
          .pad_row = pad_row,
          .pad_column = pad_column,
          .elements = static_cast<unsigned>(to.elements()),
          .run = divide(u * from[3]),
          .block = divide(u),
          .columns = divide(to[2]),
          .rows = divide(to[1])};
}
Fold fold_of_x(const ConvProblem& p) {
  return fold_of(p.u, {p.n, p.h, p.w, p.c}, folded(p).x_shape(), p.ph.begin, p.pw.begin);
}
Fold fold_of_w(const FoldWeightsProblem& p) { return fold_of(p.u, p.w_shape(), p.ws_shape()); }

Launch launch_of(const Fold& f) {
  return {.grid = {ceil_div(f.elements, kThreads)}, .block = {kThreads}};
}
template <class E>
void run_fold(const Fold& f, const TensorView& from, const TensorView& to, StreamView stream) {
  launch(fold<E>, launch_of(f), stream, f, from.as<E>(), to.as<E>());
}
template <class E>
void run_unfold(const Fold& f, const TensorView& from, const TensorView& to, StreamView stream) {
  launch(unfold<E>, launch_of(f), stream, f, from.as<E>(), to.as<E>());
}

/// The folded copies in the workspace: x unless it lies so (wgrad), then w or dw, then what the
/// product needs.
template <class E>
struct FoldedCopies {
  std::size_t x_bytes, w_bytes, w_offset, end;

  explicit FoldedCopies(const ConvProblem& p)
      : x_bytes{p.s2d ? 0 : bytes_of(folded(p).x_shape())},
        w_bytes{bytes_of(folded(p).w_shape())},
        w_offset{p.s2d ? 0 : behind_gap(x_bytes)},
        end{behind_gap(w_offset + w_bytes)} {}
  std::vector<WorkspaceGap> gaps(std::string_view weights) const {
    const WorkspaceGap behind_w{w_offset + w_bytes, end - w_offset - w_bytes, weights};
    if (w_offset == 0) return {behind_w};
    return {{x_bytes, w_offset - x_bytes, "x"}, behind_w};
  }

 private:
  static std::size_t bytes_of(const Shape& s) {
    return static_cast<std::size_t>(s.elements()) * sizeof(E);
  }
};

/// A pass on the folded problem between folding and unfolding; E: of the tensors.
template <class Op, class E>
class SpaceToDepth final : public Prepared<typename Op::Args>, public Converts<typename Op::Args> {
 public:
  using Args = typename Op::Args;
  static constexpr bool kForward = Op::kPass == Pass::forward;
  static constexpr TensorView Args::*kWeights = [] {
    if constexpr (kForward) {
      return &Args::w;
    } else {
      return &Args::dw;
    }
  }();

  SpaceToDepth(std::unique_ptr<Prepared<Args>> product, const ConvProblem& p)
      : product_{std::move(product)},
        p_{p},
        copies_{p},
        x_{fold_of_x(p)},
        w_{fold_of_w(folding_of_weights(p))} {}

  std::size_t workspace_bytes() const override { return copies_.end + product_->workspace_bytes(); }
  bool deterministic() const override { return product_->deterministic(); }
  void bind(const Args& args) override {
    auto* const workspace = static_cast<std::byte*>(args.context.workspace);
    folded_ = args;
    const ConvProblem inner = folded(p_);
    if (!p_.s2d) folded_.x = {workspace, dtype_of<E>, inner.x_shape()};
    folded_.*kWeights = {workspace + copies_.w_offset, dtype_of<E>, inner.w_shape()};
    folded_.context.workspace = product_->workspace_bytes() > 0 ? workspace + copies_.end : nullptr;
    product_->bind(folded_);
  }
  void run(const Args& args, StreamView stream) override {
    convert_inputs(args, stream);
    compute(stream);
    convert_outputs(args, stream);
  }

  Layout layout() const override { return p_.u == 2 ? Layout::s2d2 : Layout::s2d4; }
  void convert_inputs(const Args& args, StreamView stream) override {
    if (!p_.s2d) run_fold<E>(x_, args.x, folded_.x, stream);
    if (kForward || p_.epilogue.acc) run_fold<E>(w_, args.*kWeights, folded_.*kWeights, stream);
  }
  void compute(StreamView stream) override { product_->run(folded_, stream); }
  void convert_outputs(const Args& args, StreamView stream) override {
    if (!kForward) run_unfold<E>(w_, folded_.*kWeights, args.*kWeights, stream);
  }
  std::vector<WorkspaceGap> gaps() const override { return copies_.gaps(kForward ? "w" : "dw"); }

 private:
  std::unique_ptr<Prepared<Args>> product_;
  ConvProblem p_;
  FoldedCopies<E> copies_;
  Fold x_, w_;
  Args folded_{};
};

/// Whether the op's tensors lie as the product takes them: nothing is left to convert.
template <class Op>
bool lies_folded(const ConvProblem& p) {
  return Op::kPass == Pass::forward && p.s2d;
}

/// `product` on the folded problem.
template <class E, class Op>
Algorithm<Op> on_folded(const Algorithm<Op>& product) {
  Algorithm<Op> a = product;
  a.name = "space_to_depth";
  a.takes_s2d = true;
  a.can_run = [product](const ConvProblem& p, const DeviceInfo& d) {
    if (const Verdict v = can_fold(p); !v) return v;
    if (folded(p).c % kPerAccess<E> != 0) return Verdict::no("folded channels fill no 16 bytes");
    return product.can_run(folded(p), d);
  };
  a.variants = [product](const ConvProblem& p, const DeviceInfo& d, Limits limits) {
    const std::size_t copies = lies_folded<Op>(p) ? 0 : FoldedCopies<E>(p).end;
    limits.workspace_bytes -= std::min(limits.workspace_bytes, copies);
    return product.variants(folded(p), d, limits);
  };
  a.prepare = [product](const ConvProblem& p, const Variant& v,
                        const DeviceInfo& d) -> std::unique_ptr<Prepared<typename Op::Args>> {
    auto on_copies = product.prepare(folded(p), v, d);
    if (lies_folded<Op>(p)) return on_copies;
    return std::make_unique<SpaceToDepth<Op, E>>(std::move(on_copies), p);
  };
  return a;
}

void run_fold_weights(const FoldWeightsProblem& p, const FoldWeights::Args& a, StreamView stream) {
  by_type(a.w, [&]<class E>(E) { run_fold<E>(fold_of_w(p), a.w, a.ws, stream); });
}

template <class Op>
Algorithm<Op> space_to_depth(const Algorithm<Op>& product) {
  return product.math == Math::bf16 ? on_folded<bf16>(product) : on_folded<float>(product);
}

}  // namespace

Algorithm<ConvForward> conv_forward_space_to_depth(Math math) {
  return space_to_depth(conv_forward_implicit_gemm(math));
}
Algorithm<ConvWgrad> conv_wgrad_space_to_depth(Math math) {
  return space_to_depth(conv_wgrad_implicit_gemm(math));
}
Algorithm<FoldWeights> fold_weights() {
  return make_algorithm<FoldWeights>({.name = "space_to_depth", .run = run_fold_weights});
}

}  // namespace fovea::FOVEA_TARGET
