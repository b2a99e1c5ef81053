// chart.cpp - see chart.h.
#include <fovea/kernels/compare/card.h>
#include <fovea/kernels/compare/chart.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdarg>
#include <cstdio>

namespace fovea::compare {
namespace {

[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, pattern);
  std::vsnprintf(text, sizeof(text), pattern, arguments);
  va_end(arguments);
  return text;
}

// One colour an engine, in the order of the page's style: c0 ... c5.
int colour_of(const std::string& engine) {
  constexpr std::array kEngines = {"fovea", "cudnn", "onednn", "simd", "reference"};
  const auto found = std::ranges::find(kEngines, engine);
  return static_cast<int>(found - kEngines.begin());
}

// The roof: bytes and operations a second.
struct Roof {
  double bytes = 0, flops = 0;
  std::string what;
};

Roof roof_of(const Report& r) {
  const double flops = *std::ranges::max_element(r.ceilings.gemm_tflops);
  if (r.ceilings.copy_gb_s > 0 && flops > 0) {
    return {r.ceilings.copy_gb_s * 1e9, flops * 1e12, "copy and GEMM measured in this run"};
  }
  return {kNamedCard.memory_bytes, 2 * kNamedCard.multiply_adds,
          std::string(kNamedCard.name) + " in fp32"};
}

// A logarithmic axis over whole decades.
struct Axis {
  double low, high;  // exponents of ten
  double from, to;   // in the drawing
  double operator()(double v) const {
    return from + (std::log10(v) - low) / (high - low) * (to - from);
  }
};

Axis axis_over(double least, double most, double from, double to) {
  return {std::floor(std::log10(least)), std::ceil(std::log10(most) + 1e-9), from, to};
}

std::string grid(const Axis& x, const Axis& y) {
  std::string svg;
  for (double e = x.low; e <= x.high; ++e) {
    const double at = x(std::pow(10, e));
    svg += format(
        "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>"
        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%g</text>",
        at, y.from, at, y.to, at, y.from + 18, std::pow(10, e));
  }
  for (double e = y.low; e <= y.high; ++e) {
    const double at = y(std::pow(10, e));
    svg += format(
        "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>"
        "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%g</text>",
        x.from, at, x.to, at, x.from - 4, at + 5, std::pow(10, e) / 1e9);
  }
  return svg;
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

double cost_us(const Row& r) {
  if (r.status != Status::ok) return 0;
  if (r.times) return r.times->median;
  return r.counted ? r.counted->floor.us : 0;
}

std::string bars(const std::vector<const Row*>& rows) {
  double most = 0;
  for (const Row* r : rows) most = std::max(most, cost_us(*r));
  if (most <= 0) return "";
  std::string html = "<div class=\"bars\">";
  for (const Row* r : rows) {
    const double us = cost_us(*r);
    if (us <= 0) continue;
    std::string label = r->engine + ":" + r->algorithm;
    if (!r->variant.empty()) label += " " + r->variant;
    html += "<div class=\"bar\"><span>" + escaped(label) + "</span>" +
            format("<i><b class=\"c%d\" style=\"width:%.2f%%\"></b></i><span>%.4g us</span></div>",
                   colour_of(r->engine), std::max(0.5, 100 * us / most), us);
  }
  return html + "</div>";
}

std::string roofline(const Report& report) {
  struct Point {
    double intensity, speed;
    const Row* row;
  };
  std::vector<Point> points;
  for (const Row& r : report.rows) {
    const double us = cost_us(r);
    if (us <= 0 || r.flops <= 0 || r.bytes <= 0) continue;
    const auto flops = static_cast<double>(r.flops);
    points.push_back({flops / static_cast<double>(r.bytes), flops / (us * 1e-6), &r});
  }
  if (points.empty()) return "";
  const Roof roof = roof_of(report);
  const auto [thin, dense] = std::ranges::minmax(points, {}, &Point::intensity);
  const auto [slow, fast] = std::ranges::minmax(points, {}, &Point::speed);
  const Axis x =
      axis_over(thin.intensity, std::max(dense.intensity, roof.flops / roof.bytes), 64, 620);
  const Axis y = axis_over(slow.speed, std::max(fast.speed, roof.flops), 330, 34);
  std::string svg =
      "<svg viewBox=\"0 0 640 400\" role=\"img\"><title>Speed over operations a byte</title>";
  svg += "<text x=\"8\" y=\"20\">GFLOP/s; roof: " + escaped(roof.what) + "</text>" + grid(x, y);
  svg += "<text x=\"342\" y=\"376\" text-anchor=\"middle\">operations a byte of operands</text>";
  const double knee = roof.flops / roof.bytes;
  const double left = std::max(std::pow(10, x.low), std::pow(10, y.low) / roof.bytes);
  svg += format("<polyline class=\"roof\" points=\"%.1f,%.1f %.1f,%.1f %.1f,%.1f\"/>", x(left),
                y(left * roof.bytes), x(knee), y(roof.flops), x.to, y(roof.flops));
  for (const Point& p : points) {
    svg += format("<circle class=\"c%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"><title>",
                  colour_of(p.row->engine), x(p.intensity), y(p.speed)) +
           escaped(p.row->name + " " + std::string(name_of(p.row->pass)) + " " + p.row->engine +
                   ":" + p.row->algorithm + " " + p.row->variant) +
           "</title></circle>";
  }
  return svg + "</svg>";
}

}  // namespace fovea::compare
