// check_grads_command.cpp - `fovea check-grads`: backward against differences of the loss.
#include <fovea/cli/context.h>
#include <fovea/cli/inputs.h>
#include <fovea/cli/plan_text.h>
#include <fovea/cli/text.h>
#include <fovea/core/error.h>
#include <fovea/train/check_gradients.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace fovea::cli {
namespace {

void print_who_computes(const CommandContext& c, const Plan& plan, const Policy& policy) {
  std::string text = who_computes(plan, policy);
  if (c.common.nondeterministic) text += "\nnote     " + what_nondeterministic_lets_in(plan);
  c.say(text);
}

}  // namespace

int run_check_grads(const CommandContext& c, const CheckGradsCommand& o) {
  const Recipe recipe = o.recipe.resolve();
  if (c.common.math_mode() != Math::fp32) {
    throw InvalidArgument("--math " + c.common.math +
                          ": gradients are checked in fp32, the highest precision there is");
  }
  const Device device = Device::parse(c.common.device);
  const Policy policy = c.common.policy(device);
  const auto rows =
      check_gradients(recipe, assumed_classes(recipe),
                      {.batch = o.recipe.batch.value_or(4),
                       .seed = c.common.seed,
                       .device = device,
                       .policy = policy,
                       .registry = &c.registry,
                       .on_plan = [&](const Plan& plan) { print_who_computes(c, plan, policy); }});
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  Table table({"layer", "gradient of", "relative error", "step", ""}, 2, true);
  for (const GradientCheck& r : rows) {
    table.add({r.layer, r.what, format("%.1e", r.error), format("%.1e", r.step),
               r.right ? "ok" : "WRONG"});
    json.push_back({{"layer", r.layer},
                    {"gradient_of", r.what},
                    {"error", r.error},
                    {"step", r.step},
                    {"right", r.right}});
  }
  const auto wrong = std::ranges::count(rows, false, &GradientCheck::right);
  if (!write_json(c, json.dump(1))) {
    std::fputs(table.text().c_str(), stdout);
    c.print(format("%zu gradients of %s on %s, %lld wrong (bound %g)", rows.size(),
                   recipe.name.c_str(), to_string(device).c_str(), static_cast<long long>(wrong),
                   kGradientBound));
  }
  return wrong == 0 ? 0 : 1;
}

}  // namespace fovea::cli
