#include <fovea/kernels/compare/calls_of.h>
#include <fovea/kernels/compare/value_problems.h>

namespace fovea::compare {

OpCalls value_calls(std::string_view op, Pass pass) {
  if (pass == Pass::forward) {
    if (op == "activation") return calls_of<ActivationForward, parse_activation>();
    if (op == "scale") return calls_of<Scale, parse_scale>();
    if (op == "add") return calls_of<Add, parse_add>();
    if (op == "bias") return calls_of<AddBias, parse_bias>();
    if (op == "dropout") return calls_of<Dropout, parse_dropout>();
    if (op == "input") return calls_of<InputCast, parse_input>();
    if (op == "softmax") return calls_of<Softmax, parse_loss>();
    if (op == "softmax_loss") return calls_of<SoftmaxLoss, parse_loss>();
    if (op == "mse_loss") return calls_of<MseLoss, parse_loss>();
    if (op == "sgd") return calls_of<SgdUpdate, parse_update>();
    if (op == "finite_check") return calls_of<FiniteCheck, parse_update>();
  }
  if (pass == Pass::dgrad) {
    if (op == "activation") return calls_of<ActivationBackward, parse_activation>();
    if (op == "softmax_loss") return calls_of<SoftmaxLossBackward, parse_loss>();
    if (op == "mse_loss") return calls_of<MseLossBackward, parse_loss>();
  }
  if (op == "bias" && pass == Pass::wgrad) return calls_of<BiasGradient, parse_bias>();
  refuse_pass(op, pass);
}

}  // namespace fovea::compare
