// allocation_count.cpp - replaces the global operator new by one that counts.
#include "allocation_count.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::int64_t> count = 0;
}  // namespace

namespace fovea::test {
std::int64_t allocation_count() { return count; }
}  // namespace fovea::test

void* operator new(std::size_t bytes) {
  ++count;
  if (void* p = std::malloc(bytes > 0 ? bytes : 1)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
