#include <fovea/kernels/compare/row.h>

#include <algorithm>

namespace fovea::compare {

std::string algorithm_of(const Row& r) {
  return r.engine + ":" + r.algorithm + (r.variant.empty() ? "" : " " + r.variant) +
         (r.layout.empty() || r.layout == "nhwc" ? "" : " on " + r.layout);
}

std::string summary(const std::vector<Row>& rows) {
  std::string text = "rows " + std::to_string(rows.size()) + ":";
  for (const Status s : kStatuses) {
    const auto count = std::ranges::count(rows, s, &Row::status);
    if (s == Status::unchecked && count == 0) continue;
    text += (s == Status::ok ? " " : ", ") + std::to_string(count) + " " + std::string(name_of(s));
  }
  return text;
}

bool all_right(const std::vector<Row>& rows) {
  return std::ranges::none_of(rows, is_bad, &Row::status);
}

}  // namespace fovea::compare
