// engine.h - the parts of engine `onednn`, one function for each op's list.
#pragma once

#include <fovea/kernels/cpu/onednn/compiled.h>
#include <fovea/kernels/ops/registry.h>

#include <cstdint>
#include <string>
#include <utility>

namespace fovea::onednn {

void add_conv(Registry& registry);
void add_linear(Registry& registry);
void add_pool(Registry& registry);
void add_lrn(Registry& registry);
void add_pointwise(Registry& registry);

inline constexpr char kEngine[] = "onednn";

/// Declines a math mode in which oneDNN computes nothing on this CPU.
inline Verdict has_mode(Math math) {
  const auto has = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  const auto wanted = static_cast<unsigned>(dnnl::cpu_isa::avx512_core);
  if (math != Math::bf16 || (has & wanted) == wanted) return {};
  return Verdict::no("oneDNN computes in bf16 on a CPU with AVX-512");
}

/// Most ops are cut by images: a batch's first extent.
template <class Problem>
std::int64_t images(const Problem& p) {
  return p.n;
}
/// `p` with `count` images.
template <class Problem>
Problem images_of(Problem p, std::int64_t count) {
  p.n = static_cast<int>(count);
  return p;
}

/// An algorithm with one variant, cut into parts of the problem's rows.
///   rows(problem)                   how many there are to cut
///   part(problem, rows)             the problem of so many of them
///   covers(maker, problem)          its verdict; may throw dnnl::error
///   build(program, problem, first)  one part's program, from row `first` on
///   addresses(args)                 the caller's tensors
template <class Op, class Rows, class Part, class Covers, class Build, class Addresses>
void add_by_rows(Registry& registry, std::string name, bool exact, Rows rows, Part part,
                 Covers covers, Build build, Addresses addresses) {
  using Problem = typename Op::Problem;
  Algorithm<Op> a;
  a.engine = kEngine;
  a.name = std::move(name);
  a.devices = Devices::cpu;
  a.exact_on_integers = exact;
  a.can_run = [=](const Problem& p, const DeviceInfo&) {
    const Split split(rows(p));
    return possible(split.threads_inside(),
                    [&] { return covers(Maker(), part(p, split.longest())); });
  };
  a.prepare = [=](const Problem& p, const Variant&, const DeviceInfo&) {
    const Split split(rows(p));
    return guarded<Op>(p, split.threads_inside(), [&] {
      PartedProgram all(split);
      for (int i = 0; i < split.parts(); ++i) {
        Program program(describe_problem<Op>(p));
        build(program, part(p, split.size(i)), split.first(i));
        all.add(std::move(program));
      }
      return compiled<Op>(std::move(all), addresses);
    });
  };
  registry.add<Op>(std::move(a));
}

}  // namespace fovea::onednn
