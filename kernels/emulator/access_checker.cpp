// access_checker.cpp - see access_checker.h.
#include <fovea/kernels/emulator/access_checker.h>

#include <algorithm>

namespace fovea::emulator {
namespace {
constexpr std::size_t kWord = 4;
}

void AccessChecker::reset(std::size_t bytes, unsigned threads) {
  const std::size_t words = (bytes + kWord - 1) / kWord;
  words_.assign(words, Cell{});
  split_.assign(words, 0);
  clock_.assign(threads, 1);
  base_.assign(threads, 0);
  own_.resize(threads);
  for (auto& own : own_) own.clear();
}

/// The cell of one byte; splits its word.
AccessChecker::Cell& AccessChecker::byte_cell(std::size_t byte) {
  const std::size_t word = byte / kWord;
  if (split_[word] == 0) {
    split_[word] = 1;
    bytes_.resize(words_.size() * kWord);
    std::fill_n(bytes_.begin() + static_cast<std::ptrdiff_t>(word * kWord), kWord, words_[word]);
  }
  return bytes_[byte];
}

/// f(cell, first byte) for the cells that cover [offset, offset + bytes).
template <class F>
void AccessChecker::for_each_cell(std::size_t offset, std::size_t bytes, F&& f) {
  const std::size_t end = offset + bytes;
  for (std::size_t b = offset; b < end;) {
    const bool whole = b % kWord == 0 && end - b >= kWord;
    if (whole && split_[b / kWord] == 0) {
      f(words_[b / kWord], b);
      b += kWord;
    } else {
      f(byte_cell(b), b);
      ++b;
    }
  }
}

bool AccessChecker::knows(unsigned thread, const Visit& visit) const {
  if (visit.clock == 0 || visit.thread == thread || visit.clock <= base_[visit.thread]) return true;
  const auto& own = own_[thread];
  return !own.empty() && visit.clock <= own[visit.thread];
}

AccessFault::Kind AccessChecker::check(unsigned thread, const Cell& cell, Access kind,
                                       unsigned* other) const {
  *other = cell.write.thread;
  if (cell.state == State::in_flight) return AccessFault::Kind::in_flight;
  if (cell.state == State::unwritten && kind != Access::write) return AccessFault::Kind::unwritten;
  const bool both_atomic = kind == Access::atomic && cell.state == State::atomic;
  if (!both_atomic && !knows(thread, cell.write)) return AccessFault::Kind::race_with_write;
  if (kind == Access::read) return AccessFault::Kind::none;
  for (const Visit& read : cell.read) {
    *other = read.thread;
    if (!knows(thread, read)) return AccessFault::Kind::race_with_read;
  }
  return AccessFault::Kind::none;
}

void AccessChecker::note(unsigned thread, Cell& cell, Access kind) const {
  const Visit visit{clock_[thread], static_cast<std::uint16_t>(thread)};
  if (kind != Access::read) {
    cell.write = visit;
    cell.state = kind == Access::atomic ? State::atomic : State::written;
    cell.read[0] = cell.read[1] = Visit{};
    return;
  }
  if (cell.read[0].clock != 0 && cell.read[0].thread != thread) cell.read[1] = cell.read[0];
  cell.read[0] = visit;
}

AccessFault AccessChecker::access(unsigned thread, std::size_t offset, std::size_t bytes,
                                  Access kind) {
  AccessFault fault;
  for_each_cell(offset, bytes, [&](Cell& cell, std::size_t byte) {
    unsigned other = 0;
    const AccessFault::Kind found = check(thread, cell, kind, &other);
    if (found != AccessFault::Kind::none && fault.kind == AccessFault::Kind::none) {
      fault = {found, other, byte};
    }
    note(thread, cell, kind);
  });
  return fault;
}

AccessFault AccessChecker::copy_issued(unsigned thread, std::size_t offset, std::size_t bytes) {
  const AccessFault fault = access(thread, offset, bytes, Access::write);
  for_each_cell(offset, bytes, [](Cell& cell, std::size_t) { cell.state = State::in_flight; });
  return fault;
}

void AccessChecker::copy_landed(unsigned thread, std::size_t offset, std::size_t bytes) {
  for_each_cell(offset, bytes, [&](Cell& cell, std::size_t) { note(thread, cell, Access::write); });
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
