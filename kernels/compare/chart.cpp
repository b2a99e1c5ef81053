// chart.cpp - see chart.h. Colours and lines are page.css's.
#include <fovea/kernels/compare/card.h>
#include <fovea/kernels/compare/chart.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <utility>

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

// One colour an engine, in the order of the page's style: c0 ... c5, the last for all others.
constexpr std::array kEngines = {"fovea", "cudnn", "onednn", "simd", "reference"};
int colour_of(const std::string& engine) {
  return static_cast<int>(std::ranges::find(kEngines, engine) - kEngines.begin());
}

// A level roof: operations a second that nothing passes.
struct Roof {
  double flops = 0;
  std::string name;
};

// Bytes a second, and the roofs above: as measured, else those of the named card.
struct Ceiling {
  double bytes = 0;
  std::vector<Roof> roofs;
  std::string what;
};

Ceiling ceiling_of(const Report& r) {
  Ceiling c{r.ceilings.copy_gb_s * 1e9, {}, "a copy and the fastest GEMM, measured in this run"};
  for (const Math math : {Math::fp32, Math::tf32, Math::bf16}) {
    const double tflops = r.ceilings.gemm_tflops[static_cast<int>(math)];
    if (tflops > 0) c.roofs.push_back({tflops * 1e12, "GEMM " + std::string(name_of(math))});
  }
  if (c.bytes > 0 && !c.roofs.empty()) return c;
  return {kNamedCard.memory_bytes,
          {{2 * kNamedCard.multiply_adds, "fp32"}, {kNamedCard.tensor_flops, "tf32"}},
          "data sheet of " + std::string(kNamedCard.name)};
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

// 1e12 -> "1 TFLOP/s".
std::string flops_text(double v) {
  for (const auto& [unit, name] : {std::pair{1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}}) {
    if (v >= unit) return format("%g %sFLOP/s", v / unit, name);
  }
  return format("%g FLOP/s", v);
}

std::string grid(const Axis& x, const Axis& y) {
  std::string svg;
  const auto line = [&svg](double x1, double y1, double x2, double y2) {
    svg += format("<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>", x1, y1,
                  x2, y2);
  };
  for (double e = x.low; e <= x.high; ++e) {
    const double at = x(std::pow(10, e));
    line(at, y.from, at, y.to);
    svg += format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%g</text>", at, y.from + 20,
                  std::pow(10, e));
  }
  for (double e = y.low; e <= y.high; ++e) {
    const double at = y(std::pow(10, e));
    line(x.from, at, x.to, at);
    svg += format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>", x.from - 8, at + 5,
                  flops_text(std::pow(10, e)).c_str());
  }
  return svg;
}

// A shape a pass: circle, square, triangle.
std::string dot(Pass pass, double x, double y) {
  constexpr double kRadius = 5;
  switch (pass) {
    case Pass::forward:
      return format("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%g\"/>", x, y, kRadius);
    case Pass::dgrad:
      return format("<rect x=\"%.1f\" y=\"%.1f\" width=\"%g\" height=\"%g\"/>", x - kRadius + 0.5,
                    y - kRadius + 0.5, 2 * kRadius - 1, 2 * kRadius - 1);
    case Pass::wgrad:
      return format("<path d=\"M%.1f %.1fl%g %gh%gz\"/>", x, y - kRadius - 1, kRadius + 1,
                    2 * kRadius, -2 * (kRadius + 1));
  }
  return "";
}

struct Point {
  double intensity, speed;
  const Row* row;
};

std::vector<Point> points_of(const Report& report) {
  std::vector<Point> points;
  for (const Row& r : report.rows) {
    const double us = cost_us(r);
    if (us <= 0 || r.flops <= 0 || r.bytes <= 0) continue;
    const auto flops = static_cast<double>(r.flops);
    points.push_back({flops / static_cast<double>(r.bytes), flops / (us * 1e-6), &r});
  }
  return points;
}

std::string dots(const std::vector<Point>& points, const Axis& x, const Axis& y) {
  std::string svg;
  for (const Point& p : points) {
    const Row& r = *p.row;
    svg += format("<g class=\"dot c%d\"><title>", colour_of(r.engine)) +
           escaped((r.name.empty() ? r.problem : r.name) + " " + std::string(name_of(r.pass)) +
                   " " + std::string(name_of(r.math)) + ", " + algorithm_of(r)) +
           "</title>" + dot(r.pass, x(p.intensity), y(p.speed)) + "</g>";
  }
  return svg;
}

