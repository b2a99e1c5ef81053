// counts.cpp - see counts.h.
#include <fovea/kernels/emulator/count_sample.h>
#include <fovea/kernels/emulator/counts.h>

#include <initializer_list>

namespace fovea::emulator {
namespace {

constinit thread_local ScopedCounting* current_counting = nullptr;

std::uint64_t scaled(std::uint64_t v, std::uint64_t times, std::uint64_t by) {
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(v) * times + by / 2) / by);
}

// f(a, b) for each sum that a launch's blocks add to.
template <class F>
void for_each_sum(Counts& a, const Counts& b, const F& f) {
  for (std::uint64_t Counts::*const m :
       {&Counts::read_requests, &Counts::read_sectors, &Counts::write_requests,
        &Counts::write_sectors, &Counts::shared_requests, &Counts::bank_conflicts,
        &Counts::shared_cycles, &Counts::multiply_adds, &Counts::matrix_operations,
        &Counts::barriers}) {
    f(a.*m, b.*m);
  }
}

}  // namespace

constinit thread_local std::uint64_t multiply_adds = 0;

void count_multiply_adds(unsigned n) { multiply_adds += n; }

Counts& Counts::operator+=(const Counts& o) {
  for_each_sum(*this, o, [](std::uint64_t& a, std::uint64_t b) { a += b; });
  launches += o.launches;
  blocks += o.blocks;
  blocks_counted += o.blocks_counted;
  return *this;
}

Counts scaled_up(Counts c, std::uint64_t blocks) {
  for_each_sum(c, c,
               [&](std::uint64_t& a, std::uint64_t b) { a = scaled(b, blocks, c.blocks_counted); });
  c.blocks = blocks;
  c.launches = 1;
  return c;
}

std::uint64_t stride_for(const Counts& block, std::uint64_t blocks, std::uint64_t accesses) {
  constexpr std::uint64_t kLanes = 32;
  const std::uint64_t each =
      kLanes * (block.read_requests + block.write_requests + block.shared_requests);
  const std::uint64_t all = each * blocks;
  return all <= accesses ? 1 : (all + accesses - 1) / accesses;
}

ScopedCounting::ScopedCounting(Counts& counts, std::uint64_t accesses)
    : counts_{&counts}, accesses_{accesses}, outer_{current_counting} {
  current_counting = this;
}
ScopedCounting::~ScopedCounting() { current_counting = outer_; }
ScopedCounting* ScopedCounting::current() { return current_counting; }

}  // namespace fovea::emulator
