#include <fovea/kernels/compare/parsed.h>

namespace fovea::compare {

template struct Typed<LrnForward>;
template struct Typed<LrnBackward>;
template struct Typed<LrnPoolForward>;
template struct Typed<LrnPoolBackward>;
template struct Typed<MaxPoolForward>;
template struct Typed<MaxPoolBackward>;
template struct Typed<AvgPoolForward>;
template struct Typed<AvgPoolBackward>;

std::unique_ptr<Subject> plane_subject(std::string_view op, const std::string& problem, Pass pass) {
  if (pass == Pass::wgrad) refuse_pass(op, pass);
  const bool forward = pass == Pass::forward;
  if (op == "lrn") {
    return forward ? parsed<LrnForward>(parse_lrn(problem))
                   : parsed<LrnBackward>(parse_lrn(problem));
  }
  if (op == "lrn_pool") {
    return forward ? parsed<LrnPoolForward>(parse_lrn_pool(problem))
                   : parsed<LrnPoolBackward>(parse_lrn_pool(problem));
  }
  if (op == "maxpool") {
    return forward ? parsed<MaxPoolForward>(parse_pool(problem))
                   : parsed<MaxPoolBackward>(parse_pool(problem));
  }
  return forward ? parsed<AvgPoolForward>(parse_pool(problem))
                 : parsed<AvgPoolBackward>(parse_pool(problem));
}

}  // namespace fovea::compare
