// plan.h - a graph made ready for one device: algorithms chosen, memory placed, launches listed.
//
// A plan is made in two halves. The constructor chooses, prepares and places, and knows every size;
// bind() gives it memory. From then on run() only enqueues: a step allocates nothing.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/stream.h>
#include <fovea/layers/graph.h>
#include <fovea/layers/op.h>

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fovea {

struct PlanOptions {
  std::vector<std::string> keep;  // values that live to the end of the step
  int lanes = 1;                  // 2: weight gradients on a stream of their own (cuda, emulated)
  bool replay = true;             // capture once, replay (cuda, emulated)
};

/// One op of the plan as people see it.
struct PlanRow {
  std::string layer, kind, problem;
  Pass pass = Pass::forward;
  Choice choice;
  std::int64_t flops = 0;
  std::int64_t bytes = 0;  // of the operands, each read or written once
  std::size_t workspace_bytes = 0;
  int lane = 0;
  bool deterministic = true;
};

/// Bytes of the arena that one value takes, from step `first` to step `last` (indices of rows()).
struct PlanValue {
  std::string name;
  Role role = Role::activation;  // or input
  std::size_t bytes = 0;
  int first = 0, last = 0;
};

/// A derived value: weights in another order as the plan's steps read them, and who makes them so.
struct PlanDerived {
  std::string name;  // "conv1.weight in s2d4"; plans of one run with it share its bytes
  Shape shape;
  DType dtype = DType::f32;
  PlanRow row;
  bool in_step = false;  // each step refreshes it, behind its update
  std::size_t bytes() const { return static_cast<std::size_t>(shape.elements()) * size_of(dtype); }
};

/// Where a plan's values live. Plans of one run share the blocks, the arena and the state.
struct PlanMemory {
  void* arena = nullptr;  // arena_bytes() on the device
  StepState* state = nullptr;
  TensorView weights, velocity, gradients;         // blocks of the ParameterLayout
  TensorView copies = {};                          // weights in bf16, as kernels read them
  std::map<std::string, TensorView> derived = {};  // by the names in Plan::derived()
  TensorView ring;                                 // metrics
  std::map<std::string, TensorView> constants;     // by the names the graph gave them
};

/// A plan belongs to one thread at a time.
class FOVEA_API Plan {
 public:
  /// Throws Unsupported where nothing in the policy's list can run an op. The graph may go
  /// afterwards.
  Plan(const Graph& graph, const Target& target, const PlanOptions& options = {});
  Plan(Plan&&) noexcept;
  Plan& operator=(Plan&&) noexcept;
  ~Plan();

  /// Bytes of the arena: activations, inputs and workspaces, placed by lifetime.
  std::size_t arena_bytes() const;
  const std::vector<PlanRow>& rows() const;
  /// The values in the arena; those that are never needed at once share bytes.
  std::vector<PlanValue> values() const;
  const ParameterLayout& layout() const;
  /// The derived values that steps read. A step with an update refreshes them; whoever changes the
  /// weights otherwise calls derive() before the next step.
  const std::vector<PlanDerived>& derived() const;

  /// Final addresses. Throws InvalidArgument where a block is missing or too small.
  void bind(const PlanMemory& memory, StreamView stream);
  /// Enqueues one step on the bound stream. With replay, the second step and later ones launch
  /// what the first recorded. FOVEA_SYNC=1 in the environment: launch by launch, waiting after
  /// each; an error then names op, layer and problem.
  void run();
  /// Enqueues what makes derived()[i] of the weights as they are.
  void derive(std::size_t i);
  /// Enqueues one step launch by launch on one lane and records marks[i] after row i: the parts of
  /// a step. marks.size() is rows().size().
  void run_marked(std::span<Event> marks);
  /// An input or kept value by name, after bind(). Throws InvalidArgument for another name.
  TensorView tensor(const std::string& name) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea
