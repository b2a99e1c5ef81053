// block_report.cpp - the words of the emulator's errors. See block.h.
#include <fovea/core/error.h>
#include <fovea/kernels/emulator/block.h>
#include <fovea/kernels/emulator/sanitizer.h>
#include <fovea/kernels/emulator/site_text.h>

#include <unistd.h>

#include <cstring>

namespace fovea::emulator {
namespace {

template <class V>
std::string coordinates(const V& v) {
  return "(" + std::to_string(v.x) + "," + std::to_string(v.y) + "," + std::to_string(v.z) + ")";
}

/// Threads that are in the same state for the same reason.
struct Group {
  std::string doing;
  unsigned first = 0;
  unsigned count = 0;
};

}  // namespace

std::string Block::name(unsigned thread) const { return coordinates(position_[thread]); }

std::string Block::where(unsigned thread, const Site& at) const {
  std::string s = std::string("kernel ") + call_->kernel + ", block " + coordinates(index_);
  if (thread != kNone) s += ", thread " + name(thread);
  if (at.line() != 0) s += ", " + text(at);
  return s + ": ";
}

void Block::fail(const std::string& what, const Site& at) const {
  throw DeviceError(where(current_, at) + what);
}

void Block::refuse_place(const void* p, unsigned bytes, const Site& at) const {
  const auto offset =
      static_cast<const std::byte*>(p) - static_cast<const std::byte*>(shared_.data());
  fail("access outside the block's shared memory: " + std::to_string(bytes) + " bytes at offset " +
           std::to_string(offset) + " of " + std::to_string(shared_.bytes()),
       at);
}

void Block::refuse_alignment(const void* p, unsigned bytes, const Site& at) const {
  fail("misaligned access: the address ends in " +
           std::to_string(reinterpret_cast<std::uintptr_t>(p) % 256) +
           " (mod 256), which is no multiple of the " + std::to_string(bytes) + " bytes accessed",
       at);
}

std::string Block::who_runs() {
  if (running_ == nullptr || running_->current_ == kNone) return {};
  const Block& b = *running_;
  return b.where(b.current_, Site()) + "the emulated thread that this report is about\n";
}

void Block::stall() const { fail(standstill(), wait_[current_].at); }

/// What each thread waits for, when none can run.
std::string Block::standstill() const {
  std::vector<Group> groups;
  bool at_barrier = false;
  for (unsigned t = 0; t < count_; ++t) {
    std::string doing = "ended";
    if (state_[t] == State::waiting) {
      doing = std::string("at ") + wait_[t].what + " at " + text(wait_[t].at);
      at_barrier = at_barrier || std::strcmp(wait_[t].what, "__syncthreads()") == 0;
    }
    std::size_t g = 0;
    while (g < groups.size() && groups[g].doing != doing) ++g;
    if (g == groups.size()) groups.push_back({doing, t, 0});
    ++groups[g].count;
  }
  std::string s = ended_ != 0 && at_barrier ? "missing barrier: threads ended while others wait"
                                            : "deadlock: no thread can run";
  for (const Group& g : groups) {
    s += "; " + std::to_string(g.count) + (g.count == 1 ? " thread " : " threads from ") +
         name(g.first) + " " + g.doing;
  }
  return s;
}

}  // namespace fovea::emulator

#if defined(__SANITIZE_ADDRESS__)
/// ASan's own hook: its report names a source line, and this adds whose it is.
extern "C" __attribute__((visibility("default"))) void __asan_on_error() {
  const std::string who = fovea::emulator::Block::who_runs();
  if (!who.empty()) static_cast<void>(!write(STDERR_FILENO, who.data(), who.size()));
}
#endif
