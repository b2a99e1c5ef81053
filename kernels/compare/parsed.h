// parsed.h - the Subject of an op and a problem as text. Internal.
#pragma once

#include <fovea/core/error.h>
#include <fovea/kernels/compare/op_traits.h>
#include <fovea/kernels/compare/pass_epilogue.h>
#include <fovea/kernels/compare/rows.h>

namespace fovea::compare {

template <class Op, class Problem>
std::unique_ptr<Subject> parsed(Problem p) {
  if constexpr (requires { p.epilogue; }) p.epilogue = of_pass(p.epilogue, Op::kPass);
  return Typed<Op>::subject(p);
}

[[noreturn]] inline void refuse_pass(std::string_view op, Pass pass) {
  throw InvalidArgument(std::string(op) + " has no pass " + std::string(name_of(pass)));
}

}  // namespace fovea::compare
