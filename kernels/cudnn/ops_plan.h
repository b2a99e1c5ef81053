// ops_plan.h - an op by one or more calls of cuDNN's ops library, with the descriptors it needs.
#pragma once

#include <fovea/kernels/cudnn/algorithms.h>

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace fovea::cudnn {

/// One owner of a descriptor of the ops library.
template <class T>
using Owned = std::unique_ptr<std::remove_pointer_t<T>, cudnnStatus_t (*)(T)>;

template <class T>
Owned<T> owned(const CudnnApi& api, cudnnStatus_t (*create)(T*), cudnnStatus_t (*destroy)(T),
               const char* call) {
  T raw = nullptr;
  api.check(create(&raw), call);
  return Owned<T>(raw, destroy);
}

using TensorDescriptor = Owned<cudnnTensorDescriptor_t>;

/// fp32, channels contiguous: fovea's layout.
inline TensorDescriptor nhwc(const CudnnApi& api, int n, int c, int h, int w) {
  TensorDescriptor t =
      owned(api, api.create_tensor, api.destroy_tensor, "cudnnCreateTensorDescriptor");
  api.check(api.set_tensor(t.get(), CUDNN_TENSOR_NHWC, CUDNN_DATA_FLOAT, n, c, h, w),
            "cudnnSetTensor4dDescriptor");
  return t;
}

/// An algorithm of one variant: `covers(problem)` says whether cuDNN means the same, and
/// `calls(api, problem)` makes its descriptors once and returns a function of (api, handle, args)
/// that launches. `workspace(problem)` bytes are promised to it.
template <class Op, class Covers, class Calls, class Workspace>
Algorithm<Op> ops_algorithm(const SharedEngine& engine, std::string name, Covers covers,
                            Calls calls, Workspace workspace) {
  using Problem = typename Op::Problem;
  using Args = typename Op::Args;
  using Launch = decltype(calls(std::declval<const CudnnApi&>(), std::declval<const Problem&>()));

  class OpsPlan final : public Prepared<Args> {
   public:
    OpsPlan(std::shared_ptr<CudnnSession> session, const Problem& p, Launch launch,
            std::size_t bytes)
        : session_{std::move(session)}, problem_{p}, launch_{std::move(launch)}, bytes_{bytes} {}
    std::size_t workspace_bytes() const override { return bytes_; }
    void run(const Args& args, StreamView stream) override {
      guarded<Op>(problem_, Math::fp32, [&] {
        session_->on(stream.native(),
                     [&](cudnnHandle_t handle) { launch_(session_->api(), handle, args); });
      });
    }

   private:
    std::shared_ptr<CudnnSession> session_;  // before launch_, whose descriptors need its library
    Problem problem_;
    Launch launch_;
    std::size_t bytes_;
  };

  Algorithm<Op> a = algorithm<Op>(std::move(name), Math::fp32);
  a.exact_on_integers = false;
  a.can_run = [engine, covers](const Problem& p, const DeviceInfo& d) {
    if (const Verdict v = covers(p); !v) return v;
    return possible([&] {
      engine->cudnn(d.device.index());
      return Verdict{};
    });
  };
  a.prepare = [=](const Problem& p, const Variant&, const DeviceInfo& d) {
    return guarded<Op>(p, Math::fp32, [&]() -> std::unique_ptr<Prepared<Args>> {
      std::shared_ptr<CudnnSession> session = engine->cudnn(d.device.index());
      Launch launch = calls(session->api(), p);
      return std::make_unique<OpsPlan>(std::move(session), p, std::move(launch), workspace(p));
    });
  };
  return a;
}

template <class Op, class Covers, class Calls>
Algorithm<Op> ops_algorithm(const SharedEngine& engine, std::string name, Covers covers,
                            Calls calls) {
  return ops_algorithm<Op>(engine, std::move(name), covers, calls,
                           [](const auto&) { return std::size_t{0}; });
}

// Results replace what the output held.
inline constexpr float kOne = 1.0F, kZero = 0.0F;

}  // namespace fovea::cudnn
