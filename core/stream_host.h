// stream_host.h - what the streams of cpu and emulated share: points, captures, events. Internal.
#pragma once

#include <fovea/core/stream_impl.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

namespace fovea {

class HostCapture;
class HostStream;
class LazyQueue;

/// One record of an event on a host stream.
struct HostPoint {
  // emulated: the queue that will reach the point as its item number `sequence`; null on cpu,
  // where a point is reached when it is recorded.
  std::shared_ptr<LazyQueue> queue;
  std::uint64_t sequence = 0;
  // Inside a capture: which, and the number of the point there. Never reached.
  bool captured = false;
  std::weak_ptr<HostCapture> capture;
  int index = 0;
  // Set when the point is reached; guarded by the queue where there is one.
  std::exception_ptr error;
  std::chrono::steady_clock::time_point time;

  bool reached() const;
  /// Runs what comes before the point, then returns the error of that work, if any.
  std::exception_ptr run();
};

/// What a capture recorded, in the order of the calls. Lane 0 is the captured stream, the others
/// are streams that joined by waiting for one of its events.
struct HostRecording {
  enum class Kind { task, record, wait };
  struct Node {
    Kind kind;
    int lane;
    int point;  // of record and wait
    std::function<void()> task;
  };
  std::vector<Node> nodes;
  int lanes = 0;
  int points = 0;
};

/// A capture under way. Keeps for each lane how much of every lane it has waited for, so that work
/// which nobody joined is refused at the end, as CUDA does.
class HostCapture {
 public:
  int add_lane(HostStream& stream);
  void add_task(int lane, std::function<void()> task);
  int add_record(int lane);
  void add_wait(int lane, int point);
  /// Lets the streams go. Throws InvalidArgument where lane 0 has not waited for all work.
  void check_joined() const;
  void release_streams() noexcept;
  HostRecording take() { return std::move(recording_); }

 private:
  using Clock = std::vector<std::size_t>;  // by lane: nodes [0, n) of that lane come before
  void advance(int lane);
  static std::size_t at(const Clock& clock, std::size_t lane) {
    return lane < clock.size() ? clock[lane] : 0;
  }

  HostRecording recording_;
  std::vector<HostStream*> streams_;
  std::vector<Clock> seen_;        // by lane
  std::vector<Clock> point_seen_;  // by point
};

/// A stream whose work is host functions.
class HostStream : public StreamImpl {
 public:
  using StreamImpl::StreamImpl;

  void enqueue(std::function<void()> task) final;
  void synchronize() final;
  void wait(EventImpl& event) final;
  std::unique_ptr<CapturedImpl> capture(const std::function<void()>& work) final;
  bool capturing() const final { return capture_ != nullptr; }

  void record(std::shared_ptr<HostPoint>& point);
  void leave_capture() noexcept { capture_.reset(); }

 protected:
  virtual void run(std::function<void()> task) = 0;
  virtual void run_all() = 0;  // rethrows
  virtual void run_after(const std::shared_ptr<HostPoint>& point) = 0;
  virtual void place(std::shared_ptr<HostPoint>& point) = 0;
  virtual std::unique_ptr<CapturedImpl> make_captured(HostRecording recording) = 0;

 private:
  void join(const std::shared_ptr<HostCapture>& capture);

  std::shared_ptr<HostCapture> capture_;
  int lane_ = 0;
};

class HostEvent final : public EventImpl {
 public:
  using EventImpl::EventImpl;
  void record(StreamImpl& stream) override;
  void wait() override;
  bool reached() const override;
  float elapsed_us_since(const EventImpl& begin) const override;
  /// The last record; null before the first.
  const std::shared_ptr<HostPoint>& point() const { return point_; }

 private:
  std::shared_ptr<HostPoint> point_;
};

}  // namespace fovea
