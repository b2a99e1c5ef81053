// sanitizer.h - what the sanitizers must be told: stack switches, and memory that nobody may touch.
// Empty in a build without them.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

#include <pthread.h>
#endif
#if defined(__SANITIZE_THREAD__) && !defined(FOVEA_CHECK_ACCESSES)
#include <sanitizer/tsan_interface.h>
#endif

namespace fovea::emulator {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kAddressSanitizer = true;
/// From now on any access to the bytes aborts with its source line.
inline void poison(const void* p, std::size_t bytes) { __asan_poison_memory_region(p, bytes); }
inline void unpoison(const void* p, std::size_t bytes) { __asan_unpoison_memory_region(p, bytes); }
inline void start_switch(void** fake_stack, const void* bottom, std::size_t bytes) {
  __sanitizer_start_switch_fiber(fake_stack, bottom, bytes);
}
inline void finish_switch(void* fake_stack) {
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
}
/// The bounds of the calling host thread's stack.
inline void host_stack(const void** bottom, std::size_t* bytes) {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return;
  void* lowest = nullptr;
  pthread_attr_getstack(&attributes, &lowest, bytes);
  pthread_attr_destroy(&attributes);
  *bottom = lowest;
}
#else
inline constexpr bool kAddressSanitizer = false;
inline void poison(const void*, std::size_t) {}
inline void unpoison(const void*, std::size_t) {}
inline void start_switch(void**, const void*, std::size_t) {}
inline void finish_switch(void*) {}
inline void host_stack(const void**, std::size_t*) {}
#endif

#if defined(__SANITIZE_THREAD__) && !defined(FOVEA_CHECK_ACCESSES)
inline void* tsan_this_fiber() { return __tsan_get_current_fiber(); }
inline void* tsan_create_fiber() { return __tsan_create_fiber(0); }
inline void tsan_destroy_fiber(void* fiber) { __tsan_destroy_fiber(fiber); }
inline void tsan_switch(void* fiber) { __tsan_switch_to_fiber(fiber, 0); }
#else
inline void* tsan_this_fiber() { return nullptr; }
inline void* tsan_create_fiber() { return nullptr; }
inline void tsan_destroy_fiber(void*) {}
inline void tsan_switch(void*) {}
#endif

}  // namespace fovea::emulator
