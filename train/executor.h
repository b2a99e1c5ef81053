// executor.h - a net on a device: its parameters, and plans to train, evaluate and predict that
// share one arena. What trainer, evaluation and predictor are made of.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/tensor.h>
#include <fovea/kernels/ops/loss.h>
#include <fovea/kernels/ops/registry.h>
#include <fovea/layers/plan.h>
#include <fovea/layers/recipe.h>
#include <fovea/train/preprocessing.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fovea {

struct ExecutorOptions {
  Device device = Device::cpu();
  Math math = Math::fp32;
  Policy policy = {};  // see complete_policy()
  int lanes = 1;       // see PlanOptions
  bool replay = true;
  MemoryResource* memory = nullptr;  // nullptr: the device's default resource
};

/// The policy with what it leaves open: an empty list becomes Policy::defaults(device, math), and
/// where `fastest` is named and no tuner is there, one that keeps nothing. Throws Unsupported where
/// the device gives a word no meaning.
FOVEA_API Policy complete_policy(Policy policy, const Device& device, Math math = Math::fp32);

/// What one step is given. Host memory, copied before the call returns.
struct StepInput {
  std::span<const std::uint8_t> images;  // n x stored height x stored width x channels
  std::span<const std::int32_t> labels;  // n; empty for mse and for prediction
  std::span<const float> targets;        // n x outputs; mse only
};

/// Metrics of one step, and whether numbers were lost in it.
struct StepMetrics {
  BatchMetrics batch;
  bool nonfinite = false;
};

class FOVEA_API Executor {
 public:
  /// Steps whose metrics can be read back at once.
  static constexpr int kRing = 64;
  enum class PlanId : int {};

  /// A net of `recipe` with so many outputs. Allocates nothing on the device yet.
  Executor(const Recipe& recipe, int outputs, const Preprocessing& preprocessing,
           const Registry& registry, const ExecutorOptions& options);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// Plans are added before allocate(). Throws Unsupported where the policy's engines cannot.
  PlanId add_training(int batch);
  PlanId add_evaluation(int batch, View view = View::centre, bool mirror = false,
                        const std::vector<std::string>& keep = {});
  /// Keeps "probabilities" (or the outputs, for mse) and the values named.
  PlanId add_prediction(int batch, const std::vector<std::string>& keep = {},
                        View view = View::centre, bool mirror = false);

  /// Bytes that allocate() takes on the device: parameters, what is derived of them, arena,
  /// constants, metrics.
  std::size_t planned_bytes() const;
  /// Takes the memory and binds the plans. Weights may be shared: a block of layout().count()
  /// elements on this device that outlives the executor and is only read; copies in bf16 and
  /// derived weights are its own.
  void allocate(const Tensor& shared_weights = {});

  const Plan& plan(PlanId id) const;
  /// All plans, as they were added.
  std::vector<const Plan*> plans() const;
  /// Who computes each op of all plans: what the bits depend on.
  ChoiceRecords choices() const;
  const std::vector<ParameterSpec>& parameters() const;
  const ParameterLayout& layout() const;
  const DeviceInfo& device() const;
  const Recipe& recipe() const;
  int outputs() const;
  const Policy& policy() const;
  Math math() const;
  StreamView stream() const;

  /// All parameters as their initialisers say.
  void initialise(std::uint64_t seed);
  /// The whole blocks, padding included: of weights, and of momentum (training only).
  std::vector<float> weights() const;
  std::vector<float> velocity() const;
  /// Derives copies in bf16 and weights in other orders anew.
  void set_weights(std::span<const float> block);
  void set_velocity(std::span<const float> block);
  /// As floats, also where they lie in bf16.
  std::vector<float> gradients() const;
  /// In math mode bf16 the whole block as convolutions and linear layers read it: weights()
  /// rounded. Empty in the others.
  std::vector<bf16> copies() const;

  /// Enqueues one step. state.slot is set here, to state.step modulo kRing.
  void enqueue(PlanId id, const StepInput& input, StepState state);
  /// The same, launch by launch on one lane: marks[0] is recorded before the input is copied,
  /// marks[1] after it, marks[2 + i] after row i of the plan. marks.size() is 2 + rows.
  void enqueue_marked(PlanId id, const StepInput& input, StepState state, std::span<Event> marks);
  /// Metrics of steps [first, first + count), count <= kRing; waits for them. Valid until the next
  /// call.
  std::span<const StepMetrics> read_metrics(std::uint64_t first, int count);
  /// A kept value of the plan as floats, on the host; waits.
  std::vector<float> read(PlanId id, const std::string& value) const;
  /// The same into memory of the caller, as many elements as the value has; allocates nothing.
  void read(PlanId id, const std::string& value, std::span<float> to) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea
