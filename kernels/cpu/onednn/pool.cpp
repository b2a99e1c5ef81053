// pool.cpp - average pooling both ways, and the backward pass of max pooling.
//
// Max pooling forward is not here: oneDNN starts a window at the lowest finite number, so a NaN
// never wins and a window of -infinity yields -3.4e38, where fovea lets the first NaN win and keeps
// infinities. Backward needs only the recorded winners, whose code (row * width + column in the
// window, one byte) is oneDNN's own.
#include <fovea/kernels/cpu/onednn/compiled.h>
#include <fovea/kernels/cpu/onednn/engine.h>
#include <fovea/kernels/ops/pool.h>

namespace fovea::onednn {
namespace {

using Tag = memory::format_tag;

struct PoolSetup {
  explicit PoolSetup(const PoolProblem& p)
      : x{{p.n, p.c, p.h, p.w}, memory::data_type::f32, Tag::nhwc},
        y{{p.n, p.c, p.p(), p.q()}, memory::data_type::f32, Tag::nhwc},
        stride{p.u, p.v},
        window{p.r, p.s},
        begin{p.ph.begin, p.pw.begin},
        end{overhang(p.p(), p.u, p.r, p.h, p.ph), overhang(p.q(), p.v, p.s, p.w, p.pw)} {}

  // Where the last window ends, seen from the plane's edge: below 0 where cells are left over.
  static memory::dim overhang(int outputs, int stride, int window, int in, Padding pad) {
    return memory::dim{outputs - 1} * stride + window - in - pad.begin;
  }

  memory::desc x, y;
  memory::dims stride, window, begin, end;
};

dnnl::algorithm kind_of(const PoolProblem& p) {
  return p.count_padding ? dnnl::algorithm::pooling_avg_include_padding
                         : dnnl::algorithm::pooling_avg_exclude_padding;
}

dnnl::pooling_forward::primitive_desc forward_desc(const Maker& maker, const PoolProblem& p,
                                                   dnnl::algorithm kind) {
  const PoolSetup s(p);
  return describe_pooling(maker.engine, Maker::attributes(), kind, s.x, s.y, s.stride, s.window,
                          s.begin, s.end);
}

dnnl::pooling_backward::primitive_desc backward_desc(const Maker& maker, const PoolProblem& p,
                                                     dnnl::algorithm kind) {
  const PoolSetup s(p);
  return describe_pooling_backward(maker.engine, Maker::attributes(), forward_desc(maker, p, kind),
                                   kind, s.x, s.y, s.stride, s.window, s.begin, s.end);
}

// oneDNN divides by the whole window where padding counts; fovea by its cells in the padded plane.
Verdict divides_alike(const PoolProblem& p) {
  const PoolSetup s(p);
  if (p.count_padding && (s.end[0] > p.ph.end || s.end[1] > p.pw.end)) {
    return Verdict::no("oneDNN divides a window that hangs over the padded edge by all its cells");
  }
  return {};
}

// The workspace of oneDNN's max pooling, if it is what fovea records: a byte for each output, NHWC.
Verdict records_alike(const PoolProblem& p) {
  const Maker maker;
  const memory::desc argmax({p.n, p.c, p.p(), p.q()}, memory::data_type::u8, Tag::nhwc);
  const auto pd = backward_desc(maker, p, dnnl::algorithm::pooling_max);
  if (pd.workspace_desc() == argmax) return {};
  return Verdict::no("oneDNN records the winners of this window in another form");
}

std::unique_ptr<Prepared<AvgPoolForward::Args>> prepare_forward(const PoolProblem& p) {
  const PoolSetup s(p);
  Program program(describe_problem<AvgPoolForward>(p), 2);
  const auto pd = forward_desc(program.maker(), p, kind_of(p));
  const auto x = program.external(0, s.x), y = program.external(1, s.y);
  program.add<dnnl::pooling_forward>(pd, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}});
  return compiled<AvgPoolForward>(std::move(program), [](const AvgPoolForward::Args& a) {
    return std::array<void*, 2>{a.x.data, a.y.data};
  });
}

std::unique_ptr<Prepared<AvgPoolBackward::Args>> prepare_backward(const PoolProblem& p) {
  const PoolSetup s(p);
  Program program(describe_problem<AvgPoolBackward>(p), 2);
  const auto pd = backward_desc(program.maker(), p, kind_of(p));
  const auto dy = program.external(0, s.y), dx = program.external(1, s.x);
  program.add<dnnl::pooling_backward>(pd, {{DNNL_ARG_DIFF_DST, dy}, {DNNL_ARG_DIFF_SRC, dx}});
  return compiled<AvgPoolBackward>(std::move(program), [](const AvgPoolBackward::Args& a) {
    return std::array<void*, 2>{a.dy.data, a.dx.data};
  });
}

std::unique_ptr<Prepared<MaxPoolBackward::Args>> prepare_max_backward(const PoolProblem& p) {
  const PoolSetup s(p);
  Program program(describe_problem<MaxPoolBackward>(p), 3);
  const auto pd = backward_desc(program.maker(), p, dnnl::algorithm::pooling_max);
  const auto dy = program.external(0, s.y), argmax = program.external(1, pd.workspace_desc());
  const auto dx = program.external(2, s.x);
  program.add<dnnl::pooling_backward>(
      pd, {{DNNL_ARG_DIFF_DST, dy}, {DNNL_ARG_WORKSPACE, argmax}, {DNNL_ARG_DIFF_SRC, dx}});
  return compiled<MaxPoolBackward>(std::move(program), [](const MaxPoolBackward::Args& a) {
    return std::array<void*, 3>{a.dy.data, a.argmax.data, a.dx.data};
  });
}

}  // namespace

void add_pool(Registry& registry) {
  add_simple<AvgPoolForward>(
      registry, "pooling", true,
      [](const PoolProblem& p) {
        forward_desc(Maker(), p, kind_of(p));
        return divides_alike(p);
      },
      prepare_forward);
  add_simple<AvgPoolBackward>(
      registry, "pooling", true,
      [](const PoolProblem& p) {
        backward_desc(Maker(), p, kind_of(p));
        return divides_alike(p);
      },
      prepare_backward);
  add_simple<MaxPoolBackward>(registry, "pooling", true, records_alike, prepare_max_backward);
}

}  // namespace fovea::onednn
