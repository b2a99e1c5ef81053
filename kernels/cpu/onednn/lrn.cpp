// lrn.cpp - local response normalisation across channels.
#include <fovea/kernels/cpu/onednn/compiled.h>
#include <fovea/kernels/cpu/onednn/engine.h>
#include <fovea/kernels/ops/lrn.h>

#include <string_view>

namespace fovea::onednn {
namespace {

constexpr auto kKind = dnnl::algorithm::lrn_across_channels;

memory::desc data_of(const LrnProblem& p) {
  return {{p.n, p.c, p.h, p.w}, memory::data_type::f32, memory::format_tag::nhwc};
}

// oneDNN divides its alpha by the window's size.
float alpha_of(const LrnProblem& p) { return p.scale() * static_cast<float>(p.size); }

dnnl::lrn_forward::primitive_desc forward_desc(const Maker& maker, const LrnProblem& p) {
  return describe_lrn(maker.engine, Maker::attributes(), kKind, data_of(p), p.size, alpha_of(p),
                      p.beta, p.k);
}

dnnl::lrn_backward::primitive_desc backward_desc(const Maker& maker, const LrnProblem& p) {
  return describe_lrn_backward(maker.engine, Maker::attributes(), forward_desc(maker, p), kKind,
                               data_of(p), p.size, alpha_of(p), p.beta, p.k);
}

Verdict covers(const LrnProblem& p, std::string_view implementation) {
  if (p.within) return Verdict::no("within maps: only oneDNN's slow reference has it in NHWC");
  if (p.groups != 1) return Verdict::no("oneDNN's windows know no groups");
  if (implementation.find("ref") != std::string_view::npos) {
    return Verdict::no("oneDNN has only its slow reference for this size in NHWC");
  }
  return {};
}

// Of oneDNN 2.6's backward kernel: making it for size 1 ends in a segmentation fault, and for 7 and
// more its results were wrong.
Verdict trusts_backward(const LrnProblem& p) {
  if (p.size == 3 || p.size == 5) return {};
  return Verdict::no("oneDNN 2.6's backward kernel is right for windows of 3 and 5 channels only");
}

void build_lrn_forward(Program& program, const LrnProblem& p, std::int64_t first) {
  const std::int64_t at = first * p.h * p.w * p.c;
  const auto pd = forward_desc(program.maker(), p);
  const auto x = program.external(0, data_of(p), at), y = program.external(1, data_of(p), at);
  if (pd.workspace_desc().get_size() > 0) {  // kept for its own backward pass; ours recomputes
    const auto unused = program.temporary(pd.workspace_desc());
    program.add<dnnl::lrn_forward>(
        pd, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}, {DNNL_ARG_WORKSPACE, unused}});
  } else {
    program.add<dnnl::lrn_forward>(pd, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}});
  }
}

// oneDNN's backward pass reads what its forward one kept; the op's arguments have no place for
// that, so the forward pass runs once more where it is wanted.
void build_lrn_backward(Program& program, const LrnProblem& p, std::int64_t first) {
  const std::int64_t at = first * p.h * p.w * p.c;
  const auto again = forward_desc(program.maker(), p);
  const auto pd = backward_desc(program.maker(), p);
  const auto x = program.external(0, data_of(p), at), dy = program.external(1, data_of(p), at);
  const auto dx = program.external(2, data_of(p), at);
  if (pd.workspace_desc().get_size() > 0) {
    const auto kept = program.temporary(pd.workspace_desc());
    // dx is free until the backward pass writes it.
    program.add<dnnl::lrn_forward>(
        again, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, dx}, {DNNL_ARG_WORKSPACE, kept}});
    program.add<dnnl::lrn_backward>(pd, {{DNNL_ARG_SRC, x},
                                         {DNNL_ARG_DIFF_DST, dy},
                                         {DNNL_ARG_WORKSPACE, kept},
                                         {DNNL_ARG_DIFF_SRC, dx}});
  } else {
    program.add<dnnl::lrn_backward>(
        pd, {{DNNL_ARG_SRC, x}, {DNNL_ARG_DIFF_DST, dy}, {DNNL_ARG_DIFF_SRC, dx}});
  }
}

}  // namespace

void add_lrn(Registry& registry) {
  add_by_rows<LrnForward>(
      registry, "lrn", false, images<LrnProblem>, images_of<LrnProblem>,
      [](const Maker& maker, const LrnProblem& p) {
        return covers(p, forward_desc(maker, p).impl_info_str());
      },
      build_lrn_forward,
      [](const LrnForward::Args& a) {
        return std::array<void*, 2>{a.x.data, a.y.data};
      });
  add_by_rows<LrnBackward>(
      registry, "lrn", false, images<LrnProblem>, images_of<LrnProblem>,
      [](const Maker& maker, const LrnProblem& p) {
        if (const Verdict v = trusts_backward(p); !v) return v;
        return covers(p, backward_desc(maker, p).impl_info_str());
      },
      build_lrn_backward,
      [](const LrnBackward::Args& a) {
        return std::array<void*, 3>{a.x.data, a.dy.data, a.dx.data};
      });
}

}  // namespace fovea::onednn
