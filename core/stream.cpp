// stream.cpp - owners and views of streams, events and recorded work over their kinds.
#include <fovea/core/cuda/backend.h>
#include <fovea/core/error.h>
#include <fovea/core/stream.h>
#include <fovea/core/stream_impl.h>

#include <string>

namespace fovea {
namespace {

std::unique_ptr<StreamImpl> make_stream(const Device& device) {
  switch (device.kind()) {
    case DeviceKind::cpu:
      return make_cpu_stream();
    case DeviceKind::emulated:
      return make_emulated_stream();
    case DeviceKind::cuda:
      return cuda_backend::make_stream(device.index());
  }
  throw InvalidArgument("a stream needs a device of a known kind");
}

std::unique_ptr<EventImpl> make_event(const Device& device, bool timed) {
  if (device.kind() == DeviceKind::cuda) return cuda_backend::make_event(device.index(), timed);
  return make_host_event(device, timed);
}

StreamImpl& checked(StreamImpl* impl) {
  if (impl == nullptr) {
    throw InvalidArgument("an empty StreamView has no device and no order; make a Stream first");
  }
  return *impl;
}

EventImpl& checked(EventImpl* impl) {
  if (impl == nullptr) throw InvalidArgument("an Event was used after it was moved from");
  return *impl;
}

}  // namespace

Device StreamView::device() const { return checked(impl_).device(); }

bool StreamView::runs_at_once() const {
  const StreamImpl& impl = checked(impl_);
  return impl.device().kind() == DeviceKind::cpu && !impl.capturing();
}
void StreamView::enqueue(std::function<void()> task) const {
  checked(impl_).enqueue(std::move(task));
}

void StreamView::synchronize() const { checked(impl_).synchronize(); }

void StreamView::wait(const Event& event) const { checked(impl_).wait(checked(event.impl())); }

void* StreamView::native() const { return checked(impl_).native(); }

void StreamView::copy(void* to, const void* from, std::size_t bytes) const {
  if (bytes != 0 && to != from) checked(impl_).copy(to, from, bytes);
}

void StreamView::fill(void* to, int value, std::size_t bytes) const {
  if (bytes != 0) checked(impl_).fill(to, value, bytes);
}

Stream::Stream(const Device& device) : impl_{make_stream(device)} {}
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;
Stream::~Stream() = default;

Event::Event(const Device& device, bool timed) : impl_{make_event(device, timed)} {}
Event::Event(Event&&) noexcept = default;
Event& Event::operator=(Event&&) noexcept = default;
Event::~Event() = default;

void Event::record(StreamView stream) {
  EventImpl& event = checked(impl_.get());
  StreamImpl& target = checked(stream.impl());
  const bool cuda = event.device().kind() == DeviceKind::cuda;
  if (cuda != (target.device().kind() == DeviceKind::cuda)) {
    throw InvalidArgument("an event of " + to_string(event.device()) +
                          " cannot be recorded on a stream of " + to_string(target.device()) +
                          "; make the event for the stream's device");
  }
  event.record(target);
}

void Event::wait() const { checked(impl_.get()).wait(); }

float Event::elapsed_us(const Event& begin, const Event& end) {
  EventImpl& from = checked(begin.impl());
  EventImpl& to = checked(end.impl());
  if (!from.timed() || !to.timed()) {
    throw InvalidArgument("elapsed_us needs events made with timed = true");
  }
  if (from.device() != to.device()) {
    throw InvalidArgument("elapsed_us needs two events of one device, not of " +
                          to_string(from.device()) + " and " + to_string(to.device()));
  }
  return to.elapsed_us_since(from);
}

CapturedWork::CapturedWork() noexcept = default;
CapturedWork::CapturedWork(StreamView stream, const std::function<void()>& work)
    : impl_{checked(stream.impl()).capture(work)} {}
CapturedWork::CapturedWork(CapturedWork&&) noexcept = default;
CapturedWork& CapturedWork::operator=(CapturedWork&&) noexcept = default;
CapturedWork::~CapturedWork() = default;

void CapturedWork::launch(StreamView stream) const {
  StreamImpl& target = checked(stream.impl());
  if (impl_ == nullptr) throw InvalidArgument("no work was captured before launch");
  if (target.capturing()) {
    throw InvalidArgument("recorded work cannot be launched inside another capture");
  }
  impl_->launch(target);
}

}  // namespace fovea
