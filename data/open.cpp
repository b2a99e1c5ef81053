// open.cpp - tells the kinds of data folders apart, then does what is common to all.
#include <fovea/core/error.h>
#include <fovea/data/class_names.h>
#include <fovea/data/formats.h>
#include <fovea/data/open.h>
#include <fovea/data/split.h>
#include <fovea/data/subset.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace fovea {
namespace {

namespace fs = std::filesystem;

std::string plural(std::size_t n, const std::string& thing) {
  return std::to_string(n) + " " + thing + (n == 1 ? "" : "s");
}

// 60000 -> "60,000".
std::string grouped(std::int64_t n) {
  const std::string digits = std::to_string(n);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

// "IDX" or "CIFAR-10" where a folder has files named as theirs.
std::string kind_by_names(const FolderListing& folder) {
  for (const std::string& name : folder.files) {
    if (name.find("-ubyte") != std::string::npos) return "IDX";
    if (name.starts_with("data_batch_")) return "CIFAR-10";
  }
  return {};
}

// Downloads often unpack into a folder of their own: say which, do not guess.
void refuse_if_one_below(const FolderListing& folder) {
  constexpr std::size_t kFew = 4;
  if (folder.folders.size() > kFew) return;
  for (const std::string& name : folder.folders) {
    const std::string kind = kind_by_names(list_folder(folder.path / name));
    if (kind.empty()) continue;
    throw InvalidArgument(folder.path.string() + ": the " + kind + " files are in " + name +
                          "; give " + (folder.path / name).string());
  }
}

DataSets open_folder(const FolderListing& folder, const OpenOptions& options) {
  if (std::optional<DataSets> data = open_idx_folder(folder, options)) return std::move(*data);
  if (std::optional<DataSets> data = open_cifar_folder(folder, options)) return std::move(*data);
  refuse_if_one_below(folder);
  return open_class_folders(folder, options);
}

// A file name may hold anything but "/"; a cell of a table no tab and no line end.
std::string cell(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return c < 0x20 || c == 0x7F; }, '?');
  return text;
}

}  // namespace

bool FolderListing::has_file(const std::string& name) const {
  return std::ranges::binary_search(files, name);
}

bool FolderListing::has_folder(const std::string& name) const {
  return std::ranges::binary_search(folders, name);
}

std::string FolderListing::contents() const {
  if (files.empty() && folders.empty()) return "it is empty";
  return plural(files.size(), "file") + " and " + plural(folders.size(), "folder") + " in it";
}

FolderListing list_folder(const fs::path& path) {
  FolderListing listing{path, {}, {}};
  std::error_code error;
  fs::directory_iterator it(path, error);
  while (!error && it != fs::directory_iterator()) {
    const std::string name = it->path().filename().string();
    std::error_code unknown;
    if (!name.starts_with('.')) {
      (it->is_directory(unknown) ? listing.folders : listing.files).push_back(name);
    }
    it.increment(error);
  }
  if (error) throw InvalidArgument(path.string() + ": cannot be read: " + error.message());
  // Bytes compare as unsigned in std::string, the same on every machine and in every locale.
  std::ranges::sort(listing.files);
  std::ranges::sort(listing.folders);
  return listing;
}

std::vector<std::string> given_names(const FolderListing& folder, const OpenOptions& options) {
  if (!options.labels.empty()) return read_class_names(options.labels);
  if (folder.has_file("labels.txt")) return read_class_names(folder.path / "labels.txt");
  return {};
}

DataSets open_data(const fs::path& path, const OpenOptions& options) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    throw InvalidArgument(path.string() + ": no such folder; give the folder of a data set");
  }
  if (!fs::is_directory(status)) {
    throw InvalidArgument(path.string() + ": a file; give the folder that holds the data set");
  }
  if (options.validation) check_fraction(*options.validation);
  DataSets data = open_folder(list_folder(path), options);
  data.path = path;
  if (data.class_names.size() < 2) {
    throw InvalidArgument(path.string() + ": one class only (" + data.class_names.front() +
                          "); a net needs two or more to tell apart");
  }
  if (!data.validation && options.validation && data.kind != "class folders") {
    hold_out_by_number(data, *options.validation);
  }
  if (options.limit != 0) data.training = limited(data.training, options.limit, options.seed);
  return data;
}

std::string summary(const DataSets& data) {
  std::string text = grouped(data.training->size()) + " training";
  if (data.validation) text += ", " + grouped(data.validation->size()) + " validation";
  if (data.test) text += ", " + grouped(data.test->size()) + " test";
  text += " images";
  if (const std::optional<ImageSize> size = data.training->image_size()) {
    text += ", " + size_text(size->height, size->width, size->channels);
  } else {
    text += data.training->channels() == 1 ? ", grey, of different sizes"
                                           : ", colour, of different sizes";
  }
  return text + ", " + std::to_string(data.class_names.size()) + " classes";
}

std::string skipped_tsv(const DataSets& data) {
  std::string text = "path\treason\n";
  for (const SkippedFile& s : data.skipped) text += cell(s.path) + "\t" + cell(s.reason) + "\n";
  return text;
}

}  // namespace fovea
