// access_checker.cpp - see access_checker.h.
#include <fovea/kernels/emulator/access_checker.h>

#include <algorithm>

namespace fovea::emulator {

void AccessChecker::reset(std::size_t bytes, unsigned threads) {
  bytes_.assign(bytes, Byte{});
  clock_.assign(threads, 1);
  base_.assign(threads, 0);
  own_.resize(threads);
  for (auto& own : own_) own.clear();
}

bool AccessChecker::knows(unsigned thread, const Visit& visit) const {
  if (visit.clock == 0 || visit.thread == thread || visit.clock <= base_[visit.thread]) return true;
  const auto& own = own_[thread];
  return !own.empty() && visit.clock <= own[visit.thread];
}

AccessFault::Kind AccessChecker::check(unsigned thread, const Byte& byte, Access kind,
                                       unsigned* other) const {
  *other = byte.write.thread;
  if (byte.state == State::in_flight) return AccessFault::Kind::in_flight;
  if (byte.state == State::unwritten && kind != Access::write) return AccessFault::Kind::unwritten;
  const bool both_atomic = kind == Access::atomic && byte.state == State::atomic;
  if (!both_atomic && !knows(thread, byte.write)) return AccessFault::Kind::race_with_write;
  if (kind == Access::read) return AccessFault::Kind::none;
  for (const Visit& read : byte.read) {
    *other = read.thread;
    if (!knows(thread, read)) return AccessFault::Kind::race_with_read;
  }
  return AccessFault::Kind::none;
}

void AccessChecker::note(unsigned thread, Byte& byte, Access kind) const {
  const Visit visit{clock_[thread], static_cast<std::uint16_t>(thread)};
  if (kind != Access::read) {
    byte.write = visit;
    byte.state = kind == Access::atomic ? State::atomic : State::written;
    byte.read[0] = byte.read[1] = Visit{};
    return;
  }
  if (byte.read[0].clock != 0 && byte.read[0].thread != thread) byte.read[1] = byte.read[0];
  byte.read[0] = visit;
}

AccessFault AccessChecker::access(unsigned thread, std::size_t offset, std::size_t bytes,
                                  Access kind) {
  AccessFault fault;
  for (std::size_t b = offset; b < offset + bytes; ++b) {
    unsigned other = 0;
    const AccessFault::Kind found = check(thread, bytes_[b], kind, &other);
    if (found != AccessFault::Kind::none && fault.kind == AccessFault::Kind::none) {
      fault = {found, other, b};
    }
    note(thread, bytes_[b], kind);
  }
  return fault;
}

AccessFault AccessChecker::copy_issued(unsigned thread, std::size_t offset, std::size_t bytes) {
  const AccessFault fault = access(thread, offset, bytes, Access::write);
  for (std::size_t b = offset; b < offset + bytes; ++b) bytes_[b].state = State::in_flight;
  return fault;
}

void AccessChecker::copy_landed(unsigned thread, std::size_t offset, std::size_t bytes) {
  for (std::size_t b = offset; b < offset + bytes; ++b) note(thread, bytes_[b], Access::write);
}

void AccessChecker::meet_all() {
  base_ = clock_;
  for (auto& own : own_) own.clear();
  for (std::uint32_t& clock : clock_) ++clock;
}

void AccessChecker::meet(const std::vector<unsigned>& threads) {
  std::vector<std::uint32_t> past;
  for (const unsigned t : threads) give(t, past);
  for (const unsigned t : threads) take(t, past);
}

void AccessChecker::give(unsigned thread, std::vector<std::uint32_t>& past) {
  past.resize(clock_.size());
  const auto& own = own_[thread];
  for (std::size_t u = 0; u < own.size(); ++u) past[u] = std::max(past[u], own[u]);
  past[thread] = clock_[thread]++;
}

void AccessChecker::take(unsigned thread, const std::vector<std::uint32_t>& past) {
  auto& own = own_[thread];
  own.resize(past.size());
  for (std::size_t u = 0; u < past.size(); ++u) own[u] = std::max(own[u], past[u]);
}

}  // namespace fovea::emulator
