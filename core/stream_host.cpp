// stream_host.cpp - captures and events of cpu and emulated streams.
#include <fovea/core/error.h>
#include <fovea/core/stream_host.h>

#include <algorithm>
#include <string>
#include <utility>

namespace fovea {

int HostCapture::add_lane(HostStream& stream) {
  streams_.push_back(&stream);
  seen_.emplace_back();
  return recording_.lanes++;
}

void HostCapture::advance(int lane) {
  Clock& own = seen_[static_cast<std::size_t>(lane)];
  own.resize(streams_.size());
  ++own[static_cast<std::size_t>(lane)];
}

void HostCapture::add_task(int lane, std::function<void()> task) {
  recording_.nodes.push_back({HostRecording::Kind::task, lane, 0, std::move(task)});
  advance(lane);
}

int HostCapture::add_record(int lane) {
  const int point = recording_.points++;
  recording_.nodes.push_back({HostRecording::Kind::record, lane, point, {}});
  point_seen_.push_back(seen_[static_cast<std::size_t>(lane)]);
  return point;
}

void HostCapture::add_wait(int lane, int point) {
  recording_.nodes.push_back({HostRecording::Kind::wait, lane, point, {}});
  advance(lane);
  Clock& own = seen_[static_cast<std::size_t>(lane)];
  const Clock& other = point_seen_[static_cast<std::size_t>(point)];
  for (std::size_t i = 0; i < own.size(); ++i) own[i] = std::max(own[i], at(other, i));
}

void HostCapture::check_joined() const {
  for (std::size_t lane = 1; lane < seen_.size(); ++lane) {
    if (at(seen_[0], lane) < at(seen_[lane], lane)) {
      throw InvalidArgument(
          "a stream that joined a capture has work that the captured stream does not wait for; "
          "record an event after it and let the captured stream wait for that event");
    }
  }
}

void HostCapture::release_streams() noexcept {
  for (HostStream* stream : streams_) stream->leave_capture();
  streams_.clear();
}

void HostStream::enqueue(std::function<void()> task) {
  if (capture_ != nullptr) return capture_->add_task(lane_, std::move(task));
  run(std::move(task));
}

void HostStream::synchronize() {
  if (capture_ != nullptr) {
    throw InvalidArgument("synchronize() inside a capture: the work is being recorded, not run");
  }
  run_all();
}

void HostStream::wait(EventImpl& event) {
  const auto* host = dynamic_cast<const HostEvent*>(&event);
  if (host == nullptr) {  // a GPU's event: the host waits
    if (capture_ != nullptr) {
      throw InvalidArgument("a capture on " + to_string(device()) +
                            " cannot wait for an event of " + to_string(event.device()));
    }
    return event.wait();
  }
  const std::shared_ptr<HostPoint> point = host->point();
  if (point == nullptr) return;  // never recorded: nothing to wait for
  if (point->captured) {
    join(point->capture.lock());
    return capture_->add_wait(lane_, point->index);
  }
  if (capture_ != nullptr) {
    throw InvalidArgument(
        "a capture cannot wait for an event recorded outside it; wait before the capture begins");
  }
  run_after(point);
}

void HostStream::join(const std::shared_ptr<HostCapture>& capture) {
  if (capture == nullptr) {
    throw InvalidArgument("the event was last recorded inside a capture that has ended");
  }
  if (capture_ == nullptr) {
    lane_ = capture->add_lane(*this);
    capture_ = capture;
  } else if (capture_ != capture) {
    throw InvalidArgument("a stream cannot be part of two captures at once");
  }
}

void HostStream::record(std::shared_ptr<HostPoint>& point) {
  if (capture_ == nullptr) return place(point);
  point = std::make_shared<HostPoint>();
  point->captured = true;
  point->capture = capture_;
  point->index = capture_->add_record(lane_);
}

std::unique_ptr<CapturedImpl> HostStream::capture(const std::function<void()>& work) {
  if (capture_ != nullptr) throw InvalidArgument("this stream is being captured already");
  const auto capture = std::make_shared<HostCapture>();
  capture_ = capture;
  lane_ = capture->add_lane(*this);
  try {
    work();
    capture->check_joined();
  } catch (...) {
    capture->release_streams();
    throw;
  }
  capture->release_streams();
  return make_captured(capture->take());
}

void HostEvent::record(StreamImpl& stream) {
  // Event::record lets only streams of the host's kinds through.
  static_cast<HostStream&>(stream).record(point_);
}

void HostEvent::wait() {
  if (point_ == nullptr) return;
  if (point_->captured) {
    throw InvalidArgument("the event was last recorded inside a capture: it is never reached");
  }
  if (const std::exception_ptr error = point_->run()) std::rethrow_exception(error);
}

bool HostEvent::reached() const { return point_ == nullptr || point_->reached(); }

float HostEvent::elapsed_us_since(const EventImpl& begin) const {
  const std::shared_ptr<HostPoint>& from = static_cast<const HostEvent&>(begin).point_;
  if (from == nullptr || point_ == nullptr || !from->reached() || !point_->reached()) {
    throw InvalidArgument(
        "elapsed_us needs two events that were recorded and reached; wait() first");
  }
  return std::chrono::duration<float, std::micro>(point_->time - from->time).count();
}

std::unique_ptr<EventImpl> make_host_event(const Device& device, bool timed) {
  return std::make_unique<HostEvent>(device, timed);
}

}  // namespace fovea
