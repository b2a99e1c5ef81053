// metrics_log.h - metrics.jsonl: one JSON object a line, appended as the run goes.
#pragma once

#include <fovea/core/api.h>
#include <fovea/train/trainer.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace fovea {

/// A line of metrics.jsonl. Errors are fractions.
struct MetricsLine {
  std::int64_t step = 0;  // steps done
  int epoch = 0;          // from 1
  Score score;
  float learning_rate = 0;
  double images_per_second = 0;
  double seconds = 0;      // since this start
  double run_seconds = 0;  // over all starts
  std::string split;       // train, validation, test
};

class FOVEA_API MetricsLog {
 public:
  /// Appends to `path`; lines beyond `step` are dropped first, so that a resumed run neither
  /// repeats nor leaves out a step. `top5`: whether that error says anything (more than 5 classes).
  MetricsLog(const std::filesystem::path& path, std::int64_t step, bool top5);
  void write(const MetricsLine& line);
  /// Makes the lines so far visible to others. Throws Error where the disk is full.
  void flush();
  /// Lines so far, of this start and those before: what the report draws.
  const std::vector<MetricsLine>& lines() const { return lines_; }

 private:
  std::filesystem::path path_;
  std::ofstream file_;
  std::vector<MetricsLine> lines_;
  bool top5_;
};

/// Reads a metrics.jsonl. Throws FormatError naming the line.
FOVEA_API std::vector<MetricsLine> read_metrics_log(const std::filesystem::path& path);

}  // namespace fovea
