// guard_resource.cpp - see guard_resource.h.
//
//   | front guard | bytes | back guard |      the back guard reaches to the next multiple of
//   256           ^ handed out                kAllocationAlignment and one further
#include <fovea/core/error.h>
#include <fovea/core/guard_resource.h>
#include <fovea/core/log.h>
#include <fovea/core/stream_impl.h>

#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace fovea {
namespace {

std::size_t back_bytes(std::size_t bytes) {
  const std::size_t partial = bytes % kAllocationAlignment;
  return GuardResource::kGuardBytes + (partial == 0 ? 0 : kAllocationAlignment - partial);
}

std::size_t whole_bytes(std::size_t bytes) {
  constexpr std::size_t kFrame = 2 * GuardResource::kGuardBytes + kAllocationAlignment;
  if (bytes > static_cast<std::size_t>(-1) - kFrame) {
    throw OutOfMemory(std::to_string(bytes) + " bytes are more than any device has");
  }
  return GuardResource::kGuardBytes + bytes + back_bytes(bytes);
}

std::optional<std::size_t> first_wrong(const std::byte* guard, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    if (guard[i] != std::byte{GuardResource::kGuard}) return i;
  }
  return std::nullopt;
}

std::string damage_in(const std::byte* front, const std::byte* back, std::size_t bytes) {
  if (const auto i = first_wrong(front, GuardResource::kGuardBytes)) {
    return "written " + std::to_string(GuardResource::kGuardBytes - *i) + " bytes before its begin";
  }
  if (const auto i = first_wrong(back, back_bytes(bytes))) {
    return "written " + std::to_string(*i) + " bytes behind its end";
  }
  return {};
}

}  // namespace

struct GuardResource::State {
  std::mutex mutex;
  Report report;
  std::uint64_t next = 1;
  std::map<const void*, std::pair<std::uint64_t, std::size_t>> live;  // number, bytes

  void say(const std::string& what) noexcept {
    try {
      if (report) return report(what);
      log(LogLevel::error, what);
    } catch (...) {  // a report that throws loses its words, never the program
    }
  }

  void check(std::uint64_t number, const std::byte* front, const std::byte* back, std::size_t bytes,
             const Device& device) noexcept {
    const std::string damage = damage_in(front, back, bytes);
    if (damage.empty()) return;
    say("allocation " + std::to_string(number) + " of " + std::to_string(bytes) + " bytes on " +
        to_string(device) + " was " + damage);
  }
};

GuardResource::GuardResource(MemoryResource& upstream, Report report)
    : upstream_{upstream}, state_{std::make_shared<State>()} {
  state_->report = std::move(report);
}

GuardResource::~GuardResource() = default;

void GuardResource::poison(std::byte* front, std::size_t bytes, StreamView stream) {
  const std::size_t back = back_bytes(bytes);
  if (stream.impl() == nullptr && !device().host_accessible()) {
    const Stream own(device());
    return poison(front, bytes, own);  // whose destructor waits
  }
  const auto set = [&](std::byte* p, unsigned char value, std::size_t n) {
    if (stream.impl() == nullptr) {
      std::memset(p, value, n);
    } else {
      stream.fill(p, value, n);
    }
  };
  set(front, kGuard, kGuardBytes);
  set(front + kGuardBytes, kPoison, bytes);
  set(front + kGuardBytes + bytes, kGuard, back);
}

void* GuardResource::allocate(std::size_t bytes, StreamView stream) {
  if (bytes == 0) return nullptr;
  if (stream.impl() != nullptr && stream.impl()->capturing()) {
    throw InvalidArgument("guarded memory cannot be allocated inside a capture");
  }
  const std::size_t whole = whole_bytes(bytes);
  auto* front = static_cast<std::byte*>(upstream_.allocate(whole, stream));
  std::byte* p = front + kGuardBytes;
  try {
    poison(front, bytes, stream);
    const std::lock_guard lock(state_->mutex);
    state_->live[p] = {state_->next++, bytes};
  } catch (...) {
    upstream_.deallocate(front, whole, stream);
    throw;
  }
  return p;
}

void GuardResource::check_and_poison(std::byte* front, std::uint64_t number, std::size_t bytes,
                                     StreamView stream) {
  if (device().host_accessible()) {
    auto check = [state = state_, front, number, bytes, where = device()] {
      std::byte* p = front + kGuardBytes;
      state->check(number, front, p + bytes, bytes, where);
      std::memset(p, kPoison, bytes);
    };
    if (stream.impl() == nullptr) return check();
    return stream.impl()->defer(std::move(check));
  }
  if (stream.impl() == nullptr) {
    const Stream own(device());
    return check_and_poison(front, number, bytes, own);
  }
  if (stream.impl()->capturing()) return;  // the memory is of use to the replays to come
  std::vector<std::byte> guards(kGuardBytes + back_bytes(bytes));
  std::byte* back = guards.data() + kGuardBytes;
  stream.copy(guards.data(), front, kGuardBytes);
  stream.copy(back, front + kGuardBytes + bytes, back_bytes(bytes));
  stream.synchronize();
  state_->check(number, guards.data(), back, bytes, device());
  stream.fill(front + kGuardBytes, kPoison, bytes);
}

void GuardResource::deallocate(void* p, std::size_t bytes, StreamView stream) noexcept {
  if (p == nullptr) return;
  std::pair<std::uint64_t, std::size_t> known;
  {
    const std::lock_guard lock(state_->mutex);
    const auto it = state_->live.find(p);
    if (it == state_->live.end()) {
      return state_->say("memory was given back twice, or never handed out");
    }
    known = it->second;
    state_->live.erase(it);
  }
  const auto [number, size] = known;
  if (size != bytes) {
    state_->say("allocation " + std::to_string(number) + " of " + std::to_string(size) +
                " bytes was given back as one of " + std::to_string(bytes));
  }
  std::byte* front = static_cast<std::byte*>(p) - kGuardBytes;
  try {
    check_and_poison(front, number, size, stream);
  } catch (const std::exception& e) {
    state_->say("allocation " + std::to_string(number) + " could not be checked: " + e.what());
  }
  upstream_.deallocate(front, whole_bytes(size), stream);
}

}  // namespace fovea
