#include <fovea/kernels/compare/parsed.h>

namespace fovea::compare {

template struct Typed<LinearForward>;
template struct Typed<LinearDgrad>;
template struct Typed<LinearWgrad>;

std::unique_ptr<Subject> linear_subject(const std::string& problem, Pass pass) {
  switch (pass) {
    case Pass::forward:
      return parsed<LinearForward>(parse_linear(problem));
    case Pass::dgrad:
      return parsed<LinearDgrad>(parse_linear(problem));
    case Pass::wgrad:
      return parsed<LinearWgrad>(parse_linear(problem));
  }
  refuse_pass("gemm", pass);
}

}  // namespace fovea::compare
