// warp.h - shuffles and votes: the last lane to come computes the result of every lane.
#pragma once

#include <fovea/kernels/emulator/block.h>

#include <bit>
#include <source_location>

namespace fovea::emulator {

template <class T>
struct ShuffleOperand {
  T value;
  T result;
  unsigned source;  // lane whose value is the result; kWarpSize: the own value
};

template <class T>
void run_shuffle(void* const* operands, unsigned mask) {
  for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<unsigned>(std::countr_zero(rest));
    auto& mine = *static_cast<ShuffleOperand<T>*>(operands[lane]);
    const unsigned from = mine.source == kWarpSize ? lane : mine.source;
    mine.result = static_cast<const ShuffleOperand<T>*>(operands[from])->value;
  }
}

/// One shuffle. `source` is a lane of the warp, or kWarpSize where CUDA leaves the own value.
template <class T>
T shuffle(const char* what, unsigned mask, T value, unsigned source,
          const std::source_location& at) {
  static_assert(sizeof(T) <= 8, "shuffles move 4 or 8 bytes");
  Block& block = Block::running();
  if (source != kWarpSize && (mask >> source & 1U) == 0) {
    block.fail(std::string(what) + ": reads lane " + std::to_string(source) +
                   ", which the mask does not name",
               at);
  }
  ShuffleOperand<T> operand{value, value, source};
  block.collective(what, mask, &run_shuffle<T>, &operand, at);
  return operand.result;
}

struct VoteOperand {
  bool predicate;
  unsigned ballot;
};

inline void run_vote(void* const* operands, unsigned mask) {
  unsigned ballot = 0;
  for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<unsigned>(std::countr_zero(rest));
    if (static_cast<const VoteOperand*>(operands[lane])->predicate) ballot |= 1U << lane;
  }
  for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
    static_cast<VoteOperand*>(operands[std::countr_zero(rest)])->ballot = ballot;
  }
}

inline unsigned vote(const char* what, unsigned mask, bool predicate,
                     const std::source_location& at) {
  VoteOperand operand{predicate, 0};
  Block::running().collective(what, mask, &run_vote, &operand, at);
  return operand.ballot;
}

inline void run_nothing(void* const*, unsigned) {}

inline unsigned lane_of_caller() { return Block::running().thread() % kWarpSize; }

}  // namespace fovea::emulator

namespace fovea::emu {

template <class T>
T __shfl_sync(unsigned mask, T v, int source, int width = 32,
              std::source_location at = std::source_location::current()) {
  const unsigned lane = emulator::lane_of_caller();
  const auto w = static_cast<unsigned>(width);
  const unsigned from = (lane & ~(w - 1U)) | (static_cast<unsigned>(source) & (w - 1U));
  return emulator::shuffle("__shfl_sync", mask, v, from, at);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T v, int lane_mask, int width = 32,
                  std::source_location at = std::source_location::current()) {
  const unsigned lane = emulator::lane_of_caller();
  const unsigned from = lane ^ static_cast<unsigned>(lane_mask);
  // A lane beyond the own group of `width` lanes is read only if it lies before: PTX shfl.bfly.
  const unsigned last = lane | (static_cast<unsigned>(width) - 1U);
  return emulator::shuffle("__shfl_xor_sync", mask, v, from <= last ? from : emulator::kWarpSize,
                           at);
}

template <class T>
T __shfl_up_sync(unsigned mask, T v, unsigned delta, int width = 32,
                 std::source_location at = std::source_location::current()) {
  const unsigned lane = emulator::lane_of_caller();
  const unsigned first = lane & ~(static_cast<unsigned>(width) - 1U);
  return emulator::shuffle("__shfl_up_sync", mask, v,
                           lane - first >= delta ? lane - delta : emulator::kWarpSize, at);
}

template <class T>
T __shfl_down_sync(unsigned mask, T v, unsigned delta, int width = 32,
                   std::source_location at = std::source_location::current()) {
  const unsigned lane = emulator::lane_of_caller();
  const unsigned last = lane | (static_cast<unsigned>(width) - 1U);
  return emulator::shuffle("__shfl_down_sync", mask, v,
                           delta <= last - lane ? lane + delta : emulator::kWarpSize, at);
}

inline unsigned __ballot_sync(unsigned mask, int p,
                              std::source_location at = std::source_location::current()) {
  return emulator::vote("__ballot_sync", mask, p != 0, at);
}

inline int __any_sync(unsigned mask, int p,
                      std::source_location at = std::source_location::current()) {
  return emulator::vote("__any_sync", mask, p != 0, at) != 0 ? 1 : 0;
}

inline int __all_sync(unsigned mask, int p,
                      std::source_location at = std::source_location::current()) {
  return emulator::vote("__all_sync", mask, p != 0, at) == mask ? 1 : 0;
}

inline void __syncwarp(unsigned mask = 0xffffffffU,
                       std::source_location at = std::source_location::current()) {
  char nothing = 0;
  emulator::Block::running().collective("__syncwarp", mask, &emulator::run_nothing, &nothing, at);
}

inline int __popc(unsigned v) { return std::popcount(v); }
inline int __ffs(int v) { return __builtin_ffs(v); }
inline int __clz(int v) { return std::countl_zero(static_cast<unsigned>(v)); }

}  // namespace fovea::emu
