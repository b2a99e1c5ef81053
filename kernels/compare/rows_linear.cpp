#include <fovea/kernels/compare/calls_of.h>

namespace fovea::compare {

OpCalls linear_calls(Pass pass) {
  switch (pass) {
    case Pass::forward:
      return calls_of<LinearForward, parse_linear>();
    case Pass::dgrad:
      return calls_of<LinearDgrad, parse_linear>();
    case Pass::wgrad:
      return calls_of<LinearWgrad, parse_linear>();
  }
  refuse_pass("gemm", pass);
}

}  // namespace fovea::compare
