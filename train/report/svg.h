// svg.h - line charts as SVG text. Internal to train/report/.
#pragma once

#include <fovea/core/escaped.h>

#include <string>
#include <utility>
#include <vector>

namespace fovea::report {

struct Curve {
  std::string name, colour;
  std::vector<std::pair<double, double>> points;  // x ascending
};

/// A chart of 640 x 280 that scales with the page: axes with round ticks, a legend, the curves.
std::string line_chart(const std::string& title, const std::string& x_label,
                       const std::vector<Curve>& curves);

/// Ticks at round numbers (1, 2, 5 times a power of ten) that cover [low, high], about `count`.
std::vector<double> ticks(double low, double high, int count);

}  // namespace fovea::report
