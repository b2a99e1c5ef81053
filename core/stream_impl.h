// stream_impl.h - what a kind of stream implements; not for users of the library.
#pragma once

#include <fovea/core/device.h>

#include <cstddef>
#include <functional>
#include <memory>

namespace fovea {

class StreamImpl;

/// A point in a stream's order; see Event.
class EventImpl {
 public:
  EventImpl(const Device& device, bool timed) : device_{device}, timed_{timed} {}
  virtual ~EventImpl() = default;
  EventImpl(const EventImpl&) = delete;
  EventImpl& operator=(const EventImpl&) = delete;

  virtual void record(StreamImpl& stream) = 0;
  virtual void wait() = 0;
  /// Whether wait() would return at once. Never throws, runs nothing.
  virtual bool reached() const = 0;
  /// Microseconds from `begin`, an event of the same kind, to this one.
  virtual float elapsed_us_since(const EventImpl& begin) const = 0;

  const Device& device() const { return device_; }
  bool timed() const { return timed_; }

 private:
  Device device_;
  bool timed_;
};

/// Work recorded once; see CapturedWork.
class CapturedImpl {
 public:
  CapturedImpl() = default;
  virtual ~CapturedImpl() = default;
  CapturedImpl(const CapturedImpl&) = delete;
  CapturedImpl& operator=(const CapturedImpl&) = delete;
  virtual void launch(StreamImpl& stream) = 0;
};

/// An order of work; see StreamView.
class StreamImpl {
 public:
  explicit StreamImpl(const Device& device) : device_{device} {}
  virtual ~StreamImpl() = default;
  StreamImpl(const StreamImpl&) = delete;
  StreamImpl& operator=(const StreamImpl&) = delete;

  virtual void enqueue(std::function<void()> task) = 0;
  virtual void copy(void* to, const void* from, std::size_t bytes) = 0;
  virtual void fill(void* to, int value, std::size_t bytes) = 0;
  virtual void synchronize() = 0;
  virtual void wait(EventImpl& event) = 0;
  virtual std::unique_ptr<CapturedImpl> capture(const std::function<void()>& work) = 0;
  /// Runs `action` after the work now on the stream, whether that work fails or not, and outside of
  /// any capture: how memory goes back. At once on cpu; refused on cuda, whose runtime orders
  /// frees.
  virtual void defer(std::function<void()> action) = 0;
  virtual void* native() const { return nullptr; }
  /// Whether work given to the stream is being recorded instead of run.
  virtual bool capturing() const = 0;

  const Device& device() const { return device_; }

 private:
  Device device_;
};

std::unique_ptr<StreamImpl> make_cpu_stream();
std::unique_ptr<StreamImpl> make_emulated_stream();
std::unique_ptr<EventImpl> make_host_event(const Device& device, bool timed);

}  // namespace fovea
