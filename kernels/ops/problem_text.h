// problem_text.h - problems as text: letters then digits, in any order, longest name first, then
// epilogues: "n128c96h27k256r5ph2:1g2+bias+relu". Every failure of a test is such a line.
#pragma once

#include <fovea/core/api.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fovea {

/// Parsed fields of a problem. Reading a field marks it; done() refuses what nobody read.
class FOVEA_API ProblemText {
 public:
  /// Splits `text` by the given field names. Throws InvalidArgument with a caret under what is not
  /// understood.
  ProblemText(std::string_view text, std::vector<std::string> names,
              std::vector<std::string> epilogues = {});

  bool has(std::string_view name) const { return values_.contains(std::string(name)); }
  /// The field as a count of at least `least`. Throws InvalidArgument where it is missing and
  /// `fallback` is below 0, or out of range.
  int count(std::string_view name, int fallback = -1, int least = 1) const;
  /// A field written as a decimal number.
  float real(std::string_view name, float fallback) const;
  /// "2" or "2:1": begin and end.
  std::pair<int, int> pair(std::string_view name, std::pair<int, int> fallback) const;
  bool flag(std::string_view epilogue) const;

 private:
  [[noreturn]] void fail(std::size_t at, const std::string& what) const;
  int parse_count(std::string_view digits, std::string_view name, int least) const;

  std::string text_;
  std::map<std::string, std::string> values_;
  std::vector<std::string> flags_;
};

/// A number without trailing zeros: "0.0005", "0.75", "2".
FOVEA_API std::string compact(float v);

}  // namespace fovea
