// signals.h - SIGINT and SIGTERM ask for a stop after the running step. Internal to cli/.
#pragma once

namespace fovea::cli {

/// While it lives, the first signal sets the flag; a second one ends the process at once.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  /// The signal that came, or 0.
  static int received();
};

}  // namespace fovea::cli
