#include <fovea/kernels/compare/parsed.h>
#include <fovea/kernels/compare/value_problems.h>

namespace fovea::compare {

template struct Typed<ActivationForward>;
template struct Typed<ActivationBackward>;
template struct Typed<Scale>;
template struct Typed<Add>;
template struct Typed<AddBias>;
template struct Typed<BiasGradient>;
template struct Typed<Dropout>;
template struct Typed<InputCast>;
template struct Typed<Softmax>;
template struct Typed<SoftmaxLoss>;
template struct Typed<SoftmaxLossBackward>;
template struct Typed<MseLoss>;
template struct Typed<MseLossBackward>;
template struct Typed<SgdUpdate>;
template struct Typed<FiniteCheck>;
template struct Typed<RecordMetrics>;
template struct Typed<FoldWeights>;

std::unique_ptr<Subject> value_subject(std::string_view op, const std::string& problem, Pass pass) {
  if (pass == Pass::forward) {
    if (op == "activation") return parsed<ActivationForward>(parse_activation(problem));
    if (op == "scale") return parsed<Scale>(parse_scale(problem));
    if (op == "add") return parsed<Add>(parse_add(problem));
    if (op == "bias") return parsed<AddBias>(parse_bias(problem));
    if (op == "dropout") return parsed<Dropout>(parse_dropout(problem));
    if (op == "input") return parsed<InputCast>(parse_input(problem));
    if (op == "softmax") return parsed<Softmax>(parse_loss(problem));
    if (op == "softmax_loss") return parsed<SoftmaxLoss>(parse_loss(problem));
    if (op == "mse_loss") return parsed<MseLoss>(parse_loss(problem));
    if (op == "sgd") return parsed<SgdUpdate>(parse_update(problem));
    if (op == "finite_check") return parsed<FiniteCheck>(parse_update(problem));
    if (op == "fold_weights") return parsed<FoldWeights>(parse_fold_weights(problem));
  }
  if (pass == Pass::dgrad) {
    if (op == "activation") return parsed<ActivationBackward>(parse_activation(problem));
    if (op == "softmax_loss") return parsed<SoftmaxLossBackward>(parse_loss(problem));
    if (op == "mse_loss") return parsed<MseLossBackward>(parse_loss(problem));
  }
  if (op == "bias" && pass == Pass::wgrad) return parsed<BiasGradient>(parse_bias(problem));
  refuse_pass(op, pass);
}

}  // namespace fovea::compare
