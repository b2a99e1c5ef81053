#include <fovea/kernels/compare/calls_of.h>

namespace fovea::compare {

OpCalls plane_calls(std::string_view op, Pass pass) {
  if (pass == Pass::wgrad) refuse_pass(op, pass);
  const bool forward = pass == Pass::forward;
  if (op == "lrn") {
    return forward ? calls_of<LrnForward, parse_lrn>() : calls_of<LrnBackward, parse_lrn>();
  }
  if (op == "lrn_pool") {
    return forward ? calls_of<LrnPoolForward, parse_lrn_pool>()
                   : calls_of<LrnPoolBackward, parse_lrn_pool>();
  }
  if (op == "maxpool") {
    return forward ? calls_of<MaxPoolForward, parse_pool>()
                   : calls_of<MaxPoolBackward, parse_pool>();
  }
  return forward ? calls_of<AvgPoolForward, parse_pool>() : calls_of<AvgPoolBackward, parse_pool>();
}

}  // namespace fovea::compare
