// check.h - one check for every C library of a GPU: FOVEA_TRY(cudaStreamSynchronize(s));
#pragma once

#include <fovea/core/error.h>

#include <cuda_runtime_api.h>

#include <source_location>
#include <string>
#include <type_traits>

namespace fovea {

/// What check() asks about a library's status type: `ok` and `text(status)`. Specialised beside
/// the library's own includes.
template <class Status>
struct StatusTraits;

template <>
struct StatusTraits<cudaError_t> {
  static constexpr cudaError_t ok = cudaSuccess;
  /// Name and words; says so where the context is lost and every later call will fail too.
  static std::string text(cudaError_t status);
};

/// Throws DeviceError with file, line, expression and the library's words unless `status` is ok.
/// Leaves no stale CUDA error behind.
template <class Status>
void check(Status status, const char* expression,
           std::source_location at = std::source_location::current()) {
  if (status == StatusTraits<Status>::ok) return;
  if constexpr (std::is_same_v<Status, cudaError_t>) static_cast<void>(cudaGetLastError());
  throw DeviceError(std::string(at.file_name()) + ":" + std::to_string(at.line()) + ": " +
                    expression + ": " + StatusTraits<Status>::text(status));
}

#define FOVEA_TRY(expression) ::fovea::check((expression), #expression)

/// Makes a GPU current for a scope, and the one before it afterwards. For destructors too: what
/// fails here fails again, and is reported, in the call that follows.
class CurrentDevice {
 public:
  explicit CurrentDevice(int index) noexcept {
    if (cudaGetDevice(&before_) != cudaSuccess || before_ == index) {
      before_ = -1;
      static_cast<void>(cudaGetLastError());
    }
    static_cast<void>(cudaSetDevice(index));
  }
  ~CurrentDevice() {
    if (before_ >= 0) static_cast<void>(cudaSetDevice(before_));
  }
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;

 private:
  int before_ = -1;
};

}  // namespace fovea
