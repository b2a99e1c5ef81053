// stream_emulated.cpp - the emulator's stream: tasks are kept and run only when somebody waits.
// Laziness is the test: work that should have waited for an event runs before the other stream's
// work, and shows stale data.
#include <fovea/core/error.h>
#include <fovea/core/log.h>
#include <fovea/core/stream_host.h>

#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace fovea {

/// Items in order, numbered from 1. Whoever waits runs them; one thread at a time.
class LazyQueue : public std::enable_shared_from_this<LazyQueue> {
  enum class Kind { task, action, wait, record };

 public:
  void push_task(std::function<void()> task) { push({Kind::task, std::move(task), nullptr}); }

  /// A task that runs after a failure too.
  void push_action(std::function<void()> action) {
    push({Kind::action, std::move(action), nullptr});
  }

  void push_wait(std::shared_ptr<HostPoint> point) { push({Kind::wait, {}, std::move(point)}); }

  void push_record(const std::shared_ptr<HostPoint>& point) {
    const std::lock_guard lock(mutex_);
    point->queue = shared_from_this();
    point->sequence = ++pushed_;
    items_.push_back({Kind::record, {}, point});
  }

  bool reached(std::uint64_t sequence) const {
    const std::lock_guard lock(mutex_);
    return done_ >= sequence;
  }

  /// Runs items up to `sequence`, or waits while another thread does.
  void run_until(std::uint64_t sequence) {
    std::unique_lock lock(mutex_);
    while (done_ < sequence) {
      if (!running_) {
        run_front(lock);
      } else if (runner_ == std::this_thread::get_id()) {
        throw DeviceError(
            "a task of an emulated stream waits for work that comes after it on the same stream");
      } else {
        changed_.wait(lock);
      }
    }
  }

  /// Runs all that was given before this call; takes the error out.
  std::exception_ptr run_all() {
    std::unique_lock lock(mutex_);
    const std::uint64_t last = pushed_;
    lock.unlock();
    run_until(last);
    lock.lock();
    return std::exchange(error_, nullptr);
  }

  std::exception_ptr error_of(const HostPoint& point) const {
    const std::lock_guard lock(mutex_);
    return point.error;
  }

 private:
  struct Item {
    Kind kind;
    std::function<void()> task;
    std::shared_ptr<HostPoint> point;
  };

  void push(Item item) {
    const std::lock_guard lock(mutex_);
    ++pushed_;
    items_.push_back(std::move(item));
  }

  void run_front(std::unique_lock<std::mutex>& lock) {
    Item item = std::move(items_.front());
    items_.pop_front();
    running_ = true;
    runner_ = std::this_thread::get_id();
    const bool failed = error_ != nullptr;
    lock.unlock();
    std::exception_ptr error;
    try {
      if (item.kind == Kind::wait) {
        error = item.point->run();  // also after a failure: nobody's work is left behind
      } else if (item.kind == Kind::action || (item.kind == Kind::task && !failed)) {
        item.task();
      }
    } catch (...) {
      error = std::current_exception();
    }
    item.task = nullptr;  // what the task owned goes before anybody sees it done
    lock.lock();
    if (error_ == nullptr) error_ = error;
    if (item.kind == Kind::record) {
      item.point->error = error_;
      item.point->time = std::chrono::steady_clock::now();
    }
    running_ = false;
    ++done_;
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> items_;
  std::uint64_t pushed_ = 0;
  std::uint64_t done_ = 0;
  bool running_ = false;
  std::thread::id runner_;
  std::exception_ptr error_;  // of the first task that threw; later tasks are skipped
};

bool HostPoint::reached() const {
  if (captured) return false;
  return queue == nullptr || queue->reached(sequence);
}

std::exception_ptr HostPoint::run() {
  if (queue == nullptr) return error;
  queue->run_until(sequence);
  return queue->error_of(*this);
}

namespace {

class EmulatedStream final : public HostStream {
 public:
  EmulatedStream() : HostStream(Device::emulated()), queue_{std::make_shared<LazyQueue>()} {}
  ~EmulatedStream() override {
    try {
      run_all();
    } catch (const std::exception& e) {
      log(LogLevel::error,
          std::string("an emulated stream ended with an error that nobody asked for: ") + e.what());
    } catch (...) {
      log(LogLevel::error, "an emulated stream ended with an error that nobody asked for");
    }
  }

  void copy(void* to, const void* from, std::size_t bytes) override {
    enqueue([=] { std::memcpy(to, from, bytes); });
  }
  void fill(void* to, int value, std::size_t bytes) override {
    enqueue([=] { std::memset(to, value, bytes); });
  }

  void defer(std::function<void()> action) override { queue_->push_action(std::move(action)); }

  LazyQueue& queue() { return *queue_; }

 protected:
  void run(std::function<void()> task) override { queue_->push_task(std::move(task)); }
  void run_all() override {
    if (const std::exception_ptr error = queue_->run_all()) std::rethrow_exception(error);
  }
  void run_after(const std::shared_ptr<HostPoint>& point) override { queue_->push_wait(point); }
  void place(std::shared_ptr<HostPoint>& point) override {
    point = std::make_shared<HostPoint>();
    queue_->push_record(point);
  }
  std::unique_ptr<CapturedImpl> make_captured(HostRecording recording) override;

 private:
  std::shared_ptr<LazyQueue> queue_;
};

/// Replays lane 0 on the launching stream and every other lane on a queue of its own, with the
/// recorded events between them, so that a missing event shows in a replay too.
class EmulatedCaptured final : public CapturedImpl {
 public:
  explicit EmulatedCaptured(HostRecording recording)
      : recording_{std::make_shared<const HostRecording>(std::move(recording))} {}

  void launch(StreamImpl& stream) override {
    auto* emulated = dynamic_cast<EmulatedStream*>(&stream);
    if (emulated == nullptr) {
      throw InvalidArgument("work captured on emulated cannot be launched on " +
                            to_string(stream.device()));
    }
    std::vector<std::shared_ptr<LazyQueue>> lanes(static_cast<std::size_t>(recording_->lanes));
    for (std::size_t i = 1; i < lanes.size(); ++i) lanes[i] = std::make_shared<LazyQueue>();
    std::vector<std::shared_ptr<HostPoint>> points(static_cast<std::size_t>(recording_->points));
    for (auto& point : points) point = std::make_shared<HostPoint>();
    for (const HostRecording::Node& node : recording_->nodes) {
      LazyQueue& queue =
          node.lane == 0 ? emulated->queue() : *lanes[static_cast<std::size_t>(node.lane)];
      const auto point = static_cast<std::size_t>(node.point);
      if (node.kind == HostRecording::Kind::task) {
        queue.push_task([keep = recording_, &node] { node.task(); });
      } else if (node.kind == HostRecording::Kind::record) {
        queue.push_record(points[point]);
      } else {
        queue.push_wait(points[point]);
      }
    }
  }

 private:
  std::shared_ptr<const HostRecording> recording_;
};

std::unique_ptr<CapturedImpl> EmulatedStream::make_captured(HostRecording recording) {
  return std::make_unique<EmulatedCaptured>(std::move(recording));
}

}  // namespace

std::unique_ptr<StreamImpl> make_emulated_stream() { return std::make_unique<EmulatedStream>(); }

}  // namespace fovea
