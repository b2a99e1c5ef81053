// given.h - tensors that a person hands in, in the place of seeded ones. Internal.
#pragma once

#include <fovea/kernels/compare/compare.h>
#include <fovea/kernels/compare/subject.h>

#include <vector>

namespace fovea::compare {

/// Puts `given` in the place of the inputs of their names; what else a subject reads stays as it
/// is, and its outputs may stand among them. Throws InvalidArgument for a tensor of another shape,
/// or a value that the operand may not have.
void take(const std::vector<NamedValues>& given, const Subject& subject, CaseValues& to);

}  // namespace fovea::compare
