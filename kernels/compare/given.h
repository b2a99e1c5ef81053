// given.h - tensors that a person hands in, in the place of seeded ones. Internal.
#pragma once

#include <fovea/kernels/compare/compare.h>
#include <fovea/kernels/compare/subject.h>

#include <string>
#include <vector>

namespace fovea::compare {

/// What goes into a tensor that is also written: its name is that of what comes out.
std::string name_before(const Operand& o);

/// Puts `given` in the place of the inputs of their names; what else a subject reads stays as it
/// is. Results, and NAME_expected of them, may stand among the given. Throws InvalidArgument for
/// any other name, a tensor of another shape, or a value that the operand may not have.
void take(const std::vector<NamedValues>& given, const Subject& subject, CaseValues& to);

}  // namespace fovea::compare
