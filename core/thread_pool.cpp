// thread_pool.cpp - see thread_pool.h. Parts are fixed by the arguments; which thread runs a part
// is not, and must not matter. A loop allocates nothing. Who waits spins a little before it sleeps:
// ops of a step follow each other within microseconds, and to be woken costs ten.
#include <fovea/core/cpu_limits.h>
#include <fovea/core/log.h>
#include <fovea/core/thread_pool.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace fovea {
namespace {

constexpr int kSpins = 2000;  // some 50 us

// Turns until done() or for kSpins.
template <class Done>
void spin_until(const Done& done) {
  for (int i = 0; i < kSpins && !done(); ++i) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    std::this_thread::yield();
#endif
  }
}

// Set while this thread runs a part, so that a loop inside a body runs in place.
thread_local bool inside_body = false;

/// One loop: its parts, who has taken how many, and the error of the lowest part that threw.
class Loop {
 public:
  using Body = std::function<void(std::int64_t, std::int64_t)>;

  Loop(std::int64_t count, std::int64_t grain, int threads, const Body& body)
      : body_{body}, count_{count} {
    const std::int64_t even = count / threads + (count % threads != 0 ? 1 : 0);
    length_ = std::max(std::max<std::int64_t>(grain, 1), even);
    parts_ = count / length_ + (count % length_ != 0 ? 1 : 0);
  }

  std::int64_t parts() const { return parts_; }

  void run_parts() noexcept {
    const bool outer = std::exchange(inside_body, true);
    for (;;) {
      const std::int64_t part = next_.fetch_add(1, std::memory_order_relaxed);
      if (part >= parts_) break;
      const std::int64_t begin = part * length_;
      try {
        body_(begin, part == parts_ - 1 ? count_ : begin + length_);
      } catch (...) {
        keep_error(part, std::current_exception());
      }
    }
    inside_body = outer;
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void keep_error(std::int64_t part, std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (error_ && part > error_part_) return;
    error_ = std::move(error);
    error_part_ = part;
  }

  const Body& body_;
  std::int64_t count_;
  std::int64_t length_ = 1;
  std::int64_t parts_ = 0;
  std::atomic<std::int64_t> next_{0};
  std::mutex mutex_;
  std::exception_ptr error_;
  std::int64_t error_part_ = 0;
};

}  // namespace

int available_threads() {
  const int quota = cgroup_cpus("/");
  const int affinity = affinity_cpus();
  return quota > 0 ? std::min(quota, affinity) : affinity;
}

struct ThreadPool::Impl {
  explicit Impl(int thread_count) : threads{thread_count} {}

  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      stop = true;
    }
    wake.notify_all();
    for (std::thread& worker : workers) worker.join();
  }

  void start() {
    // Where the system gives no more threads, the loop runs on those there are.
    try {
      while (static_cast<int>(workers.size()) < threads - 1) {
        workers.emplace_back([this] { work(); });
      }
    } catch (const std::system_error& e) {
      log(LogLevel::warning, std::string("thread pool: no more threads: ") + e.what());
    }
  }

  void work() {
    std::uint64_t seen = 0;
    for (;;) {
      spin_until([&] { return generation != seen; });
      std::unique_lock lock(mutex);
      ++asleep;
      wake.wait(lock, [&] { return stop || generation != seen; });
      --asleep;
      if (stop) return;
      seen = generation;
      Loop* mine = loop;
      if (mine == nullptr) continue;  // done before this thread came
      ++busy;
      lock.unlock();
      mine->run_parts();
      lock.lock();
      if (--busy == 0) finished.notify_one();
    }
  }

  void run(Loop& work_loop) {
    start();
    bool some_sleep = false;
    {
      const std::lock_guard lock(mutex);
      loop = &work_loop;
      ++generation;
      some_sleep = asleep > 0;
    }
    if (some_sleep) wake.notify_all();
    work_loop.run_parts();
    {
      const std::lock_guard lock(mutex);
      loop = nullptr;  // nobody new joins; the parts are all taken
    }
    spin_until([&] { return busy == 0; });
    std::unique_lock lock(mutex);
    finished.wait(lock, [&] { return busy == 0; });
  }

  const int threads;
  std::mutex one_loop;  // held by the thread whose loop the workers run
  std::mutex mutex;     // guards what follows
  std::condition_variable wake;
  std::condition_variable finished;
  Loop* loop = nullptr;
  // Changed under the mutex; those who spin read them without.
  std::atomic<std::uint64_t> generation{0};
  std::atomic<int> busy{0};
  int asleep = 0;
  bool stop = false;
  std::vector<std::thread> workers;  // guarded by one_loop
};

ThreadPool::ThreadPool(int threads)
    : impl_{std::make_unique<Impl>(threads > 0 ? threads : available_threads())} {}

ThreadPool::~ThreadPool() = default;

int ThreadPool::threads() const { return impl_->threads; }

void ThreadPool::parallel_for(std::int64_t count, std::int64_t grain,
                              const std::function<void(std::int64_t, std::int64_t)>& body) {
  if (count <= 0) return;
  Loop loop(count, grain, impl_->threads, body);
  // While another thread's loop has the workers, or inside a body, the caller runs its parts alone:
  // the parts, and so the result, are the same.
  std::unique_lock turn(impl_->one_loop, std::defer_lock);
  if (loop.parts() > 1 && !inside_body && turn.try_lock()) {
    impl_->run(loop);
  } else {
    loop.run_parts();
  }
  loop.rethrow();
}

namespace {

struct SharedPool {
  std::mutex mutex;
  std::unique_ptr<ThreadPool> pool;
  int threads = 0;
};

SharedPool& shared_pool() {
  static SharedPool instance;
  return instance;
}

}  // namespace

ThreadPool& ThreadPool::shared() {
  SharedPool& shared = shared_pool();
  const std::lock_guard lock(shared.mutex);
  if (shared.pool == nullptr) shared.pool = std::make_unique<ThreadPool>(shared.threads);
  return *shared.pool;
}

void ThreadPool::set_shared_threads(int threads) {
  SharedPool& shared = shared_pool();
  const std::lock_guard lock(shared.mutex);
  shared.threads = threads;
  shared.pool.reset();
}

}  // namespace fovea
