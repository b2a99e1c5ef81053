// floats.h - the operands of one call as floats, whatever type they have in memory, so that a body
// is written once: bf16 is widened before it is read, and rounded once when the body is done.
#pragma once

#include <fovea/core/tensor.h>

#include <span>
#include <vector>

namespace fovea::reference {

class Floats {
 public:
  /// Takes the memory for a call on these, so that the call takes none.
  void reserve(std::span<const TensorView> operands);
  /// The elements, in place where they are f32; nullptr for an absent operand.
  const float* in(const TensorView& t);
  /// The same for a body to change; operands at one address share their elements.
  float* out(const TensorView& t);
  /// Forgets what an earlier call read.
  void begin();
  /// Rounds what out() gave into the operands.
  void store();

 private:
  struct Copy {
    TensorView of;
    std::vector<float> values;
    bool loaded = false, changed = false;
  };
  Copy& copy_of(const TensorView& t);
  Copy& loaded(const TensorView& t);

  std::vector<Copy> copies_;
};

}  // namespace fovea::reference
