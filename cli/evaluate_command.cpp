// evaluate_command.cpp - `fovea evaluate`: how wrong a model is, and what it takes for what.
#include <fovea/cli/context.h>
#include <fovea/cli/inputs.h>
#include <fovea/cli/text.h>
#include <fovea/core/error.h>
#include <fovea/train/evaluation.h>
#include <fovea/train/report/confusion.h>

#include <nlohmann/json.hpp>

namespace fovea::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kWorst = 10;

std::string json_of(const EvaluateCommand& o, const Model& model, const Evaluation& e) {
  const auto& names = model.class_names();
  Json j = {{"model", o.run},
            {"data", o.data},
            {"split", o.split},
            {"views", o.views},
            {"images", e.score.images},
            {"loss", e.score.loss},
            {"top1_error", e.score.top1_error},
            {"top5_error", nullptr},
            {"classes", names},
            {"confusion", Json::array()},
            {"worst_pairs", Json::array()}};
  if (e.classes > 5) j["top5_error"] = e.score.top5_error;
  for (int a = 0; a < e.classes; ++a) {
    const auto row = e.confusion.begin() + static_cast<std::ptrdiff_t>(a) * e.classes;
    j["confusion"].push_back(std::vector<std::int64_t>(row, row + e.classes));
  }
  for (const ConfusedPair& p : e.worst_pairs(kWorst)) {
    j["worst_pairs"].push_back({{"actual", names[static_cast<std::size_t>(p.actual)]},
                                {"predicted", names[static_cast<std::size_t>(p.predicted)]},
                                {"count", p.count}});
  }
  return j.dump(1);
}

std::int64_t pictures_of(const Evaluation& e, int actual) {
  std::int64_t count = 0;
  for (int p = 0; p < e.classes; ++p) count += e.count(actual, p);
  return count;
}

void print_table(const CommandContext& c, const EvaluateCommand& o, const Model& model,
                 const Evaluation& e) {
  c.print(format("%s: %s %s images, %s", o.data.c_str(), thousands(e.score.images).c_str(),
                 o.split.c_str(), o.views == 1 ? "centre view" : "mean of ten views"));
  if (e.classes == 0) {
    c.print(format("mean error   %.4f", e.score.top1_error));
  } else {
    c.print(format("top-1 error  %.2f %%  (accuracy %.2f %%)", 100 * e.score.top1_error,
                   100 * (1 - e.score.top1_error)));
  }
  if (e.classes > 5) c.print(format("top-5 error  %.2f %%", 100 * e.score.top5_error));
  c.print(format("loss         %.4f", e.score.loss));
  const auto worst = e.worst_pairs(kWorst);
  if (worst.empty()) return;
  Table table({"is", "taken for", "images", "of its class"}, 2);
  for (const ConfusedPair& p : worst) {
    table.add({model.class_names()[static_cast<std::size_t>(p.actual)],
               model.class_names()[static_cast<std::size_t>(p.predicted)], thousands(p.count),
               format("%.1f %%", 100 * static_cast<double>(p.count) /
                                     static_cast<double>(pictures_of(e, p.actual)))});
  }
  std::fputs(("\n" + table.text()).c_str(), stdout);
}

}  // namespace

int run_evaluate(const CommandContext& c, const EvaluateCommand& asked) {
  EvaluateCommand o = asked;
  if (o.views != 1 && o.views != 10) {
    throw InvalidArgument("--views " + std::to_string(o.views) + ": there are 1 and 10");
  }
  const Model model = Model::load(o.run);
  const DataSets data = open_for(c, model, o.run, o.data, o.labels);
  if (o.split.empty()) o.split = default_split(data);
  const auto part = part_of(data, o.split, o.limit, c.common.seed);
  note_other_names(c, model, data);
  const Device device = Device::parse(c.common.device);
  const Evaluation e = evaluate(model, *part,
                                {.views = o.views,
                                 .device = device,
                                 .math = c.common.math_mode(),
                                 .policy = c.common.policy(device),
                                 .loaders = c.common.loaders,
                                 .registry = &c.registry});
  if (!o.html.empty()) {
    report::write_confusion(o.html, model.recipe().name + " on " + o.data + " (" + o.split + ")",
                            model.class_names(), e);
  }
  if (!write_json(c, json_of(o, model, e))) print_table(c, o, model, e);
  return 0;
}

}  // namespace fovea::cli
