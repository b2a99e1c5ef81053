#include <fovea/train/report/page.h>
#include <fovea/train/report/png.h>
#include <fovea/train/report/report.h>
#include <fovea/train/report/svg.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace fovea {
namespace {

using report::Curve;

std::string format(const char* pattern, double v) {
  char text[48];
  std::snprintf(text, sizeof(text), pattern, v);
  return text;
}

Curve curve(const std::vector<MetricsLine>& lines, const std::string& split, double x_per_step,
            const char* colour, double (*y)(const MetricsLine&)) {
  Curve c{split, colour, {}};
  // At most about 500 points: a mean over as many lines as that needs.
  const auto count =
      static_cast<std::size_t>(std::ranges::count(lines, split, &MetricsLine::split));
  const std::size_t every = std::max<std::size_t>(1, count / 500);
  double sum = 0;
  std::size_t n = 0;
  for (const MetricsLine& m : lines) {
    if (m.split != split) continue;
    if (!std::isfinite(y(m))) continue;  // the step at which numbers were lost
    sum += y(m);
    if (++n < every) continue;
    c.points.emplace_back(static_cast<double>(m.step) * x_per_step, sum / static_cast<double>(n));
    sum = 0;
    n = 0;
  }
  return c;
}

std::string charts(const std::vector<MetricsLine>& lines, bool mse) {
  // Steps to epochs by the last line of an evaluation, which stands at an epoch's end.
  double per_step = 1;
  const char* label = "step";
  for (const MetricsLine& m : lines) {
    if (m.split != "train" && m.step > 0) {
      per_step = static_cast<double>(m.epoch) / static_cast<double>(m.step);
      label = "epoch";
    }
  }
  const auto loss = [](const MetricsLine& m) { return m.score.loss; };
  const auto percent = [](const MetricsLine& m) { return 100 * m.score.top1_error; };
  const auto plain = [](const MetricsLine& m) { return m.score.top1_error; };
  std::vector<Curve> losses, errors;
  for (const auto& [split, colour] :
       {std::pair{"train", "#3b7dd8"}, {"validation", "#d8883b"}, {"test", "#2e9e6b"}}) {
    losses.push_back(curve(lines, split, per_step, colour, loss));
    errors.push_back(mse ? curve(lines, split, per_step, colour, plain)
                         : curve(lines, split, per_step, colour, percent));
  }
  return report::line_chart("Loss", label, losses) +
         report::line_chart(mse ? "Mean absolute error" : "Error, %", label, errors);
}

std::string epoch_table(const std::vector<MetricsLine>& lines, bool mse) {
  std::string s =
      "<div class=\"wide\"><table><tr><th>epoch</th><th class=\"text\">part</th><th>images</th>"
      "<th>loss</th><th>error</th><th>top-5 error</th><th>images/s</th><th>seconds</th></tr>";
  for (const MetricsLine& m : lines) {
    if (m.split == "train") continue;
    const auto error = [&](double e) {
      return mse ? format("%.3f", e) : format("%.2f %%", 100 * e);
    };
    s += "<tr><td>" + std::to_string(m.epoch) + "</td><td class=\"text\">" + m.split + "</td><td>" +
         std::to_string(m.score.images) + "</td><td>" + format("%.4f", m.score.loss) + "</td><td>" +
         error(m.score.top1_error) + "</td><td>" + (mse ? "" : error(m.score.top5_error)) +
         "</td><td>" + format("%.0f", m.images_per_second) + "</td><td>" +
         format("%.1f", m.run_seconds) + "</td></tr>";
  }
  return s + "</table></div>";
}

std::string layer_table(const Recipe& recipe, int outputs) {
  std::string s =
      "<div class=\"wide\"><table><tr><th>layer</th><th "
      "class=\"text\">what</th><th>output</th></tr>";
  Shape shape{1, recipe.input.height, recipe.input.width, recipe.input.channels};
  const auto net = recipe.net(outputs);  // outlives the loop over its layers
  for (const auto& layer : net->layers()) {
    shape = layer->output_shape(shape);
    std::string extents;
    for (int i = 1; i < shape.rank(); ++i) extents += (i > 1 ? "x" : "") + std::to_string(shape[i]);
    s += "<tr><td>" + escaped(layer->name()) + "</td><td class=\"text\">" +
         escaped(layer->describe()) + "</td><td>" + extents + "</td></tr>";
  }
  return s + "</table></div>";
}

// Filters of the first convolution as a grid, each stretched to its own range.
std::string filters(const Model& model) {
  for (const ParameterSpec& p : model.parameters()) {
    if (p.shape.rank() != 4) continue;
    const report::Picture grid = report::filter_grid(model.parameter(p.name), p.shape);
    return "<h2>Filters of " + escaped(p.name.substr(0, p.name.find('.'))) +
           "</h2><img alt=\"filters\" style=\"width:min(100%," + std::to_string(grid.width * 4) +
           "px)\" src=\"data:image/png;base64," + report::base64(report::encode_png(grid)) + "\">";
  }
  return "";
}

}  // namespace

void write_report(const std::filesystem::path& path, const Recipe& recipe, const Model& model,
                  const std::vector<MetricsLine>& lines) {
  const bool mse = recipe.train.loss == "mse";
  const std::string body =
      "<p>" + escaped(recipe.about) + "</p><p>" + std::to_string(model.parameter_count()) +
      " parameters, " + std::to_string(model.outputs()) + (mse ? " outputs" : " classes") +
      ".</p>" + charts(lines, mse) + "<h2>Evaluations</h2>" + epoch_table(lines, mse) +
      "<h2>Layers</h2>" + layer_table(recipe, model.outputs()) + filters(model) +
      "<h2>Recipe</h2><pre>" + escaped(recipe.toml()) + "</pre>";
  write_file_atomically(path.string(), report::page(recipe.name, body));
}

}  // namespace fovea
