// tuner.h - who is asked by the engine word `fastest`: which of several ways to compute a problem
// takes the least time here. An interface: kernels/ops knows no clock; kernels/registry/
// timing_tuner.h has one.
#pragma once

#include <fovea/core/device.h>
#include <fovea/core/tensor.h>
#include <fovea/kernels/ops/launch.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea {

/// One way: an algorithm that can run the problem, and a variant of it.
struct TuningCandidate {
  std::string engine, algorithm;
  Variant variant;
  /// Makes it ready, unbound. Throws Unsupported where it cannot be, or the limits forbid it.
  std::function<std::unique_ptr<Launch>()> prepare;
};

/// "onednn:direct nhwc".
inline std::string way_text(const std::string& engine, const std::string& algorithm,
                            const Variant& variant) {
  return engine + ":" + algorithm + (variant.empty() ? "" : " " + variant);
}

struct TuningQuestion {
  std::string_view op;
  Pass pass = Pass::forward;
  std::string problem;
  Math math = Math::fp32;
  const DeviceInfo& device;
  const Limits& limits;
  std::span<const TensorView> operands;  // shapes and types; no addresses
  /// Fills an operand whose bytes mean something (samples.h); false: any values will do.
  std::function<bool(std::size_t operand, std::span<std::byte> bytes)> sample;
  std::vector<TuningCandidate> candidates;  // within an algorithm the best guess first
  bool alone_too = false;  // a single candidate is timed as well: its time will be compared
};

struct TuningAnswer {
  std::size_t winner = 0;          // of the candidates
  std::unique_ptr<Launch> launch;  // the winner's, unbound; nullptr: none of them could run
  std::string why;                 // "fastest: 412.3 us; fovea:naive 5120.0"
  double us = 0;                   // the winner's median; 0: not measured
  std::vector<std::pair<std::size_t, std::string>> passed_over;  // candidates, each with a reason
};

class Tuner {
 public:
  virtual ~Tuner() = default;
  virtual TuningAnswer fastest(const TuningQuestion& question) = 0;
};

/// Times nothing: the first candidate that can be made ready. For asking what a plan would take.
class FirstGuess final : public Tuner {
 public:
  TuningAnswer fastest(const TuningQuestion& question) override {
    TuningAnswer answer;
    for (std::size_t i = 0; i < question.candidates.size() && !answer.launch; ++i) {
      try {
        answer.launch = question.candidates[i].prepare();
        answer.winner = i;
        answer.why = "best guess, not timed";
      } catch (const Unsupported& e) {
        answer.passed_over.emplace_back(i, e.what());
      }
    }
    return answer;
  }
};

}  // namespace fovea
