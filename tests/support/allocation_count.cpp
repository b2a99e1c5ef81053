// allocation_count.cpp - malloc and operator new that count, told apart by who called.
#include "allocation_count.h"

#include <link.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

namespace fovea::test {
bool counts_allocations() { return false; }
std::int64_t allocation_count() { return 0; }
std::int64_t onednn_allocation_count() { return 0; }
}  // namespace fovea::test

#else

namespace {

std::atomic<std::int64_t> count = 0, onednn_count = 0;

/// Where a library's code lies in this process; empty where it is not linked.
struct CodeRange {
  const char* library;
  std::uintptr_t begin = 0, end = 0;

  bool holds(std::uintptr_t at) const { return at >= begin && at < end; }
};

int find_code(dl_phdr_info* info, std::size_t, void* found) {
  auto& range = *static_cast<CodeRange*>(found);
  if (std::strstr(info->dlpi_name, range.library) == nullptr) return 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = info->dlpi_phdr[i];
    if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0) continue;
    range.begin = info->dlpi_addr + part.p_vaddr;
    range.end = range.begin + part.p_memsz;
  }
  return 1;
}

CodeRange code_of(const char* library) {
  CodeRange range{library};
  dl_iterate_phdr(find_code, &range);
  return range;
}

// Constant-initialised to nothing: allocations before their own initialisation count as ours.
// OpenMP serves oneDNN alone, and takes memory when a thread of ours first runs a primitive.
CodeRange onednn = code_of("libdnnl"), openmp = code_of("libgomp");

void note(const void* caller) {
  const auto at = reinterpret_cast<std::uintptr_t>(caller);
  ++(onednn.holds(at) || openmp.holds(at) ? onednn_count : count);
}

}  // namespace

namespace fovea::test {
bool counts_allocations() { return true; }
std::int64_t allocation_count() { return count; }
std::int64_t onednn_allocation_count() { return onednn_count; }
}  // namespace fovea::test

// glibc's own, under the names it keeps for whoever replaces malloc.
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* p, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);

void* malloc(std::size_t bytes) {
  note(__builtin_return_address(0));
  return __libc_malloc(bytes);
}
void* calloc(std::size_t n, std::size_t bytes) {
  note(__builtin_return_address(0));
  return __libc_calloc(n, bytes);
}
void* realloc(void* p, std::size_t bytes) {
  note(__builtin_return_address(0));
  return __libc_realloc(p, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  note(__builtin_return_address(0));
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** p, std::size_t alignment, std::size_t bytes) {
  note(__builtin_return_address(0));
  *p = __libc_memalign(alignment, bytes);
  return *p != nullptr ? 0 : ENOMEM;
}
}

void* operator new(std::size_t bytes) {
  note(__builtin_return_address(0));
  if (void* p = __libc_malloc(bytes > 0 ? bytes : 1)) return p;
  throw std::bad_alloc();
}
void* operator new[](std::size_t bytes) {
  note(__builtin_return_address(0));
  if (void* p = __libc_malloc(bytes > 0 ? bytes : 1)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }

#endif
