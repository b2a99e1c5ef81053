// value_problems.h - problems of the elementwise ops, losses, input, update and folding of weights
// from text, as to_string() prints them. Internal. Each throws InvalidArgument for what it does not
// understand.
#pragma once

#include <fovea/kernels/ops/elementwise.h>
#include <fovea/kernels/ops/fold_weights.h>
#include <fovea/kernels/ops/input.h>
#include <fovea/kernels/ops/loss.h>
#include <fovea/kernels/ops/update.h>

#include <string_view>

namespace fovea::compare {

ActivationProblem parse_activation(std::string_view text);     // n4096+relu
ScaleProblem parse_scale(std::string_view text);               // n4096f0.5
AddProblem parse_add(std::string_view text);                   // n4096
BiasProblem parse_bias(std::string_view text);                 // n128c96: rows, channels
DropoutProblem parse_dropout(std::string_view text);           // n128c4096rate0.5scale1layer0
LossProblem parse_loss(std::string_view text);                 // n128c1000: rows, classes
UpdateProblem parse_update(std::string_view text);             // n4096segments2momentum0.9
InputProblem parse_input(std::string_view text);               // n128c3h256oh224ow224+random+mirror
FoldWeightsProblem parse_fold_weights(std::string_view text);  // k96c3r11u4

}  // namespace fovea::compare
