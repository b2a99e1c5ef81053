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
Verdict records_alike(const Maker& maker, const PoolProblem& p) {
  const memory::desc argmax({p.n, p.c, p.p(), p.q()}, memory::data_type::u8, Tag::nhwc);
  const auto pd = backward_desc(maker, p, dnnl::algorithm::pooling_max);
  if (pd.workspace_desc() == argmax) return {};
  return Verdict::no("oneDNN records the winners of this window in another form");
}

std::int64_t x_image(const PoolProblem& p) { return std::int64_t{p.h} * p.w * p.c; }
std::int64_t y_image(const PoolProblem& p) { return std::int64_t{p.p()} * p.q() * p.c; }

void build_pool_forward(Program& program, const PoolProblem& p, std::int64_t first) {
  const PoolSetup s(p);
  const auto pd = forward_desc(program.maker(), p, kind_of(p));
  const auto x = program.external(0, s.x, first * x_image(p));
  const auto y = program.external(1, s.y, first * y_image(p));
  program.add<dnnl::pooling_forward>(pd, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}});
}

void build_pool_backward(Program& program, const PoolProblem& p, std::int64_t first) {
  const PoolSetup s(p);
  const auto pd = backward_desc(program.maker(), p, kind_of(p));
  const auto dy = program.external(0, s.y, first * y_image(p));
  const auto dx = program.external(1, s.x, first * x_image(p));
  program.add<dnnl::pooling_backward>(pd, {{DNNL_ARG_DIFF_DST, dy}, {DNNL_ARG_DIFF_SRC, dx}});
}

void build_max_backward(Program& program, const PoolProblem& p, std::int64_t first) {
  const PoolSetup s(p);
  const auto pd = backward_desc(program.maker(), p, dnnl::algorithm::pooling_max);
  const auto dy = program.external(0, s.y, first * y_image(p));
  const auto argmax = program.external(1, pd.workspace_desc(), first * y_image(p));
  const auto dx = program.external(2, s.x, first * x_image(p));
  program.add<dnnl::pooling_backward>(
      pd, {{DNNL_ARG_DIFF_DST, dy}, {DNNL_ARG_WORKSPACE, argmax}, {DNNL_ARG_DIFF_SRC, dx}});
}

}  // namespace

void add_pool(Registry& registry) {
  add_by_rows<AvgPoolForward>(
      registry, "pooling", true, images<PoolProblem>, images_of<PoolProblem>,
      [](const Maker& maker, const PoolProblem& p) {
        forward_desc(maker, p, kind_of(p));
        return divides_alike(p);
      },
      build_pool_forward,
      [](const AvgPoolForward::Args& a) {
        return std::array<void*, 2>{a.x.data, a.y.data};
      });
  add_by_rows<AvgPoolBackward>(
      registry, "pooling", true, images<PoolProblem>, images_of<PoolProblem>,
      [](const Maker& maker, const PoolProblem& p) {
        backward_desc(maker, p, kind_of(p));
        return divides_alike(p);
      },
      build_pool_backward,
      [](const AvgPoolBackward::Args& a) {
        return std::array<void*, 2>{a.dy.data, a.dx.data};
      });
  add_by_rows<MaxPoolBackward>(registry, "pooling", true, images<PoolProblem>,
                               images_of<PoolProblem>, records_alike, build_max_backward,
                               [](const MaxPoolBackward::Args& a) {
                                 return std::array<void*, 3>{a.dy.data, a.argmax.data, a.dx.data};
                               });
}

}  // namespace fovea::onednn
