// stream_cpu.cpp - the CPU's stream: a task runs when it is given, in the caller's thread.
// Nothing here allocates after the first step: a plan's steady state is checked for it.
#include <fovea/core/error.h>
#include <fovea/core/log.h>
#include <fovea/core/stream_host.h>

#include <cstring>
#include <mutex>
#include <utility>

namespace fovea {
namespace {

class CpuStream final : public HostStream {
 public:
  CpuStream() : HostStream(Device::cpu()) {}
  ~CpuStream() override {
    if (error_) log(LogLevel::error, "a cpu stream ended with an error that nobody asked for");
  }

  void copy(void* to, const void* from, std::size_t bytes) override {
    if (capturing()) return enqueue([=] { std::memcpy(to, from, bytes); });
    const std::lock_guard lock(mutex_);
    if (!error_) std::memcpy(to, from, bytes);
  }

  void fill(void* to, int value, std::size_t bytes) override {
    if (capturing()) return enqueue([=] { std::memset(to, value, bytes); });
    const std::lock_guard lock(mutex_);
    if (!error_) std::memset(to, value, bytes);
  }

  void defer(std::function<void()> action) override { action(); }

  void run_one(const std::function<void()>& task) {
    const std::lock_guard lock(mutex_);
    if (error_) return;
    try {
      task();
    } catch (...) {
      error_ = std::current_exception();
    }
  }

 protected:
  void run(std::function<void()> task) override { run_one(task); }

  void run_all() override {
    const std::lock_guard lock(mutex_);
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

  void run_after(const std::shared_ptr<HostPoint>& point) override {
    const std::exception_ptr error = point->run();
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = error;
  }

  void place(std::shared_ptr<HostPoint>& point) override {
    // A point that only its event knows is written again: no allocation in the steady state.
    const bool reusable =
        point != nullptr && point.use_count() == 1 && !point->captured && point->queue == nullptr;
    if (!reusable) point = std::make_shared<HostPoint>();
    const std::lock_guard lock(mutex_);  // after a task that another thread is running
    point->error = error_;
    point->time = std::chrono::steady_clock::now();
  }

  std::unique_ptr<CapturedImpl> make_captured(HostRecording recording) override;

 private:
  std::recursive_mutex mutex_;  // a task may give its own stream work: it runs in place
  std::exception_ptr error_;    // of the first task that threw; later tasks are skipped
};

/// The calls' order is one of the orders that events allow, and the CPU's only one.
class CpuCaptured final : public CapturedImpl {
 public:
  explicit CpuCaptured(HostRecording recording) : recording_{std::move(recording)} {}
  void launch(StreamImpl& stream) override {
    auto* cpu = dynamic_cast<CpuStream*>(&stream);
    if (cpu == nullptr) {
      throw InvalidArgument("work captured on cpu cannot be launched on " +
                            to_string(stream.device()));
    }
    for (const HostRecording::Node& node : recording_.nodes) {
      if (node.kind == HostRecording::Kind::task) cpu->run_one(node.task);
    }
  }

 private:
  HostRecording recording_;
};

std::unique_ptr<CapturedImpl> CpuStream::make_captured(HostRecording recording) {
  return std::make_unique<CpuCaptured>(std::move(recording));
}

}  // namespace

std::unique_ptr<StreamImpl> make_cpu_stream() { return std::make_unique<CpuStream>(); }

}  // namespace fovea
