#include <fovea/kernels/compare/difference.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

namespace fovea::compare {
namespace {

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

// tolerance: nullptr where all must be equal.
template <class T>
Difference differing(const HostTensor& got, const HostTensor& want, const double* tolerance) {
  const auto g = got.as<T>(), w = want.as<T>();
  Difference d;
  d.of = w.size();
  if (got.bytes == want.bytes) return d;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const auto a = static_cast<double>(g[i]), b = static_cast<double>(w[i]);
    if (same(a, b)) continue;
    const double allowed = tolerance != nullptr ? tolerance[i] : 0;
    double apart = std::abs(a - b);
    if (std::isnan(apart)) apart = std::numeric_limits<double>::infinity();
    d.max_abs = std::max(d.max_abs, apart);
    d.bound_ratio = std::max(d.bound_ratio, apart / allowed);  // infinite where none is allowed
    if (apart <= allowed) continue;
    if (d.count++ == 0) {
      d.first = place(want.shape, i);
      d.got = a;
      d.want = b;
    }
  }
  return d;
}

Difference by_type(const HostTensor& got, const HostTensor& want, const double* tolerance) {
  switch (want.dtype) {
    case DType::f32:
      return differing<float>(got, want, tolerance);
    case DType::i32:
      return differing<std::int32_t>(got, want, tolerance);
    case DType::u8:
      return differing<std::uint8_t>(got, want, tolerance);
    case DType::bf16:
      return differing<std::uint16_t>(got, want, nullptr);
  }
  return {};
}

}  // namespace

std::string place(const Shape& shape, std::size_t at) {
  std::string text;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    const auto extent = static_cast<std::size_t>(shape[axis]);
    text = std::to_string(at % extent) + (text.empty() ? "" : ",") + text;
    at /= extent;
  }
  return "[" + text + "]";
}

Difference difference(const HostTensor& got, const HostTensor& want) {
  return by_type(got, want, nullptr);
}

Difference difference(const HostTensor& got, const HostTensor& want,
                      const std::vector<double>& tolerance) {
  return by_type(got, want, tolerance.data());
}

std::string to_string(const Difference& d) {
  if (!d) return "";
  std::ostringstream s;
  s.precision(9);
  s << d.count << " of " << d.of << " elements differ, first at " << d.first << " " << d.got
    << " instead of " << d.want;
  if (std::isfinite(d.bound_ratio)) s << ", at worst " << d.bound_ratio << " times the tolerance";
  return s.str();
}

double zeros(const HostTensor& t) {
  const auto values = t.as<float>();
  if (values.empty()) return 0;
  return static_cast<double>(std::ranges::count(values, 0.0F)) / static_cast<double>(values.size());
}

}  // namespace fovea::compare
