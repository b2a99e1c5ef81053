// block_check.cpp - checked accesses of a block's threads. See access_checker.h.
#include <fovea/core/error.h>
#include <fovea/kernels/emulator/block.h>
#include <fovea/kernels/emulator/count_sample.h>

#include <dlfcn.h>

#include <bit>
#include <sstream>

namespace fovea::emulator {
namespace {

const char* words(Access kind) {
  switch (kind) {
    case Access::read:
      return "reads";
    case Access::write:
      return "writes";
    case Access::atomic:
      return "updates";
  }
  return "?";
}

/// Whether the word around a byte is as SharedMemory::reset() left it. If not, it was written by an
/// access that the compiler does not tell of: a library's memcpy, a result returned into memory.
bool is_untouched(const void* shared, std::size_t byte) {
  const auto* word = static_cast<const unsigned char*>(shared) + byte / 4 * 4;
  return (word[0] & word[1] & word[2] & word[3]) == 0xFF;
}

/// A code address as something that addr2line takes.
std::string text(const void* place) {
  Dl_info info;
  std::ostringstream s;
  if (dladdr(place, &info) == 0) {
    s << place;
  } else {
    const auto offset = static_cast<const char*>(place) - static_cast<const char*>(info.dli_fbase);
    s << "addr2line -Cife " << info.dli_fname << " 0x" << std::hex << offset - 1;
  }
  return s.str();
}

}  // namespace

AccessFault Block::check_access(const void* p, std::size_t bytes, Access kind) {
  const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(p) -
                                               static_cast<const std::byte*>(shared_.data()));
  if (shared_.contains(p, bytes)) {
    const AccessFault fault = checker_.access(current_, offset, bytes, kind);
    const bool unheard =
        fault.kind == AccessFault::Kind::unwritten && !is_untouched(shared_.data(), fault.byte);
    return unheard ? AccessFault{} : fault;
  }
  if (!shared_.touches_guard(p, bytes)) return {};  // other memory
  return {.kind = AccessFault::Kind::outside, .byte = offset};
}

void Block::accessed(const void* p, std::size_t bytes, Access kind, const void* place) {
  if (counting_) count_access(p, bytes, kind, reinterpret_cast<std::uintptr_t>(place));
  if (!checked_) return;
  const AccessFault fault = check_access(p, bytes, kind);
  if (fault.kind != AccessFault::Kind::none && failure_ == nullptr) {
    blame(fault, words(kind), where(current_, Site()) + "at " + text(place) + ": ");
  }
}

void Block::accessed(const void* p, std::size_t bytes, Access kind, const Site& at) {
  if (counting_) count_access(p, bytes, kind, place_of(at));
  if (!checked_) return;
  const AccessFault fault = check_access(p, bytes, kind);
  if (fault.kind != AccessFault::Kind::none && failure_ == nullptr) {
    blame(fault, words(kind), where(current_, at));
  }
}

void Block::check_copies(const AsyncCopy& copy, bool issued) {
  const auto offset =
      static_cast<std::size_t>(copy.to - static_cast<const std::byte*>(shared_.data()));
  if (!issued) return checker_.copy_landed(current_, offset, copy.bytes);
  const AccessFault fault = checker_.copy_issued(current_, offset, copy.bytes);
  if (fault.kind != AccessFault::Kind::none && failure_ == nullptr) {
    blame(fault, "starts a copy to", where(current_, copy.at));
  }
}

/// Keeps the report; the block goes on, since no exception may leave a plain access.
void Block::blame(const AccessFault& fault, const char* doing, const std::string& place) {
  std::string s = place + "the thread " + doing + " byte " +
                  std::to_string(static_cast<std::ptrdiff_t>(fault.byte)) + " of shared memory, ";
  switch (fault.kind) {
    case AccessFault::Kind::none:
      return;
    case AccessFault::Kind::outside:
      s += "which has " + std::to_string(shared_.bytes());
      break;
    case AccessFault::Kind::unwritten:
      s += "which nobody has written";
      break;
    case AccessFault::Kind::in_flight:
      s += "the destination of an asynchronous copy of thread " + name(fault.other) +
           " that has not been waited for";
      break;
    case AccessFault::Kind::race_with_write:
      s += "which thread " + name(fault.other) + " has written with no barrier since: a race";
      break;
    case AccessFault::Kind::race_with_read:
      s += "which thread " + name(fault.other) + " has read with no barrier since: a race";
      break;
  }
  failure_ = std::make_exception_ptr(DeviceError(s));
}

void Block::check_meeting(Barrier& b, bool current_waits) {
  if (&b == barriers_.data()) return checker_.meet_all();
  for (unsigned i = 0; i < b.waiters; ++i) checker_.take(b.waiting[i], b.past);
  if (current_waits) checker_.take(current_, b.past);
  b.past.clear();
}

void Block::check_warp_meeting(unsigned mask) {
  std::vector<unsigned> lanes;
  for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
    lanes.push_back(current_ / kWarpSize * kWarpSize +
                    static_cast<unsigned>(std::countr_zero(rest)));
  }
  checker_.meet(lanes);
}

}  // namespace fovea::emulator
