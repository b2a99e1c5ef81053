#include <fovea/core/error.h>
#include <fovea/core/log.h>
#include <fovea/train/safetensors.h>
#include <fovea/train/tuning_file.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

namespace fovea {
namespace {

namespace fs = std::filesystem;

// What the file holds, nothing where there is none or an empty one. Throws FormatError.
TuningTable load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  return text.str().empty() ? TuningTable() : TuningTable::parse(text.str());
}

// Adds to the file; where that cannot be done says so once, however many problems are timed.
class Adder {
 public:
  explicit Adder(std::string path) : path_{std::move(path)} {}
  // Read again before it is written: another run may have added to it.
  void operator()(const TuningTable& entries) {
    try {
      TuningTable all = load(path_);
      all.put_all(entries);
      write_file_atomically(path_, all.text());
    } catch (const Error& e) {
      if (std::exchange(told_, true)) return;
      log(LogLevel::warning, "tuning file " + path_ + ": nothing is added to it: " + e.what());
    }
  }

 private:
  std::string path_;
  bool told_ = false;
};

}  // namespace

std::shared_ptr<TimingTuner> file_tuner(const std::string& path) {
  if (path.empty()) return std::make_shared<TimingTuner>();
  const fs::path folder = fs::path(path).parent_path();
  if (!folder.empty() && !fs::is_directory(folder)) {
    throw InvalidArgument("tuning file " + path + ": there is no folder " + folder.string() +
                          "; make it, or name another file");
  }
  try {
    TuningTable known = load(path);
    if (!known.complaint().empty()) {
      log(LogLevel::warning, "tuning file " + path + ": " + known.complaint());
    }
    return std::make_shared<TimingTuner>(std::move(known), Adder(path));
  } catch (const FormatError& e) {
    log(LogLevel::warning, "tuning file " + path + " is neither read nor written: " + e.what());
    return std::make_shared<TimingTuner>();
  }
}

}  // namespace fovea
