// derived_weights.h - a run's weights as kernels read them: the copies in bf16, and parameters in
// other orders (Role::derived), whose bytes plans share by name. Internal to train/.
//
// CONVENTION: a plan that runs between before() and updated_by() never reads what was derived of
// other weights than the present ones.
#pragma once

#include <fovea/core/tensor.h>
#include <fovea/layers/plan.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fovea {

class DerivedWeights {
 public:
  DerivedWeights() = default;
  /// Of a block of `count` elements.
  DerivedWeights(Math math, std::int64_t count)
      : in_bf16_{activation_type(math) == DType::bf16}, count_{count} {}

  /// Plans count from 0 in the order in which they are added, before allocate(); they outlive it.
  void add(Plan& plan);
  /// What allocate() takes.
  std::size_t bytes() const;
  void allocate(StreamView stream, MemoryResource& memory);
  /// Sets `memory`'s copies and derived.
  void describe(PlanMemory& memory) const;

  /// The weights are `block` now: derives everything, with plans that are bound.
  void derive(std::span<const float> block);
  /// Plan i is about to run: derives what it reads and what no longer is of the weights.
  void before(std::size_t i);
  /// Plan i has changed the weights, and refreshed what it says it does.
  void updated_by(std::size_t i);

  /// The block in bf16; empty in the other math modes.
  std::vector<bf16> copies() const;

 private:
  struct Derived {
    std::string name;
    Shape shape;
    DType dtype;
    bool stale = true;  // of other weights than the present ones
    Tensor memory = {};
  };
  struct User {
    Plan* plan;
    std::vector<std::size_t> reads;  // index into derived_ of each of plan->derived()
  };
  std::size_t index_of(const PlanDerived& wanted);

  bool in_bf16_ = false;
  std::int64_t count_ = 0;
  StreamView stream_;
  Tensor copies_;
  std::vector<Derived> derived_;
  std::vector<User> users_;
};

}  // namespace fovea
