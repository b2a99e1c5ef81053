// tensorboard.h - the records of a run as TensorBoard reads them: tensorboard/SPLIT/ holds one
// event file for each of train, validation and test, so that their curves lie over each other.
// Internal.
//
// An event file is a sequence of TFRecords, each an Event message of
// tensorflow/core/util/event.proto in protocol buffers' wire format.
#pragma once

#include <fovea/train/metrics_log.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace fovea {

/// One scalar of an event.
struct EventScalar {
  std::string_view tag;
  float value = 0;
};

/// `data` between its length and the masked CRC-32C of either, as TFRecord frames it.
std::string tfrecord(std::string_view data);
/// An Event with a summary of scalars; `wall_time` in seconds since 1970.
std::string scalar_event(double wall_time, std::int64_t step, std::span<const EventScalar> scalars);
/// The Event that every file begins with.
std::string version_event(double wall_time);

class TensorBoardLog {
 public:
  /// Writes the records so far into `folder` anew: a resumed run neither repeats nor leaves out a
  /// step. Wall times are `origin` (seconds since 1970) plus the run's own seconds, so that pauses
  /// between starts take no room on the axis. `top5`: whether that error says anything.
  TensorBoardLog(std::filesystem::path folder, std::span<const MetricsLine> so_far, double origin,
                 bool top5);
  void write(const MetricsLine& line);
  /// Makes the events so far visible to others. Throws Error where the disk is full.
  void flush();

 private:
  std::string event_of(const MetricsLine& line) const;
  std::filesystem::path path_of(const std::string& split) const;
  std::ofstream& begin(const std::string& split, const std::string& events);

  std::filesystem::path folder_;
  double origin_;
  bool top5_;
  std::map<std::string, std::ofstream> files_;  // by split
};

}  // namespace fovea
