// stream.cpp - a cudaStream_t, its events, and its work recorded as a CUDA graph.
#include <fovea/core/cuda/backend.h>
#include <fovea/core/cuda/check.h>
#include <fovea/core/unique_handle.h>

#include <string>
#include <utility>

namespace fovea::cuda_backend {
namespace {

using StreamHandle = UniqueHandle<cudaStream_t, &cudaStreamDestroy>;
using EventHandle = UniqueHandle<cudaEvent_t, &cudaEventDestroy>;
using GraphHandle = UniqueHandle<cudaGraph_t, &cudaGraphDestroy>;
using GraphExecHandle = UniqueHandle<cudaGraphExec_t, &cudaGraphExecDestroy>;

class CudaEvent final : public EventImpl {
 public:
  CudaEvent(int index, bool timed) : EventImpl(Device::cuda(index), timed) {
    const CurrentDevice current(index);
    cudaEvent_t raw{};
    FOVEA_TRY(cudaEventCreateWithFlags(&raw, timed ? cudaEventDefault : cudaEventDisableTiming));
    event_ = EventHandle(raw);
  }

  void record(StreamImpl& stream) override {
    const CurrentDevice current(device().index());
    FOVEA_TRY(cudaEventRecord(event_.get(), static_cast<cudaStream_t>(stream.native())));
  }

  void wait() override { FOVEA_TRY(cudaEventSynchronize(event_.get())); }

  bool reached() const override {
    const cudaError_t status = cudaEventQuery(event_.get());
    if (status != cudaSuccess) static_cast<void>(cudaGetLastError());
    return status != cudaErrorNotReady;
  }

  float elapsed_us_since(const EventImpl& begin) const override {
    float milliseconds = 0;
    FOVEA_TRY(
        cudaEventElapsedTime(&milliseconds, static_cast<const CudaEvent&>(begin).get(), get()));
    return 1000 * milliseconds;
  }

  cudaEvent_t get() const { return event_.get(); }

 private:
  EventHandle event_;
};

class CudaGraph final : public CapturedImpl {
 public:
  CudaGraph(int index, GraphHandle graph) : index_{index} {
    const CurrentDevice current(index);
    cudaGraphExec_t raw{};
    FOVEA_TRY(cudaGraphInstantiate(&raw, graph.get(), 0));
    exec_ = GraphExecHandle(raw);
  }

  void launch(StreamImpl& stream) override {
    if (stream.device() != Device::cuda(index_)) {
      throw InvalidArgument("work captured on cuda:" + std::to_string(index_) +
                            " cannot be launched on " + to_string(stream.device()));
    }
    const CurrentDevice current(index_);
    FOVEA_TRY(cudaGraphLaunch(exec_.get(), static_cast<cudaStream_t>(stream.native())));
  }

 private:
  int index_;
  GraphExecHandle exec_;
};

class CudaStream final : public StreamImpl {
 public:
  explicit CudaStream(int index) : StreamImpl(Device::cuda(index)) {
    const CurrentDevice current(index);
    cudaStream_t raw{};
    FOVEA_TRY(cudaStreamCreateWithFlags(&raw, cudaStreamNonBlocking));
    stream_ = StreamHandle(raw);
  }

  ~CudaStream() override {
    if (cudaStreamSynchronize(stream_.get()) != cudaSuccess) static_cast<void>(cudaGetLastError());
  }

  void enqueue(std::function<void()>) override {
    throw DeviceError("a " + to_string(device()) +
                      " stream runs no host function; launch a kernel");
  }

  void defer(std::function<void()>) override {
    throw DeviceError("a " + to_string(device()) + " stream defers nothing; cudaFree waits itself");
  }

  void copy(void* to, const void* from, std::size_t bytes) override {
    const CurrentDevice current(device().index());
    FOVEA_TRY(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, stream_.get()));
  }

  void fill(void* to, int value, std::size_t bytes) override {
    const CurrentDevice current(device().index());
    FOVEA_TRY(cudaMemsetAsync(to, value, bytes, stream_.get()));
  }

  void synchronize() override {
    if (capturing()) {
      throw InvalidArgument("synchronize() inside a capture: the work is being recorded, not run");
    }
    FOVEA_TRY(cudaStreamSynchronize(stream_.get()));
  }

  void wait(EventImpl& event) override {
    if (const auto* cuda = dynamic_cast<const CudaEvent*>(&event)) {
      FOVEA_TRY(cudaStreamWaitEvent(stream_.get(), cuda->get(), 0));
      return;
    }
    if (capturing()) {
      throw InvalidArgument("a capture on " + to_string(device()) +
                            " cannot wait for an event of " + to_string(event.device()));
    }
    event.wait();
  }

  bool capturing() const override {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    FOVEA_TRY(cudaStreamIsCapturing(stream_.get(), &status));
    return status != cudaStreamCaptureStatusNone;
  }

  std::unique_ptr<CapturedImpl> capture(const std::function<void()>& work) override {
    if (capturing()) throw InvalidArgument("this stream is being captured already");
    const CurrentDevice current(device().index());
    // Thread local: another thread's allocation does not break this capture.
    FOVEA_TRY(cudaStreamBeginCapture(stream_.get(), cudaStreamCaptureModeThreadLocal));
    cudaGraph_t raw{};
    try {
      work();
    } catch (...) {  // the work's error is the one to report
      static_cast<void>(cudaStreamEndCapture(stream_.get(), &raw));
      static_cast<void>(cudaGetLastError());
      const GraphHandle discarded(raw);
      throw;
    }
    const cudaError_t status = cudaStreamEndCapture(stream_.get(), &raw);
    GraphHandle graph(raw);
    if (status == cudaErrorStreamCaptureUnjoined) {
      static_cast<void>(cudaGetLastError());
      throw InvalidArgument(
          "a stream that joined a capture has work that the captured stream does not wait for; "
          "record an event after it and let the captured stream wait for that event");
    }
    FOVEA_TRY(status);
    return std::make_unique<CudaGraph>(device().index(), std::move(graph));
  }

  void* native() const override { return stream_.get(); }

 private:
  StreamHandle stream_;
};

void require(int index) {
  const int count = device_count();
  if (count == 0) throw DeviceError("no cuda device: " + why_no_device());
  if (index < 0 || index >= count) {
    throw DeviceError("cuda:" + std::to_string(index) + " is not there: this machine has " +
                      std::to_string(count) + " GPU(s)");
  }
}

}  // namespace

std::unique_ptr<StreamImpl> make_stream(int index) {
  require(index);
  return std::make_unique<CudaStream>(index);
}

std::unique_ptr<EventImpl> make_event(int index, bool timed) {
  require(index);
  return std::make_unique<CudaEvent>(index, timed);
}

}  // namespace fovea::cuda_backend