std::string roofs(const Ceiling& c, const Axis& x, const Axis& y) {
  const double left = std::max(std::pow(10, x.low), std::pow(10, y.low) / c.bytes);
  std::string svg;
  for (const Roof& roof : c.roofs) {
    svg += format("<polyline class=\"roof\" points=\"%.1f,%.1f %.1f,%.1f %.1f,%.1f\"/>", x(left),
                  y(left * c.bytes), x(roof.flops / c.bytes), y(roof.flops), x.to, y(roof.flops));
    svg += format("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>", x.to - 6,
                  y(roof.flops) - 7, roof.name.c_str());
  }
  return svg;
}

}  // namespace

std::string number(const char* pattern, double v) {
  char text[64];
  std::snprintf(text, sizeof(text), pattern, v);
  return text;
}

double cost_us(const Row& r) {
  if (!has_run(r.status)) return 0;
  if (r.times) return r.times->median;
  return r.counted ? r.counted->floor.us : 0;
}

std::string bars(const std::vector<const Row*>& rows) {
  double most = 0, least = 0;
  for (const Row* r : rows) {
    const double us = cost_us(*r);
    most = std::max(most, us);
    if (us > 0 && (least == 0 || us < least)) least = us;
  }
  std::string html;
  for (const Row* r : rows) {
    const double us = cost_us(*r);
    if (us <= 0) continue;
    const bool best = us == least;
    html += format("<div class=\"bar c%d%s\"><span class=\"who\">", colour_of(r->engine),
                   best ? " best" : "") +
            escaped(algorithm_of(*r)) + format("</span><span class=\"us\">%.4g us", us);
    if (!best) html += format(" <span class=\"quiet\">&times;%.3g</span>", us / least);
    html += format("</span><i><b style=\"width:%.2f%%\"></b>", std::max(0.5, 100 * us / most));
    if (r->times && r->floor && r->floor->us < most) {
      html += format("<u style=\"left:%.2f%%\"></u>", 100 * r->floor->us / most);
    }
    html += "</i></div>";
  }
  return html;
}

std::string roofline(const Report& report) {
  const std::vector<Point> points = points_of(report);
  if (points.empty()) return "";
  const Ceiling c = ceiling_of(report);
  const double top = std::ranges::max(c.roofs, {}, &Roof::flops).flops;
  const auto [thin, dense] = std::ranges::minmax(points, {}, &Point::intensity);
  const auto [slow, fast] = std::ranges::minmax(points, {}, &Point::speed);
  const Axis x = axis_over(thin.intensity, std::max(dense.intensity, top / c.bytes), 115, 680);
  const Axis y = axis_over(slow.speed, std::max(fast.speed, top), 360, 24);
  return "<p class=\"quiet\">Roofs: " + escaped(c.what) +
         ".</p><div class=\"card plot\" tabindex=\"0\">" +
         "<svg viewBox=\"0 0 720 430\" role=\"img\"><title>Speed over operations a byte</title>" +
         grid(x, y) +
         "<text x=\"400\" y=\"408\" text-anchor=\"middle\">operations for each byte of "
         "operands</text>" +
         roofs(c, x, y) + dots(points, x, y) + "</svg></div>";
}

std::string key(const Report& report, bool passes) {
  std::array<bool, kEngines.size() + 1> seen{};
  for (const Row& r : report.rows) {
    if (cost_us(r) > 0) seen[static_cast<std::size_t>(colour_of(r.engine))] = true;
  }
  std::string html = "<p class=\"key\">";
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (!seen[i]) continue;
    html += format("<span class=\"c%zu\"><b style=\"background:var(--colour)\"></b>%s</span>", i,
                   i < kEngines.size() ? kEngines[i] : "others");
  }
  for (const Pass pass : {Pass::forward, Pass::dgrad, Pass::wgrad}) {
    if (!passes) break;
    html += "<span><svg viewBox=\"0 0 14 14\">" + dot(pass, 7, 7) + "</svg>" +
            std::string(name_of(pass)) + "</span>";
  }
  return html + "</p>";
}

}  // namespace fovea::compare
