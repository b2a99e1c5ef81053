#include <fovea/kernels/compare/row.h>

#include <algorithm>

namespace fovea::compare {

std::string algorithm_of(const Row& r) {
  return r.engine + ":" + r.algorithm + (r.variant.empty() ? "" : " " + r.variant) +
         (r.layout.empty() || r.layout == "nhwc" ? "" : " on " + r.layout);
}

std::string summary(const std::vector<Row>& rows) {
  std::string text = "rows " + std::to_string(rows.size()) + ":";
  for (const Status s :
       {Status::ok, Status::declined, Status::wrong, Status::mistrusted, Status::failed}) {
    text += (s == Status::ok ? " " : ", ") +
            std::to_string(std::ranges::count(rows, s, &Row::status)) + " " +
            std::string(name_of(s));
  }
  return text;
}

bool all_right(const std::vector<Row>& rows) {
  return std::ranges::all_of(
      rows, [](const Row& r) { return r.status == Status::ok || r.status == Status::declined; });
}

}  // namespace fovea::compare
