// rows.h - from a problem as text to the rows of its op. Internal.
#pragma once

#include <fovea/kernels/compare/compare.h>

#include <functional>
#include <vector>

namespace fovea::compare {

struct RowRequest {
  const Registry& registry;
  const SuiteProblem& problem;
  Pass pass;
  const Options& options;
  const Ceilings& ceilings;
  const std::function<void(const Row&)>& on_row;
};

/// What can be asked of one op and pass.
struct OpCalls {
  std::vector<Row> (*rows)(const RowRequest&);
  std::vector<NamedValues> (*values)(const RowRequest&, const std::vector<NamedValues>& given);
};

// One source file a family; throw InvalidArgument for a pass that the op has not.
OpCalls conv_calls(Pass pass);
OpCalls linear_calls(Pass pass);
OpCalls plane_calls(std::string_view op, Pass pass);  // lrn, lrn_pool, maxpool, avgpool
OpCalls value_calls(std::string_view op, Pass pass);  // elementwise ops, losses, input, update

}  // namespace fovea::compare
