// thread_pool.h - host threads that follow the machine's limits.
#pragma once

#include <fovea/core/api.h>

#include <cstdint>
#include <functional>
#include <memory>

namespace fovea {

/// Threads that CPU affinity and the cgroup quota (v1 and v2) allow this process; at least 1.
FOVEA_API int available_threads();

/// A fixed set of threads for data-parallel loops. The caller of parallel_for is one of them, so a
/// pool of one starts no thread. Threads start at the first loop that needs them.
class FOVEA_API ThreadPool {
 public:
  /// `threads` = 0: available_threads().
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;
  /// Calls body(begin, end) for consecutive parts of [0, count), each at least `grain` long but the
  /// last. Parts depend on count, grain and threads() alone. Returns when all are done; rethrows
  /// the exception of the lowest part that threw. Calls from inside a body run in place.
  void parallel_for(std::int64_t count, std::int64_t grain,
                    const std::function<void(std::int64_t, std::int64_t)>& body);

  /// The pool of the library's own CPU kernels, made at first use.
  static ThreadPool& shared();
  /// Threads of shared() from now on; for the program's start, before any work. 0: available.
  static void set_shared_threads(int threads);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea
