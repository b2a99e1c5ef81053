#include <fovea/core/error.h>
#include <fovea/core/shape.h>

namespace fovea {

std::int64_t checked_mul(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (a < 0 || b < 0 || __builtin_mul_overflow(a, b, &product)) {
    throw InvalidArgument("size " + std::to_string(a) + " x " + std::to_string(b) +
                          " is not a count of at most 63 bits");
  }
  return product;
}

Shape::Shape(std::initializer_list<std::int64_t> extents) {
  if (extents.size() > kMaxRank) {
    throw InvalidArgument("a shape has at most 4 extents, not " + std::to_string(extents.size()));
  }
  for (const std::int64_t e : extents) {
    if (e < 0) throw InvalidArgument("extent " + std::to_string(e) + " of a shape is negative");
    extent_[static_cast<std::size_t>(rank_++)] = e;
  }
  static_cast<void>(elements());  // refuses a product that does not fit
}

std::int64_t Shape::elements() const {
  std::int64_t count = 1;
  for (int i = 0; i < rank_; ++i) count = checked_mul(count, (*this)[i]);
  return count;
}

Shape Shape::with_first(std::int64_t n) const {
  Shape s = *this;
  s.extent_[0] = n;
  static_cast<void>(s.elements());
  return s;
}

std::string to_string(const Shape& s) {
  if (s.rank() == 0) return "scalar";
  std::string text;
  for (int i = 0; i < s.rank(); ++i) {
    if (i != 0) text += 'x';
    text += std::to_string(s[i]);
  }
  return text;
}

}  // namespace fovea
