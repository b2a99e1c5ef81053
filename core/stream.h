// stream.h - an order of work on a device; events between orders; a recorded order to replay.
//
// cpu      tasks run at once, in the calling thread.
// emulated tasks are kept and run only when somebody waits (synchronize, or an event that a
//          running stream needs), so that a missing event shows as a wrong result.
// cuda     a cudaStream_t; tasks are kernel launches and copies, host functions are refused.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/device.h>

#include <cstddef>
#include <functional>
#include <memory>

namespace fovea {

class StreamImpl;  // core/stream_impl.h
class EventImpl;
class CapturedImpl;
class Event;

/// A borrowed stream: trivially copyable, valid as long as its Stream.
class FOVEA_API StreamView {
 public:
  constexpr StreamView() = default;
  constexpr explicit StreamView(StreamImpl* impl) : impl_{impl} {}

  Device device() const;
  /// Appends host work (cpu, emulated). Throws DeviceError on cuda: launch a kernel there.
  void enqueue(std::function<void()> task) const;
  /// enqueue() without a copy of `task`, and so without an allocation, where the stream runs it
  /// before this call returns.
  template <class Task>
  void enqueue_in_place(const Task& task) const {
    if (runs_at_once()) {
      enqueue(std::cref(task));
    } else {
      enqueue(std::function<void()>(task));
    }
  }
  /// Whether work given now has run when the call returns: cpu, outside of a capture.
  bool runs_at_once() const;
  /// Waits until all work so far is done; rethrows what a task threw.
  void synchronize() const;
  /// Work after this call waits for the work before `event`'s last record.
  void wait(const Event& event) const;
  /// The cudaStream_t as void*; nullptr on cpu and emulated.
  void* native() const;

  /// Copies `bytes` in stream order. Each pointer is host memory or this stream's device's memory;
  /// the host side of a cuda copy must stay valid until the copy is done.
  void copy(void* to, const void* from, std::size_t bytes) const;
  /// Sets `bytes` bytes to `value` in stream order.
  void fill(void* to, int value, std::size_t bytes) const;

  StreamImpl* impl() const { return impl_; }
  friend constexpr bool operator==(const StreamView&, const StreamView&) = default;

 private:
  StreamImpl* impl_ = nullptr;
};

/// Owns a stream. Move-only; the destructor waits for the stream's work, and swallows its errors.
class FOVEA_API Stream {
 public:
  explicit Stream(const Device& device);
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;
  ~Stream();
  StreamView view() const { return StreamView(impl_.get()); }
  operator StreamView() const { return view(); }  // NOLINT: an owner is usable as its view

 private:
  std::unique_ptr<StreamImpl> impl_;
};

/// A point in a stream's order.
class FOVEA_API Event {
 public:
  explicit Event(const Device& device, bool timed = false);
  Event(Event&&) noexcept;
  Event& operator=(Event&&) noexcept;
  ~Event();
  void record(StreamView stream);
  /// Host waits for the recorded point; rethrows what a task before it threw.
  void wait() const;
  /// Microseconds from begin to end, both timed and reached.
  static float elapsed_us(const Event& begin, const Event& end);
  EventImpl* impl() const { return impl_.get(); }

 private:
  std::unique_ptr<EventImpl> impl_;
};

/// Work recorded once and launched many times: a CUDA graph on cuda, a list of tasks elsewhere.
/// What `work` enqueues on `stream` (and on streams that wait for it and are waited for again)
/// is recorded, not run.
class FOVEA_API CapturedWork {
 public:
  CapturedWork() noexcept;
  CapturedWork(StreamView stream, const std::function<void()>& work);
  CapturedWork(CapturedWork&&) noexcept;
  CapturedWork& operator=(CapturedWork&&) noexcept;
  ~CapturedWork();
  /// Enqueues the recorded work once more, in order on `stream`.
  void launch(StreamView stream) const;
  explicit operator bool() const { return impl_ != nullptr; }

 private:
  std::unique_ptr<CapturedImpl> impl_;
};

}  // namespace fovea
