// calls_of.h - OpCalls of an op. Internal.
#pragma once

#include <fovea/kernels/compare/op_traits.h>
#include <fovea/kernels/compare/pass_epilogue.h>
#include <fovea/kernels/compare/rows.h>
#include <fovea/kernels/compare/run_op.h>

namespace fovea::compare {

template <class Op, auto Parse>
OpRows<Op> rows_for(const RowRequest& r) {
  typename Op::Problem p = Parse(r.problem.text);
  if constexpr (requires { p.epilogue; }) p.epilogue = of_pass(p.epilogue, Op::kPass);
  Row blank;
  blank.problem = std::string(Op::kName) + ":" + to_string(p);
  blank.name = r.problem.name;
  blank.pass = Op::kPass;
  return {r.registry, p, std::move(blank), r.options, r.ceilings, r.on_row};
}

template <class Op, auto Parse>
OpCalls calls_of() {
  return {[](const RowRequest& r) { return rows_for<Op, Parse>(r).run(); },
          [](const RowRequest& r, const std::vector<NamedValues>& given) {
            return rows_for<Op, Parse>(r).values(given);
          }};
}

[[noreturn]] inline void refuse_pass(std::string_view op, Pass pass) {
  throw InvalidArgument(std::string(op) + " has no pass " + std::string(name_of(pass)));
}

}  // namespace fovea::compare
