#include <fovea/tests/support/coverage_table.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <iomanip>
#include <sstream>

namespace fovea::test {
namespace {

class PrintAtEnd : public ::testing::Environment {
 public:
  void TearDown() override {
    std::fputs(CoverageTable::instance().text().c_str(), stdout);
    std::fflush(stdout);
  }
};

const ::testing::Environment* const kPrintAtEnd =
    ::testing::AddGlobalTestEnvironment(new PrintAtEnd);

}  // namespace

CoverageTable& CoverageTable::instance() {
  static_cast<void>(kPrintAtEnd);
  static CoverageTable table;
  return table;
}

void CoverageTable::ran(const std::string& algorithm, const std::string& list) {
  ++rows_[algorithm][list].ran;
}

void CoverageTable::declined(const std::string& algorithm, const std::string& list,
                             const std::string& why) {
  ++rows_[algorithm][list].declined[why];
}

std::string CoverageTable::text() const {
  std::ostringstream out;
  for (const auto& [algorithm, lists] : rows_) {
    for (const auto& [list, cell] : lists) {
      out << std::left << std::setw(56) << algorithm << std::setw(10) << list << std::right
          << std::setw(4) << cell.ran << " ran";
      for (const auto& [why, count] : cell.declined) {
        out << ", " << count << " declined (" << why << ")";
      }
      out << "\n";
    }
  }
  return out.str();
}

}  // namespace fovea::test
