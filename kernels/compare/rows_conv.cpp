#include <fovea/kernels/compare/parsed.h>

namespace fovea::compare {

template struct Typed<ConvForward>;
template struct Typed<ConvDgrad>;
template struct Typed<ConvWgrad>;

std::unique_ptr<Subject> conv_subject(const std::string& problem, Pass pass) {
  switch (pass) {
    case Pass::forward:
      return parsed<ConvForward>(parse_conv(problem));
    case Pass::dgrad:
      return parsed<ConvDgrad>(parse_conv(problem));
    case Pass::wgrad:
      return parsed<ConvWgrad>(parse_conv(problem));
  }
  refuse_pass("conv", pass);
}

}  // namespace fovea::compare
