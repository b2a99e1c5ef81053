#include <fovea/core/error.h>
#include <fovea/train/metrics_log.h>

#include <nlohmann/json.hpp>

namespace fovea {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const MetricsLine& m, bool top5) {
  Json j = {{"step", m.step},
            {"epoch", m.epoch},
            {"images", m.score.images},
            {"loss", m.score.loss},
            {"top1_error", m.score.top1_error},
            {"top5_error", nullptr},
            {"learning_rate", m.learning_rate},
            {"images_per_second", m.images_per_second},
            {"seconds", m.seconds},
            {"run_seconds", m.run_seconds},
            {"split", m.split}};
  if (top5) j["top5_error"] = m.score.top5_error;
  return j.dump();
}

MetricsLine parse_line(const std::string& text, const std::string& where) {
  try {
    const Json j = Json::parse(text);
    MetricsLine m;
    m.step = j.at("step");
    m.epoch = j.at("epoch");
    m.score.images = j.at("images");
    m.score.loss = j.at("loss").is_null() ? 0.0 : j.at("loss").get<double>();
    m.score.top1_error = j.at("top1_error");
    if (!j.at("top5_error").is_null()) m.score.top5_error = j.at("top5_error");
    m.learning_rate = j.at("learning_rate");
    m.images_per_second = j.at("images_per_second");
    m.seconds = j.at("seconds");
    m.run_seconds = j.at("run_seconds");
    m.split = j.at("split");
    return m;
  } catch (const nlohmann::json::exception&) {
    throw FormatError(where + " is no line of metrics: delete it, or start a new run");
  }
}

}  // namespace

std::vector<MetricsLine> read_metrics_log(const std::filesystem::path& path) {
  std::vector<MetricsLine> lines;
  std::ifstream file(path);
  std::string text;
  while (std::getline(file, text)) {
    if (file.eof()) break;  // no newline at its end: a line cut off by a crash
    lines.push_back(parse_line(text, path.string() + ", line " + std::to_string(lines.size() + 1)));
  }
  return lines;
}

MetricsLog::MetricsLog(const std::filesystem::path& path, std::int64_t step, bool top5)
    : path_{path}, top5_{top5} {
  std::string kept;
  for (const MetricsLine& line : read_metrics_log(path)) {
    if (line.step > step) continue;
    lines_.push_back(line);
    kept += text_of(line, top5_) + "\n";
  }
  write_file_atomically(path.string(), kept);
  file_.open(path, std::ios::app);
  if (!file_) throw Error(path.string() + " cannot be appended to: check permissions");
}

void MetricsLog::write(const MetricsLine& line) {
  lines_.push_back(line);
  file_ << text_of(line, top5_) << '\n';
}

void MetricsLog::flush() {
  if (!file_.flush()) {
    throw Error(path_.string() + " could not be written: is the disk full?");
  }
}

}  // namespace fovea
