// conv_algorithm.h - a convolution of one's own as one value: what it is called, what it can do,
// and the function that launches it. Put into a registry, or handed to command_main(), it is
// chosen, checked, timed and trained with like fovea's own.
//
//   const fovea::ConvAlgorithm mine{
//       .name = "mine", .pass = fovea::Pass::forward, .layout = fovea::Layout::nchw,
//       .devices = fovea::Devices::cuda,
//       .run = [](const fovea::ConvArgs& a) {
//         my_kernel<<<grid(a.problem), 256, 0, a.stream>>>(a.x, a.w, a.y);
//       }};
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/stream.h>
#include <fovea/core/tensor.h>
#include <fovea/kernels/ops/conv.h>
#include <fovea/kernels/ops/layout.h>

#include <cstddef>
#include <functional>
#include <string>
#include <type_traits>

struct CUstream_st;  // CUDA's: cudaStream_t is a pointer to it

namespace fovea {

constexpr Devices operator|(Devices a, Devices b) {
  return static_cast<Devices>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}

/// The stream of a launch: a StreamView that is also a cudaStream_t (null on cpu and emulated).
class KernelStream : public StreamView {
 public:
  KernelStream() = default;
  KernelStream(StreamView s) : StreamView(s) {}  // NOLINT: the same stream
  operator CUstream_st*() const {                // NOLINT: for <<<...>>>
    return static_cast<CUstream_st*>(native());
  }
};

/// A tensor of a call as the pointer that a kernel takes. Throws InvalidArgument where the
/// kernel's elements have another size than the tensor's: float* for bf16.
class FOVEA_API ConvInput {
 public:
  ConvInput() = default;
  explicit ConvInput(const TensorView& t) : tensor_{t} {}

  template <class T>
  operator const T*() const {  // NOLINT: a kernel's argument
    return static_cast<const T*>(checked(element_bytes<T>()));
  }
  /// False where the problem has no such tensor: b without +bias.
  explicit operator bool() const { return tensor_.data != nullptr; }
  DType dtype() const { return tensor_.dtype; }
  std::int64_t elements() const { return tensor_.elements(); }

 protected:
  template <class T>
  static constexpr std::size_t element_bytes() {
    if constexpr (std::is_void_v<T>) {
      return 0;
    } else {
      return sizeof(T);
    }
  }
  /// The address; `bytes` of an element as the kernel has it, 0: any.
  void* checked(std::size_t bytes) const;

 private:
  TensorView tensor_;
};

class FOVEA_API ConvOutput : public ConvInput {
 public:
  using ConvInput::ConvInput;
  template <class T>
  operator T*() const {  // NOLINT: a kernel's argument
    return static_cast<T*>(checked(element_bytes<std::remove_const_t<T>>()));
  }
};

/// One call. Tensors that the pass does not have are empty. In math mode bf16 all are bf16 but b
/// and db, which are always fp32.
struct ConvArgs {
  ConvProblem problem{};
  ConvInput x{}, w{}, b{};    // forward; wgrad: x
  ConvInput dy{}, mask{};     // dgrad: dy, w, and mask with +mask; wgrad: dy
  ConvOutput y{};             // forward
  ConvOutput dx{};            // dgrad
  ConvOutput dw{}, db{};      // wgrad; db with +db
  void* workspace = nullptr;  // ConvAlgorithm::workspace bytes, on the device
  KernelStream stream{};
};

struct ConvAlgorithm {
  std::string name;  // what --algo and --engine find it by
  Pass pass = Pass::forward;
  Math math = Math::fp32;
  Layout layout = Layout::nhwc;  // nchw: converted before and after run(), which a row tells apart
  Devices devices = Devices::none;
  /// A reason as a clause ("groups > 1") where it does not take the problem; "" where it does.
  /// Empty function: it takes every problem whose epilogue it has.
  std::function<std::string(const ConvProblem&, const DeviceInfo&)> why_not = {};
  /// Enqueues on args.stream, and nothing else: no allocation, no synchronisation. On cpu it may
  /// compute at once.
  std::function<void(const ConvArgs&)> run = {};

  // What most leave as it is.
  Epilogue epilogue{};  // what it does besides: bias, relu, tanh; mask, acc; db, acc
  /// Bytes that it finds in args.workspace, aligned to 256.
  std::function<std::size_t(const ConvProblem&)> workspace = {};
  std::string engine = {};        // "" : the name; several of one author share theirs
  bool exact_on_integers = true;  // sums of products in any order; false for a transform
  bool deterministic = true;      // the same bits in every run
};

}  // namespace fovea
