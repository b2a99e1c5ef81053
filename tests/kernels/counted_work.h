// counted_work.h - what one launch of a counted algorithm does to memory.
#pragma once

#include <fovea/kernels/compare/counting.h>
#include <fovea/kernels/compare/execution.h>
#include <fovea/kernels/compare/typed.h>
#include <fovea/kernels/emulator/counts.h>

namespace fovea::compare {

/// Whether this build has counted algorithms (FOVEA_COUNT_WORK).
inline bool counts() { return !counting_algorithms().list<Add>().empty(); }

/// `a` of counting_algorithms() on `p`, on reals; every block is counted.
template <class Op>
emulator::Counts counted_work(const Algorithm<Op>& a, const typename Op::Problem& p,
                              const Variant& variant, Math math) {
  const auto subject = Typed<Op>::subject(p);
  const auto trial = Typed<Op>::trial(a, p, math);
  const CaseValues in = make_values(*subject, Values::reals, 1, math);
  Execution execution(*subject, *trial, variant, device_info(Device::emulated()), in, false);
  emulator::Counts c;
  const emulator::ScopedCounting counting(c);
  execution.launch_and_wait();
  return c;
}

}  // namespace fovea::compare
