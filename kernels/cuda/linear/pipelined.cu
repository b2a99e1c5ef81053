// pipelined.cu - the fully connected layer on implicit_gemm's kernels: a convolution of m images of
// one pixel by filters of one tap, so that all three passes, splits, epilogues and math modes are
// theirs: conv/implicit_gemm/kernel.h.
//   forward  y[m,n]  = x[m,k] w[n,k]^T     pixels are rows of x, filters rows of w
//   dgrad    dx[m,k] = dy[m,n] w[n,k]
//   wgrad    dw[n,k] = dy[m,n]^T x[m,k]
// What a tap and a pixel cost beyond a plain matrix: a comparison or two for each 16 bytes copied.
#include <fovea/kernels/cuda/factories.h>

#include <memory>
#include <type_traits>
#include <utility>

namespace fovea::FOVEA_TARGET {
namespace {

ConvProblem as_conv(const LinearProblem& p) {
  return {.n = p.m,
          .c = p.k,
          .h = 1,
          .w = 1,
          .k = p.n,
          .r = 1,
          .s = 1,
          .epilogue = p.epilogue,
          .drop = p.drop};
}

ConvForward::Args as_conv(const LinearForward::Args& a) {
  return {.x = a.x, .w = a.w, .b = a.b, .y = a.y, .context = a.context};
}
ConvDgrad::Args as_conv(const LinearDgrad::Args& a) {
  return {.dy = a.dy, .w = a.w, .mask = a.mask, .dx = a.dx, .context = a.context};
}
ConvWgrad::Args as_conv(const LinearWgrad::Args& a) {
  return {.x = a.x, .dy = a.dy, .dw = a.dw, .db = a.db, .context = a.context};
}

template <class Linear, class Conv>
class PreparedAsConv final : public Prepared<typename Linear::Args> {
 public:
  using Args = typename Linear::Args;
  explicit PreparedAsConv(std::unique_ptr<Prepared<typename Conv::Args>> conv)
      : conv_{std::move(conv)} {}
  std::size_t workspace_bytes() const override { return conv_->workspace_bytes(); }
  bool deterministic() const override { return conv_->deterministic(); }
  void bind(const Args& args) override { conv_->bind(as_conv(args)); }
  void run(const Args& args, StreamView stream) override { conv_->run(as_conv(args), stream); }

 private:
  std::unique_ptr<Prepared<typename Conv::Args>> conv_;
};

template <class Linear, class Conv>
Algorithm<Linear> pipelined(const Algorithm<Conv>& conv) {
  Algorithm<Linear> a;
  a.engine = conv.engine;
  a.name = "pipelined";
  a.devices = conv.devices;
  a.math = conv.math;
  a.can_run = [conv](const LinearProblem& p, const DeviceInfo& device) {
    return conv.can_run(as_conv(p), device);
  };
  a.variants = [conv](const LinearProblem& p, const DeviceInfo& device, const Limits& limits) {
    return conv.variants(as_conv(p), device, limits);
  };
  a.prepare = [conv](const LinearProblem& p, const Variant& v, const DeviceInfo& device) {
    return std::make_unique<PreparedAsConv<Linear, Conv>>(conv.prepare(as_conv(p), v, device));
  };
  return a;
}

}  // namespace

Algorithm<LinearForward> linear_forward_pipelined(Math math) {
  return pipelined<LinearForward>(conv_forward_implicit_gemm(math));
}
Algorithm<LinearDgrad> linear_dgrad_pipelined(Math math) {
  return pipelined<LinearDgrad>(conv_dgrad_implicit_gemm(math));
}
Algorithm<LinearWgrad> linear_wgrad_pipelined(Math math) {
  return pipelined<LinearWgrad>(conv_wgrad_implicit_gemm(math));
}

}  // namespace fovea::FOVEA_TARGET
