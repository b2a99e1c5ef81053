// open.h - a path becomes training, validation and test pictures with class names.
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/dataset.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fovea {

/// A file below the data folder that is not used, and why: a line of skipped.tsv.
struct SkippedFile {
  std::string path;
  std::string reason;
};

struct OpenOptions {
  /// Fraction of each class held out of the training part; chosen by a hash of the name (class
  /// folders) or number of a picture, so that adding pictures moves none. Empty: 0.1 for class
  /// folders without a validation folder, else 0.
  std::optional<double> validation = std::nullopt;
  /// This many training pictures, drawn by `seed`, classes in proportion; 0: all.
  std::int64_t limit = 0;
  std::uint64_t seed = 1;
  /// Class names, one a line, in the order of the labels; empty: see DataSets::class_names.
  std::filesystem::path labels = {};
  /// Shorter side that pictures will be brought to. Large JPEGs are then decoded at a half, a
  /// quarter or an eighth, never below twice this; 0: always whole.
  int shorter_side = 0;
  /// Threads that look through class folders; 0: available_threads().
  int threads = 0;
};

/// What open_data() found. Parts that are not there are nullptr; training always is.
struct DataSets {
  std::filesystem::path path;
  std::string kind;  // "IDX", "CIFAR-10", "class folders"
  std::string name;  // "Fashion-MNIST", "MNIST", "CIFAR-10" where recognised, else empty
  std::shared_ptr<const Dataset> training;
  std::shared_ptr<const Dataset> validation;
  std::shared_ptr<const Dataset> test;
  /// From OpenOptions::labels, labels.txt, batches.meta.txt, the folders in byte order, the names
  /// of a known set; else the numbers.
  std::vector<std::string> class_names;
  std::vector<SkippedFile> skipped;
};

/// Opens a data set: a folder with train/ and val/, valid/ or validation/ and perhaps test/, each
/// with class folders; a folder of class folders; IDX files ({train,t10k}-{images-idx3,
/// labels-idx1}-ubyte[.gz]); CIFAR-10 binary batches.
/// Throws InvalidArgument (what was asked cannot be used as a data set) or FormatError (a file is
/// broken), each with one line: what, where, what to do.
FOVEA_API DataSets open_data(const std::filesystem::path& path, const OpenOptions& options = {});

/// "60,000 training, 10,000 test images, 28x28x1, 10 classes".
FOVEA_API std::string summary(const DataSets& data);

/// The text of skipped.tsv: "path<TAB>reason", one a line, after a line of headings.
FOVEA_API std::string skipped_tsv(const DataSets& data);

}  // namespace fovea
