// access_counter.cpp - see access_counter.h.
#include <fovea/kernels/emulator/access_counter.h>

#include <algorithm>
#include <bit>

namespace fovea::emulator {
namespace {

constexpr unsigned kLanes = 32;
constexpr unsigned kSector = 32;
constexpr unsigned kBanks = 32;
constexpr std::size_t kWidest = 16;  // bytes of one access

// The layout of Entry::what: the place in the upper bits, so that it orders by place.
constexpr unsigned kSizeBits = 3, kKindBits = 2, kSpaceBits = 1;

std::uint64_t pack(std::uintptr_t place, Space space, Access kind, unsigned log_bytes) {
  return ((((std::uint64_t{place} << kSpaceBits | static_cast<std::uint64_t>(space)) << kKindBits) |
           static_cast<std::uint64_t>(kind))
          << kSizeBits) |
         log_bytes;
}
unsigned bytes_of(std::uint64_t what) { return 1U << (what & ((1U << kSizeBits) - 1)); }
Access kind_of(std::uint64_t what) {
  return static_cast<Access>(what >> kSizeBits & ((1U << kKindBits) - 1));
}
Space space_of(std::uint64_t what) {
  return static_cast<Space>(what >> (kSizeBits + kKindBits) & 1U);
}

}  // namespace

unsigned sectors_of(std::span<std::uintptr_t> addresses, unsigned bytes) {
  if (!std::ranges::is_sorted(addresses)) std::ranges::sort(addresses);
  unsigned count = 0;
  std::uintptr_t next = 0;  // the first sector not yet counted
  for (const std::uintptr_t a : addresses) {
    const std::uintptr_t first = std::max(next, a / kSector);
    const std::uintptr_t end = (a + bytes - 1) / kSector + 1;
    if (end > first) count += static_cast<unsigned>(end - first);
    next = std::max(next, end);
  }
  return count;
}

SharedCycles shared_cycles_of(std::span<const std::uintptr_t> addresses, unsigned bytes) {
  const std::size_t part = bytes <= 4 ? kLanes : kLanes * 4 / bytes;
  SharedCycles sum;
  for (std::size_t begin = 0; begin < addresses.size(); begin += part) {
    std::array<std::array<std::uintptr_t, kLanes * 4>, kBanks> words;
    std::array<unsigned, kBanks> count{};
    unsigned most = 1;
    for (const std::uintptr_t a :
         addresses.subspan(begin).first(std::min(part, addresses.size() - begin))) {
      for (std::uintptr_t w = a / 4; w <= (a + bytes - 1) / 4; ++w) {
        auto& bank = words[w % kBanks];
        unsigned& n = count[w % kBanks];
        if (std::find(bank.begin(), bank.begin() + n, w) != bank.begin() + n) continue;
        bank[n++] = w;
        most = std::max(most, n);
      }
    }
    sum.cycles += most;
    sum.conflicts += most - 1;
  }
  return sum;
}

void AccessCounter::begin(unsigned threads) {
  counts_ = {};
  warps_.resize((threads + kLanes - 1) / kLanes);
  for (Warp& w : warps_) {
    for (Log& log : w.lane) log.clear();
    w.ended = 0;
    w.lanes = kLanes;
  }
  if (threads % kLanes != 0) warps_.back().lanes = threads % kLanes;
}

void AccessCounter::access(unsigned thread, Space space, std::uintptr_t address, std::size_t bytes,
                           Access kind, std::uintptr_t place) {
  Log& log = warps_[thread / kLanes].lane[thread % kLanes];
  if (bytes <= kWidest && (bytes & (bytes - 1)) == 0) [[likely]] {
    log.push_back(
        {pack(place, space, kind, static_cast<unsigned>(std::countr_zero(bytes))), address});
    return;
  }
  // A struct is copied in pieces, each an instruction of its own.
  for (std::size_t done = 0; done < bytes;) {
    const std::size_t piece = std::min(kWidest, std::bit_floor(bytes - done));
    log.push_back(
        {pack(place, space, kind, static_cast<unsigned>(std::countr_zero(piece))), address + done});
    done += piece;
  }
}

void AccessCounter::ended(unsigned thread) {
  Warp& w = warps_[thread / kLanes];
  if (++w.ended == w.lanes) put_together(w);
}

void AccessCounter::met(unsigned warp) { put_together(warps_[warp]); }

void AccessCounter::met_all() {
  for (Warp& w : warps_) put_together(w);
  ++counts_.barriers;
}

void AccessCounter::put_together(Warp& warp) {
  const Log& first = warp.lane[0];
  const bool in_step = std::ranges::all_of(warp.lane, [&](const Log& log) {
    return log.size() == first.size() &&
           std::ranges::equal(log, first, {}, &Entry::what, &Entry::what);
  });
  if (in_step) {
    put_together_in_step(warp, first.size());
  } else {
    std::array<std::size_t, kLanes> at{};
    for (;;) {
      std::uint64_t lowest = ~std::uint64_t{0};
      for (unsigned l = 0; l < kLanes; ++l) {
        if (at[l] < warp.lane[l].size()) lowest = std::min(lowest, warp.lane[l][at[l]].what);
      }
      if (lowest == ~std::uint64_t{0}) break;
      std::array<std::uintptr_t, kLanes> addresses;
      unsigned count = 0;
      for (unsigned l = 0; l < kLanes; ++l) {
        if (at[l] == warp.lane[l].size() || warp.lane[l][at[l]].what != lowest) continue;
        addresses[count++] = warp.lane[l][at[l]++].address;
      }
      request(lowest, std::span(addresses).first(count));
    }
  }
  for (Log& log : warp.lane) log.clear();
}

void AccessCounter::put_together_in_step(Warp& warp, std::size_t length) {
  std::array<std::uintptr_t, kLanes> addresses;
  for (std::size_t i = 0; i < length; ++i) {
    for (unsigned l = 0; l < kLanes; ++l) addresses[l] = warp.lane[l][i].address;
    request(warp.lane[0][i].what, addresses);
  }
}

void AccessCounter::request(std::uint64_t what, std::span<std::uintptr_t> addresses) {
  const unsigned bytes = bytes_of(what);
  if (space_of(what) == Space::shared) {
    const SharedCycles s = shared_cycles_of(addresses, bytes);
    ++counts_.shared_requests;
    counts_.shared_cycles += s.cycles;
    counts_.bank_conflicts += s.conflicts;
    return;
  }
  const unsigned sectors = sectors_of(addresses, bytes);
  if (kind_of(what) == Access::read) {
    ++counts_.read_requests;
    counts_.read_sectors += sectors;
  } else {
    ++counts_.write_requests;
    counts_.write_sectors += sectors;
  }
}

}  // namespace fovea::emulator
