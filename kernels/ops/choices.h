// choices.h - who computed each op of a run, by name: what the run's bits depend on, kept with it
// and used again when it goes on.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/ops/algorithm.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fovea {

struct ChoiceRecord {
  std::string layer, op;
  Pass pass = Pass::forward;
  std::string problem;
  std::string engine, algorithm;
  Variant variant;
  friend bool operator==(const ChoiceRecord&, const ChoiceRecord&) = default;
};

/// Records by layer, op, pass and problem.
class FOVEA_API ChoiceRecords {
 public:
  /// One a line, fields separated by tabs.
  std::string text() const;
  /// The inverse. Throws FormatError, naming the line.
  static ChoiceRecords parse(std::string_view text);

  /// Adds it unless the op is recorded already.
  void add(const ChoiceRecord& record);
  /// nullptr: not recorded.
  const ChoiceRecord* find(std::string_view layer, std::string_view op, Pass pass,
                           std::string_view problem) const;
  /// Whether the problem, or it with a larger epilogue, is recorded: how ops were joined.
  bool joined(std::string_view layer, std::string_view op, Pass pass,
              std::string_view problem) const;
  const std::vector<ChoiceRecord>& all() const { return records_; }
  friend bool operator==(const ChoiceRecords& a, const ChoiceRecords& b) {
    return a.records_ == b.records_;
  }

 private:
  std::vector<ChoiceRecord> records_;
  std::map<std::string, std::size_t, std::less<>> index_;  // by layer, op, pass, problem
};

}  // namespace fovea
