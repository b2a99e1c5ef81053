// stack.h - the memory that a fiber runs on.
#pragma once

#include <cstddef>

namespace fovea::emulator {

/// Owns one stack: pages that are committed when touched, above a guard page that turns an overflow
/// into a fault instead of a neighbour's wrong values.
class Stack {
 public:
  /// `colour` shifts the top, so that the hot ends of many stacks do not share cache sets.
  /// Throws OutOfMemory.
  explicit Stack(std::size_t colour);
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  void* bottom() const;
  void* top() const;
  std::size_t bytes() const;  // from bottom() to top()

 private:
  std::byte* pages_ = nullptr;
  std::size_t shift_ = 0;
};

}  // namespace fovea::emulator
