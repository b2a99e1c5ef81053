#include <fovea/tests/support/compare.h>

#include <cmath>
#include <functional>
#include <sstream>

namespace fovea::test {
namespace {

// "2,0,13,5": where element `at` lies.
std::string place(const Shape& shape, std::size_t at) {
  std::string text;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    const auto extent = static_cast<std::size_t>(shape[axis]);
    text = std::to_string(at % extent) + (text.empty() ? "" : ",") + text;
    at /= extent;
  }
  return text;
}

template <class T>
std::string differing(const HostTensor& got, const HostTensor& want,
                      const std::function<bool(double, double, std::size_t)>& equal) {
  std::size_t count = 0;
  std::ostringstream first;
  first.precision(9);
  const auto g = got.as<T>(), w = want.as<T>();
  for (std::size_t i = 0; i < w.size(); ++i) {
    const auto a = static_cast<double>(g[i]), b = static_cast<double>(w[i]);
    if (equal(a, b, i)) continue;
    if (count++ == 0) first << "at [" << place(want.shape, i) << "] " << a << " instead of " << b;
  }
  if (count == 0) return "";
  return std::to_string(count) + " of " + std::to_string(w.size()) + " elements differ, first " +
         first.str();
}

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

}  // namespace

std::string differences(const HostTensor& got, const HostTensor& want) {
  const auto equal = [](double a, double b, std::size_t) { return same(a, b); };
  switch (want.dtype) {
    case DType::f32:
      return differing<float>(got, want, equal);
    case DType::i32:
      return differing<std::int32_t>(got, want, equal);
    case DType::u8:
      return differing<std::uint8_t>(got, want, equal);
    case DType::bf16:
      return differing<std::uint16_t>(got, want, equal);
  }
  return "unknown type";
}

std::string differences(const HostTensor& got, const HostTensor& want,
                        const std::vector<double>& tolerance) {
  if (want.dtype != DType::f32) return differences(got, want);
  double worst = 0;  // difference over tolerance
  const auto within = [&](double a, double b, std::size_t i) {
    if (same(a, b)) return true;
    if (!(std::abs(a - b) <= tolerance[i])) {
      worst = std::max(worst, std::abs(a - b) / tolerance[i]);
      return false;
    }
    return true;
  };
  const std::string text = differing<float>(got, want, within);
  return text.empty() ? "" : text + ", at worst " + std::to_string(worst) + " times the tolerance";
}

double zeros(const HostTensor& t) {
  std::size_t count = 0;
  for (const float v : t.as<float>()) count += v == 0;
  return t.empty() ? 0 : static_cast<double>(count) / static_cast<double>(t.as<float>().size());
}

}  // namespace fovea::test
