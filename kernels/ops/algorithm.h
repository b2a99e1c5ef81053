// algorithm.h - what an implementation of an op is: a value in an ordered list.
//
// An op is a tag type with
//   Problem   its shape and epilogue as a value: printable, parseable, comparable
//   Args      the tensors of one call, plus workspace and StepState
//   kName     "conv", and kPass
// An algorithm says whether it can run a problem, which variants it offers, and prepares one into
// an object that runs it again and again.
#pragma once

#include <fovea/core/device.h>
#include <fovea/core/dtype.h>
#include <fovea/core/stream.h>
#include <fovea/kernels/ops/step_state.h>

#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea {

enum class Pass : std::uint8_t { forward, dgrad, wgrad };

constexpr std::string_view name_of(Pass p) {
  switch (p) {
    case Pass::forward:
      return "forward";
    case Pass::dgrad:
      return "dgrad";
    case Pass::wgrad:
      return "wgrad";
  }
  return "?";
}

/// The answer of can_run(): yes, or the reason why not as a clause ("groups > 1").
struct Verdict {
  bool yes = true;
  std::string why_not;
  static Verdict no(std::string reason) { return {false, std::move(reason)}; }
  explicit operator bool() const { return yes; }
};

/// A set of device kinds.
enum class Devices : std::uint8_t { none = 0, cpu = 1, cuda = 2, emulated = 4 };
constexpr bool contains(Devices set, DeviceKind kind) {
  const auto bit = kind == DeviceKind::cpu    ? Devices::cpu
                   : kind == DeviceKind::cuda ? Devices::cuda
                                              : Devices::emulated;
  return (static_cast<unsigned>(set) & static_cast<unsigned>(bit)) != 0;
}

/// What a choice must respect.
struct Limits {
  std::size_t workspace_bytes = std::numeric_limits<std::size_t>::max();
  bool deterministic = true;
};

/// One setting of an algorithm, as text; "" where there is only one.
using Variant = std::string;

/// A problem made ready on a device. May hold state: an oneDNN primitive, a cuDNN plan.
template <class Args>
class Prepared {
 public:
  virtual ~Prepared() = default;
  /// Bytes that Args::workspace must offer.
  virtual std::size_t workspace_bytes() const { return 0; }
  virtual bool deterministic() const { return true; }
  /// The addresses are final now; called once, before the first run.
  virtual void bind(const Args&) {}
  /// Only enqueues: no allocation, no synchronisation, no host value that changes between steps.
  virtual void run(const Args& args, StreamView stream) = 0;
};

template <class Op>
struct Algorithm {
  using Problem = typename Op::Problem;
  using Args = typename Op::Args;

  std::string engine;               // "fovea", "onednn", "reference", ...
  std::string name;                 // "direct_tiled"
  Devices devices = Devices::none;  // where it runs
  Math math = Math::fp32;           // how it computes
  bool exact_on_integers = true;    // sums in any order, no transform: equals the reference then
  double error_factor = 1;  // of the bound of a plain sum: how far results on reals may be off
  bool takes_s2d = false;   // convolutions on what lies in s2d2 or s2d4
  /// Ops without math modes: activations may lie in bf16 as well, as the views of a call say.
  bool bf16_tensors = false;
  /// Pure: no allocation on the device, no launch.
  std::function<Verdict(const Problem&, const DeviceInfo&)> can_run;
  /// Best guess first. Empty function: the one variant "".
  std::function<std::vector<Variant>(const Problem&, const DeviceInfo&, const Limits&)> variants;
  /// May allocate and be slow. The problem satisfies can_run().
  std::function<std::unique_ptr<Prepared<Args>>(const Problem&, const Variant&, const DeviceInfo&)>
      prepare;
};

/// Whether a math mode says how an op computes: it multiplies tensors, and its kHasProducts says
/// so. The others compute in fp32 in every net; in math mode bf16 their activations lie in bf16.
template <class Op>
inline constexpr bool kHasMathModes = requires {
  requires Op::kHasProducts;
};

/// Verdict of an algorithm on a device and in a math mode: kind and mode first, then its own word.
template <class Op>
Verdict verdict(const Algorithm<Op>& a, const typename Op::Problem& problem,
                const DeviceInfo& device, Math math) {
  if (!contains(a.devices, device.device.kind())) {
    return Verdict::no("does not run on " + to_string(device.device));
  }
  if (kHasMathModes<Op> && a.math != math) {
    return Verdict::no("computes in " + std::string(name_of(a.math)));
  }
  if constexpr (requires { problem.s2d; }) {
    if (problem.s2d && !a.takes_s2d) return Verdict::no("x lies in another format");
  }
  if (!kHasMathModes<Op> && math == Math::bf16 && !a.bf16_tensors) {
    return Verdict::no("takes no activations in bf16");
  }
  return a.can_run ? a.can_run(problem, device) : Verdict{};
}

/// The variants of an algorithm; never empty.
template <class Op>
std::vector<Variant> variants_of(const Algorithm<Op>& a, const typename Op::Problem& problem,
                                 const DeviceInfo& device, const Limits& limits) {
  std::vector<Variant> v;
  if (a.variants) v = a.variants(problem, device, limits);
  if (v.empty()) v.emplace_back();
  return v;
}

/// Wraps a plain function as a Prepared: for kernels that hold no state between calls.
/// `run(problem, args, stream)`; `workspace` bytes are promised to it in args.workspace.
template <class Op, class Run>
std::unique_ptr<Prepared<typename Op::Args>> prepared(const typename Op::Problem& problem, Run run,
                                                      std::size_t workspace = 0) {
  using Args = typename Op::Args;
  class Stateless final : public Prepared<Args> {
   public:
    Stateless(const typename Op::Problem& p, Run r, std::size_t bytes)
        : problem_{p}, run_{std::move(r)}, workspace_{bytes} {}
    std::size_t workspace_bytes() const override { return workspace_; }
    void run(const Args& args, StreamView stream) override { run_(problem_, args, stream); }

   private:
    typename Op::Problem problem_;
    Run run_;
    std::size_t workspace_;
  };
  return std::make_unique<Stateless>(problem, std::move(run), workspace);
}

/// What every Args ends with.
struct Context {
  void* workspace = nullptr;   // workspace_bytes() of the Prepared, on the device
  StepState* state = nullptr;  // on the device; nullptr where no step is being made
};

}  // namespace fovea
