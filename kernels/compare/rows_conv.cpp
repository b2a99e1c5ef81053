#include <fovea/kernels/compare/calls_of.h>

namespace fovea::compare {

OpCalls conv_calls(Pass pass) {
  switch (pass) {
    case Pass::forward:
      return calls_of<ConvForward, parse_conv>();
    case Pass::dgrad:
      return calls_of<ConvDgrad, parse_conv>();
    case Pass::wgrad:
      return calls_of<ConvWgrad, parse_conv>();
  }
  refuse_pass("conv", pass);
}

}  // namespace fovea::compare
