// session.h - what the algorithms of engine `cudnn` share: the libraries, opened when first asked
// for, and one handle of each a device. No global: a registry's algorithms hold one Engine.
#pragma once

#include <fovea/core/cuda/check.h>
#include <fovea/core/error.h>
#include <fovea/kernels/cudnn/cublaslt_api.h>
#include <fovea/kernels/cudnn/cudnn_api.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace fovea::cudnn {

/// cuDNN on one device. The handle is shared: whoever sets its stream and launches holds the lock.
class CudnnSession {
 public:
  /// Throws Unsupported or DeviceError with what to do.
  CudnnSession(const CudnnApi& api, int device);
  ~CudnnSession();
  CudnnSession(const CudnnSession&) = delete;
  CudnnSession& operator=(const CudnnSession&) = delete;

  const CudnnApi& api() const { return api_; }
  int device() const { return device_; }
  /// Work that only asks; not for launches.
  cudnnHandle_t handle() const { return handle_; }
  /// Calls `launch(handle)` on the device with the handle's stream set, one caller at a time.
  template <class Launch>
  void on(void* stream, const Launch& launch) {
    const CurrentDevice current(device_);
    const std::lock_guard lock(mutex_);
    api_.check(api_.set_stream(handle_, static_cast<cudaStream_t>(stream)), "cudnnSetStream");
    launch(handle_);
  }

 private:
  CudnnApi api_;
  int device_;
  cudnnHandle_t handle_ = nullptr;
  std::mutex mutex_;
};

/// cuBLASLt on one device; its handle may be used by any thread.
class CublasLtSession {
 public:
  CublasLtSession(const CublasLtApi& api, int device);
  ~CublasLtSession();
  CublasLtSession(const CublasLtSession&) = delete;
  CublasLtSession& operator=(const CublasLtSession&) = delete;

  const CublasLtApi& api() const { return api_; }
  int device() const { return device_; }
  cublasLtHandle_t handle() const { return handle_; }

 private:
  CublasLtApi api_;
  int device_;
  cublasLtHandle_t handle_ = nullptr;
};

/// Opens a library once. What it answered the first time, it answers always.
template <class Api>
class Opened {
 public:
  explicit Opened(std::function<Api()> load) : load_{std::move(load)} {}

  /// Throws Unsupported where it cannot be opened.
  const Api& get() {
    const std::lock_guard lock(mutex_);
    if (!api_ && why_not_.empty()) {
      try {
        api_ = load_();
      } catch (const Error& e) {
        why_not_ = e.what();
      }
    }
    if (!api_) throw Unsupported(why_not_);
    return *api_;
  }

 private:
  std::function<Api()> load_;
  std::mutex mutex_;
  std::optional<Api> api_;
  std::string why_not_;
};

/// Thread-safe.
class Engine {
 public:
  Engine() : Engine(load_cudnn, load_cublaslt) {}
  /// Tests hand in their own functions.
  Engine(std::function<CudnnApi()> cudnn, std::function<CublasLtApi()> cublaslt)
      : cudnn_{std::move(cudnn)}, cublaslt_{std::move(cublaslt)} {}

  /// Throw Unsupported where the library cannot be opened, DeviceError where it does not start.
  std::shared_ptr<CudnnSession> cudnn(int device) { return session(cudnn_, cudnn_on_, device); }
  std::shared_ptr<CublasLtSession> cublaslt(int device) {
    return session(cublaslt_, cublaslt_on_, device);
  }

 private:
  template <class Api, class Session>
  std::shared_ptr<Session> session(Opened<Api>& library,
                                   std::map<int, std::shared_ptr<Session>>& sessions, int device) {
    const Api& api = library.get();
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Session>& s = sessions[device];
    if (!s) s = std::make_shared<Session>(api, device);
    return s;
  }

  Opened<CudnnApi> cudnn_;
  Opened<CublasLtApi> cublaslt_;
  std::mutex mutex_;
  std::map<int, std::shared_ptr<CudnnSession>> cudnn_on_;
  std::map<int, std::shared_ptr<CublasLtSession>> cublaslt_on_;
};

}  // namespace fovea::cudnn
