// coverage_table.h - what ran and what declined, and why: a declined problem is not a passed one.
#pragma once

#include <map>
#include <string>

namespace fovea::test {

/// Cells of (algorithm, list) -> how many problems ran, and how many were declined for which
/// reason.
class CoverageTable {
 public:
  /// The table of this process, printed when its tests have ended.
  static CoverageTable& instance();
  void ran(const std::string& algorithm, const std::string& list);
  void declined(const std::string& algorithm, const std::string& list, const std::string& why);
  /// One line a cell; "" where nothing was noted.
  std::string text() const;

 private:
  struct Cell {
    int ran = 0;
    std::map<std::string, int> declined;
  };
  std::map<std::string, std::map<std::string, Cell>> rows_;
};

}  // namespace fovea::test
