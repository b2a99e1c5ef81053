// access_hooks.cpp - where checked kernels say what they access. They are compiled with
// -fsanitize=thread, which makes g++ call these functions before each read and write of memory that
// another thread might see, but they are not linked with ThreadSanitizer: the emulator listens
// instead. Accesses outside a running block, of host code compiled beside the kernels, count for
// nothing.
#include <fovea/kernels/emulator/block.h>

#include <cstddef>
#include <cstdint>

namespace fovea::emulator {
namespace {

void heard(const void* p, std::size_t bytes, Access kind, const void* place) {
  if (Block* block = Block::watched(); block != nullptr) block->accessed(p, bytes, kind, place);
}

}  // namespace
}  // namespace fovea::emulator

#define FOVEA_HEARD(p, bytes, kind) \
  ::fovea::emulator::heard(p, bytes, ::fovea::emulator::Access::kind, __builtin_return_address(0))

// The names and signatures are those that g++ emits; one macro a family keeps them in one place.
#define FOVEA_PLAIN(suffix, bytes)                                              \
  void __tsan_read##suffix(void* p) { FOVEA_HEARD(p, bytes, read); }            \
  void __tsan_write##suffix(void* p) { FOVEA_HEARD(p, bytes, write); }          \
  void __tsan_volatile_read##suffix(void* p) { FOVEA_HEARD(p, bytes, read); }   \
  void __tsan_volatile_write##suffix(void* p) { FOVEA_HEARD(p, bytes, write); } \
  void __tsan_unaligned_read##suffix(void* p) { FOVEA_HEARD(p, bytes, read); }  \
  void __tsan_unaligned_write##suffix(void* p) { FOVEA_HEARD(p, bytes, write); }

#define FOVEA_UPDATE(bits, T, name, builtin)                \
  T __tsan_atomic##bits##_##name(volatile T* p, T v, int) { \
    FOVEA_HEARD(const_cast<T*>(p), sizeof(T), atomic);      \
    return builtin(p, v, __ATOMIC_SEQ_CST);                 \
  }

#define FOVEA_COMPARE(bits, T, name)                                                               \
  bool __tsan_atomic##bits##_##name(volatile T* p, T* expected, T v, int, int) {                   \
    FOVEA_HEARD(const_cast<T*>(p), sizeof(T), atomic);                                             \
    return __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
  }

#define FOVEA_ATOMIC(bits, T)                                 \
  T __tsan_atomic##bits##_load(const volatile T* p, int) {    \
    FOVEA_HEARD(const_cast<const T*>(p), sizeof(T), atomic);  \
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);              \
  }                                                           \
  void __tsan_atomic##bits##_store(volatile T* p, T v, int) { \
    FOVEA_HEARD(const_cast<T*>(p), sizeof(T), atomic);        \
    __atomic_store_n(p, v, __ATOMIC_SEQ_CST);                 \
  }                                                           \
  FOVEA_UPDATE(bits, T, exchange, __atomic_exchange_n)        \
  FOVEA_UPDATE(bits, T, fetch_add, __atomic_fetch_add)        \
  FOVEA_UPDATE(bits, T, fetch_sub, __atomic_fetch_sub)        \
  FOVEA_UPDATE(bits, T, fetch_and, __atomic_fetch_and)        \
  FOVEA_UPDATE(bits, T, fetch_or, __atomic_fetch_or)          \
  FOVEA_UPDATE(bits, T, fetch_xor, __atomic_fetch_xor)        \
  FOVEA_COMPARE(bits, T, compare_exchange_strong)             \
  FOVEA_COMPARE(bits, T, compare_exchange_weak)

extern "C" {

FOVEA_PLAIN(1, 1)
FOVEA_PLAIN(2, 2)
FOVEA_PLAIN(4, 4)
FOVEA_PLAIN(8, 8)
FOVEA_PLAIN(16, 16)

FOVEA_ATOMIC(8, std::uint8_t)
FOVEA_ATOMIC(16, std::uint16_t)
FOVEA_ATOMIC(32, std::uint32_t)
FOVEA_ATOMIC(64, std::uint64_t)

void __tsan_read_range(void* p, std::size_t bytes) { FOVEA_HEARD(p, bytes, read); }
void __tsan_write_range(void* p, std::size_t bytes) { FOVEA_HEARD(p, bytes, write); }
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
void __tsan_atomic_signal_fence(int) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_init() {}

}  // extern "C"
