// report.h - a whole comparison: written as compare.json, CSV and a page, read again as a baseline.
#pragma once

#include <fovea/kernels/compare/compare.h>

#include <string>
#include <vector>

namespace fovea::compare {

/// Where a comparison was made. Times of two machines are not compared.
struct Machine {
  std::string device;  // "NVIDIA H100 80GB HBM3", or the CPU's name
  int capability = 0;
  std::string driver, cuda, cudnn, onednn, cpu;
  double clock_mhz = 0, power_limit_w = 0;
  int threads = 0;  // of a CPU that computes; 0: not known
};

struct Report {
  std::string fovea, date, command;  // version, ISO 8601 in UTC, the command line
  Machine machine;
  Ceilings ceilings;
  std::vector<Row> rows;
};

/// What can be asked of device and driver; versions of libraries are the caller's to fill in.
FOVEA_API Machine machine_of(const Device& device);

/// Its part of compare.json.
FOVEA_API std::string to_json(const Machine& machine);
/// compare.json, as docs/compare.md describes it.
FOVEA_API std::string to_json(const Report& report);
/// The inverse. Throws FormatError for anything else.
FOVEA_API Report parse_report(const std::string& json);
/// One line a row, under the names that its facts have in compare.json; empty where not known.
FOVEA_API std::string to_csv(const std::vector<Row>& rows);
/// compare.html: one file, no script, nothing from elsewhere.
FOVEA_API std::string to_html(const Report& report);

/// A row that became slower, or whose counted work grew.
struct Regression {
  std::string row;   // "conv:... forward fp32 fovea:naive"
  std::string what;  // "median 120.0 us, was 100.0 us"
};
/// What is not the same in both though the machine is: versions of fovea, driver and libraries, the
/// power limit. "cuDNN was '9.1' and is '9.5'". It may be what is asked about, so nothing is
/// refused.
FOVEA_API std::vector<std::string> changes(const Report& old, const Report& now);
/// Rows that ran in both.
FOVEA_API std::size_t rows_in_both(const Report& old, const Report& now);
/// Rows that ran in the old report and do not now though they were asked for: "conv:... forward
/// fp32 fovea:naive is declined: ...".
FOVEA_API std::vector<std::string> stopped_running(const Report& old, const Report& now);
/// Rows that ran in the old report and are not in `now`.
FOVEA_API std::size_t rows_missing(const Report& old, const Report& now);

/// Rows of `now` whose p10 is above the old p90 and whose median is more than 3 % higher; on the
/// emulator those whose floor by counted work is. Throws InvalidArgument where device, capability
/// or CPU differ, naming which.
FOVEA_API std::vector<Regression> regressions(const Report& old, const Report& now);

}  // namespace fovea::compare
