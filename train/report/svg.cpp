#include <fovea/train/report/svg.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace fovea::report {
namespace {

constexpr double kWidth = 640, kHeight = 280, kLeft = 56, kRight = 12, kTop = 34, kBottom = 40;

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.4g", v);
  return text;
}

struct Range {
  double low = 0, high = 1;
};

// Of all points, from 0 up.
std::pair<Range, Range> ranges(const std::vector<Curve>& curves) {
  Range x{0, 0}, y{0, 0};
  for (const Curve& c : curves) {
    for (const auto& [px, py] : c.points) {
      x.high = std::max(x.high, px);
      y.high = std::max(y.high, py);
    }
  }
  if (x.high <= 0) x.high = 1;
  if (y.high <= 0) y.high = 1;
  return {x, {y.low, y.high * 1.05}};
}

double place_x(double v, const Range& r) {
  return kLeft + (v - r.low) / (r.high - r.low) * (kWidth - kLeft - kRight);
}
double place_y(double v, const Range& r) {
  return kHeight - kBottom - (v - r.low) / (r.high - r.low) * (kHeight - kTop - kBottom);
}

std::string axes(const Range& x, const Range& y, const std::string& x_label) {
  std::string s;
  for (const double t : ticks(y.low, y.high, 5)) {
    const std::string at = number(place_y(t, y));
    s += "<line class=\"grid\" x1=\"" + number(kLeft) + "\" x2=\"" + number(kWidth - kRight) +
         "\" y1=\"" + at + "\" y2=\"" + at + "\"/><text x=\"" + number(kLeft - 6) + "\" y=\"" + at +
         "\" text-anchor=\"end\" dominant-baseline=\"middle\">" + number(t) + "</text>";
  }
  for (const double t : ticks(x.low, x.high, 8)) {
    s += "<text x=\"" + number(place_x(t, x)) + "\" y=\"" + number(kHeight - kBottom + 16) +
         "\" text-anchor=\"middle\">" + number(t) + "</text>";
  }
  return s + "<text x=\"" + number((kLeft + kWidth - kRight) / 2) + "\" y=\"" +
         number(kHeight - 6) + "\" text-anchor=\"middle\">" + escaped(x_label) + "</text>";
}

}  // namespace

std::vector<double> ticks(double low, double high, int count) {
  const double raw = (high - low) / count;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double nice : {1.0, 2.0, 5.0}) {
    if (nice * power >= raw) {
      step = nice * power;
      break;
    }
  }
  std::vector<double> list;
  for (double t = std::ceil(low / step) * step; t <= high + step * 1e-9; t += step) {
    list.push_back(std::abs(t) < step * 1e-9 ? 0.0 : t);
  }
  return list;
}

std::string line_chart(const std::string& title, const std::string& x_label,
                       const std::vector<Curve>& curves) {
  const auto [x, y] = ranges(curves);
  std::string s = "<svg viewBox=\"0 0 " + number(kWidth) + " " + number(kHeight) +
                  "\" role=\"img\" aria-label=\"" + escaped(title) +
                  "\"><text class=\"title\" x=\"" + number(kLeft) + "\" y=\"16\">" +
                  escaped(title) + "</text>" + axes(x, y, x_label);
  double legend = kWidth - kRight;
  for (const Curve& c : curves) {
    if (c.points.empty()) continue;
    s += "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"" + c.colour + "\" points=\"";
    for (const auto& [px, py] : c.points) {
      s += number(place_x(px, x)) + "," + number(place_y(py, y)) + " ";
    }
    s += "\"/>";
    s += "<text x=\"" + number(legend) +
         "\" y=\"16\" text-anchor=\"end\" style=\"fill:" + c.colour + "\">" + escaped(c.name) +
         "</text>";
    legend -= 10.0 + 8.0 * static_cast<double>(c.name.size());
  }
  return s + "</svg>";
}

}  // namespace fovea::report
