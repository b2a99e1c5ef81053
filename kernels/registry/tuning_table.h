// tuning_table.h - what was found fastest, as text that a person can read, edit and commit.
//
//   # fovea tuning 1
//   [cpu Intel(R) Xeon(R), 2 threads; oneDNN 2.6.3; fovea 0.1.0]
//   conv forward n64c1h28k20r5 | fp32 | deterministic | any workspace | onednn:direct nhwc |
//     73.1 us | onednn:direct 73.1, fovea:naive 950.4, onednn:winograd declined
//
// (An entry is one line.) In brackets the machine that the lines below it were measured on. An
// entry says what was asked, the winner with its median time, and of each algorithm that was tried
// the best time, or that it was passed over: `declined` (the limits, what it cannot run here) or
// `failed` (anything else, memory too). Without that last field it is a person's word and holds
// whatever else is there. Empty lines and lines that begin with # are kept.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/ops/tuner.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea {

struct TuningEntry {
  std::string engine, algorithm;
  Variant variant;
  double us = 0;                                      // median; 0: not measured
  std::vector<std::pair<std::string, double>> timed;  // "onednn:direct", best us; may be empty
  /// Tried in vain under the same limits, by name: kDeclined or kFailed.
  std::vector<std::pair<std::string, std::string>> passed_over = {};
  static constexpr std::string_view kDeclined = "declined", kFailed = "failed";
  friend bool operator==(const TuningEntry&, const TuningEntry&) = default;
};

/// Entries by machine and question, both as text.
class FOVEA_API TuningTable {
 public:
  static constexpr std::string_view kHeader = "# fovea tuning 1";

  /// Throws FormatError where the text does not begin with kHeader: it is no such table. Lines that
  /// are wrong are kept as they are, but hold nothing; complaint() tells of them.
  static TuningTable parse(std::string_view text);
  std::string text() const;
  /// One sentence on the lines that parse() could not use; "" where there are none.
  const std::string& complaint() const { return complaint_; }

  /// The last such entry; nullptr where there is none.
  const TuningEntry* find(std::string_view machine, std::string_view question) const;
  /// Adds or replaces. What would not read back as it is (a name with a bar in it) is left out.
  void put(const std::string& machine, const std::string& question, const TuningEntry& entry);
  /// Puts all of the other's entries.
  void put_all(const TuningTable& other);
  /// Number of entries.
  std::size_t size() const;

 private:
  struct Line {
    std::string text;     // as it stands in the file
    std::string machine;  // of the brackets above it
    std::string question;
    std::optional<TuningEntry> entry;
  };
  std::vector<Line> lines_;
  std::string complaint_;
};

/// "conv forward n64c1h28k20r5 | fp32 | deterministic | any workspace".
FOVEA_API std::string question_text(const TuningQuestion& q);
/// What times depend on beside the problem: "cpu Intel(R) Xeon(R), 2 threads; oneDNN 2.6.3; fovea
/// 0.1.0", or the card, its driver and cuDNN.
FOVEA_API std::string tuning_machine(const DeviceInfo& device);

}  // namespace fovea
