#include <fovea/core/error.h>
#include <fovea/kernels/compare/value_problems.h>
#include <fovea/kernels/ops/problem_text.h>

#include <string>

namespace fovea::compare {
namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
  throw InvalidArgument("problem '" + std::string(text) + "': " + why);
}

}  // namespace

ActivationProblem parse_activation(std::string_view text) {
  const ProblemText f(text, {"n"}, {"relu", "tanh"});
  if (f.flag("relu") == f.flag("tanh")) refuse(text, "say +relu or +tanh");
  return {.count = f.count("n"), .kind = f.flag("relu") ? Activation::relu : Activation::tanh};
}

ScaleProblem parse_scale(std::string_view text) {
  const ProblemText f(text, {"n", "f"});
  return {.count = f.count("n"), .factor = f.real("f", 0.5F)};
}

AddProblem parse_add(std::string_view text) {
  return {.count = ProblemText(text, {"n"}).count("n")};
}

BiasProblem parse_bias(std::string_view text) {
  const ProblemText f(text, {"n", "c"});
  return {.rows = f.count("n"), .channels = f.count("c")};
}

DropoutProblem parse_dropout(std::string_view text) {
  const ProblemText f(text, {"n", "c", "rate", "scale", "layer"});
  const DropoutProblem p{.images = f.count("n"),
                         .per_image = f.count("c"),
                         .rate = f.real("rate", 0.5F),
                         .scale = f.real("scale", 1.0F),
                         .layer = static_cast<std::uint32_t>(f.count("layer", 0, 0))};
  if (p.rate < 0 || p.rate >= 1) refuse(text, "rate is at least 0 and below 1");
  return p;
}

LossProblem parse_loss(std::string_view text) {
  const ProblemText f(text, {"n", "c"});
  return {.n = f.count("n"), .c = f.count("c")};
}

UpdateProblem parse_update(std::string_view text) {
  const ProblemText f(text, {"n", "segments", "momentum"});
  const UpdateProblem p{.count = f.count("n"),
                        .segments = f.count("segments", 1),
                        .momentum = f.real("momentum", 0.9F)};
  if (p.count % kParameterAlignment != 0 || p.count < p.segments * kParameterAlignment) {
    refuse(text, "n is a multiple of " + std::to_string(kParameterAlignment) +
                     ", so much for each segment at least");
  }
  return p;
}

InputProblem parse_input(std::string_view text) {
  constexpr std::pair<const char*, View> kViews[] = {
      {"random", View::random},           {"centre", View::centre},
      {"top_left", View::top_left},       {"top_right", View::top_right},
      {"bottom_left", View::bottom_left}, {"bottom_right", View::bottom_right}};
  const ProblemText f(
      text, {"n", "c", "h", "w", "oh", "ow", "pad", "fold", "fh", "fw", "ft", "fl"},
      {"random", "centre", "top_left", "top_right", "bottom_left", "bottom_right", "mirror"});
  InputProblem p;
  p.n = f.count("n");
  p.c = f.count("c");
  p.h = f.count("h");
  p.w = f.count("w", p.h);
  p.out_h = f.count("oh", p.h);
  p.out_w = f.count("ow", p.out_h == p.h ? p.w : p.out_h);
  p.pad = f.count("pad", 0, 0);
  for (const auto& [name, view] : kViews) {
    if (f.flag(name)) p.view = view;
  }
  p.mirror = f.flag("mirror");
  p.fold.by = f.count("fold", 1);
  if (p.fold.by != 1) {
    p.fold = {.by = p.fold.by,
              .top = f.count("ft", 0, 0),
              .left = f.count("fl", 0, 0),
              .rows = f.count("fh"),
              .columns = f.count("fw")};
  }
  validate(p);
  return p;
}

FoldWeightsProblem parse_fold_weights(std::string_view text) {
  const ProblemText f(text, {"k", "c", "r", "s", "u"});
  const int r = f.count("r");
  const FoldWeightsProblem p{
      .k = f.count("k"), .c = f.count("c"), .r = r, .s = f.count("s", r), .u = f.count("u")};
  validate(p);
  return p;
}

}  // namespace fovea::compare
