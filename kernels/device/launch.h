// launch.h - starts a kernel on a stream, the same way on both devices.
//
//   template <class T>
//   void run_scale(const float* x, float* y, int n, StreamView stream) {
//     const Launch l{.grid = {ceil_div(n, T::kThreads)}, .block = {T::kThreads},
//                    .smem = sizeof(typename T::Smem)};
//     launch(scale<T>, l, stream, x, y, n);
//   }
//
// Arguments are converted to the kernel's parameter types and copied. On cuda the kernel is opted
// into more than 48 KiB of shared memory where it asks for them, and the launch is checked; on the
// emulator the grid runs when somebody waits for the stream, and its faults come out there.
#pragma once

#include <fovea/core/error.h>
#include <fovea/core/stream.h>
#include <fovea/kernels/device/target.h>

#include <cstddef>
#include <cstdint>
#include <source_location>
#include <string>
#include <tuple>
#include <type_traits>

namespace fovea::FOVEA_TARGET {

/// The shape of one launch. `where` fills itself: errors name the launcher that made the value.
struct Launch {
  dim3 grid;
  dim3 block;
  std::size_t smem = 0;  // bytes of shared memory: sizeof of what block_shared() returns
  dim3 cluster{};        // blocks per cluster (cuda, capability 9.0); 1 x 1 x 1: none
  bool pdl = false;      // may start before the kernel before it has ended, and waits for it itself
  std::source_location where = std::source_location::current();
};

/// Parts of size b that cover a. a >= 0, b > 0; the result fits a grid's first extent.
constexpr unsigned ceil_div(std::int64_t a, std::int64_t b) {
  return static_cast<unsigned>((a + b - 1) / b);
}

#ifdef FOVEA_EMULATED

template <class... P, class... A>
void launch(void (*kernel)(P...), const Launch& l, StreamView stream, A&&... args) {
  static_assert(sizeof...(P) == sizeof...(A), "one argument for each parameter of the kernel");
  struct Closure {
    void (*kernel)(P...);
    std::tuple<std::decay_t<P>...> args;
    static void run(const void* self) {
      const auto& c = *static_cast<const Closure*>(self);
      std::apply(c.kernel, c.args);
    }
  };
  emulator::GridCall call{.grid = l.grid,
                          .block = l.block,
                          .shared_bytes = l.smem,
                          .kernel = l.where.function_name(),
                          .launched = l.where,
                          .thread = &Closure::run,
                          .closure_bytes = sizeof(Closure),
                          .checked = emulator::kCheckedAccesses,
                          .counted = emulator::kCountedAccesses};
  emulator::check_launch(call);
  const Closure closure{kernel, {std::forward<A>(args)...}};
  stream.enqueue([call, closure]() mutable {
    call.closure = &closure;
    emulator::run_grid(call);
  });
}

#else

namespace launch_detail {

/// Throws DeviceError with the kernel's name and CUDA's words. Leaves no stale error behind.
inline void check(cudaError_t status, const void* kernel, const Launch& l, const char* call) {
  if (status == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());
  const char* name = nullptr;
  if (cudaFuncGetName(&name, kernel) != cudaSuccess || name == nullptr) name = "?";
  throw DeviceError(std::string("kernel ") + name + ", launched by " + l.where.function_name() +
                    " at " + l.where.file_name() + ":" + std::to_string(l.where.line()) + ": " +
                    call + ": " + cudaGetErrorString(status));
}

}  // namespace launch_detail

template <class... P, class... A>
void launch(void (*kernel)(P...), const Launch& l, StreamView stream, A&&... args) {
  static_assert(sizeof...(P) == sizeof...(A), "one argument for each parameter of the kernel");
  const auto* function = reinterpret_cast<const void*>(kernel);
  constexpr std::size_t kWithoutOptIn = 48 * 1024;
  if (l.smem > kWithoutOptIn) {
    launch_detail::check(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                              static_cast<int>(l.smem)),
                         function, l, "cudaFuncSetAttribute");
  }
  cudaLaunchAttribute attributes[2] = {};
  cudaLaunchConfig_t config = {};
  config.gridDim = l.grid;
  config.blockDim = l.block;
  config.dynamicSmemBytes = l.smem;
  config.stream = static_cast<cudaStream_t>(stream.native());
  config.attrs = attributes;
  if (l.cluster.x * l.cluster.y * l.cluster.z > 1) {
    cudaLaunchAttribute& a = attributes[config.numAttrs++];
    a.id = cudaLaunchAttributeClusterDimension;
    a.val.clusterDim.x = l.cluster.x;
    a.val.clusterDim.y = l.cluster.y;
    a.val.clusterDim.z = l.cluster.z;
  }
  if (l.pdl) {
    cudaLaunchAttribute& a = attributes[config.numAttrs++];
    a.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    a.val.programmaticStreamSerializationAllowed = 1;
  }
  launch_detail::check(
      cudaLaunchKernelEx(&config, kernel, static_cast<std::decay_t<P> >(std::forward<A>(args))...),
      function, l, "cudaLaunchKernelEx");
}

#endif

}  // namespace fovea::FOVEA_TARGET
