// idx_folder.cpp - {train,t10k}-{images-idx3,labels-idx1}-ubyte[.gz] in one folder.
#include <fovea/core/error.h>
#include <fovea/data/array_dataset.h>
#include <fovea/data/class_names.h>
#include <fovea/data/formats.h>
#include <fovea/data/idx.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace fovea {
namespace {

namespace fs = std::filesystem;

// One part of the set, by the names of its files; empty: not there.
struct Part {
  std::string images, labels;
};

struct IdxFiles {
  Part train, test;
  bool any() const {
    return !train.images.empty() || !train.labels.empty() || !test.images.empty() ||
           !test.labels.empty();
  }
};

// Takes "train-images-idx3-ubyte" and "train-images.idx3-ubyte", with anything before it
// ("emnist-letters-") and .gz after it. The plain file goes before the packed one.
void sort_in(std::string_view name, IdxFiles& files) {
  std::string_view stem = name;
  if (stem.ends_with(".gz")) stem.remove_suffix(3);
  const auto take = [&](std::string& place, std::string_view part, std::string_view kind,
                        std::string_view idx) {
    for (const char separator : {'-', '.'}) {
      const std::string ending =
          std::string(part) + "-" + std::string(kind) + separator + std::string(idx) + "-ubyte";
      if (!stem.ends_with(ending)) continue;
      if (place.empty() || name.size() < place.size()) place = name;
    }
  };
  take(files.train.images, "train", "images", "idx3");
  take(files.train.labels, "train", "labels", "idx1");
  for (const std::string_view test : {"t10k", "test"}) {
    take(files.test.images, test, "images", "idx3");
    take(files.test.labels, test, "labels", "idx1");
  }
}

struct RawPart {
  IdxImages images;
  std::vector<std::int32_t> labels;
};

void expect_both(const fs::path& folder, const Part& part, const std::string& prefix) {
  if (part.images.empty() == part.labels.empty()) return;
  const bool no_labels = part.labels.empty();
  throw InvalidArgument(folder.string() + ": " + (no_labels ? part.images : part.labels) +
                        " is there, " + prefix + (no_labels ? "-labels-idx1" : "-images-idx3") +
                        "-ubyte[.gz] is missing; add it");
}

RawPart read_part(const fs::path& folder, const Part& part) {
  RawPart raw{read_idx_images(folder / part.images), read_idx_labels(folder / part.labels)};
  if (raw.images.count != static_cast<std::int64_t>(raw.labels.size())) {
    throw FormatError(folder.string() + ": " + part.images + " has " +
                      std::to_string(raw.images.count) + " images, " + part.labels + " has " +
                      std::to_string(raw.labels.size()) +
                      " labels; the two files do not belong together");
  }
  return raw;
}

void check_labels(const fs::path& file, const std::vector<std::int32_t>& labels, int classes,
                  const std::string& why) {
  const auto bad = std::ranges::find_if(labels, [&](std::int32_t l) { return l >= classes; });
  if (bad == labels.end()) return;
  throw FormatError(file.string() + ": label " + std::to_string(*bad) + " of image " +
                    std::to_string(bad - labels.begin()) + " is out of range: " + why);
}

std::shared_ptr<const Dataset> dataset(RawPart raw, int classes) {
  return std::make_shared<ArrayDataset>(raw.images.size, std::move(raw.images.pixels),
                                        std::move(raw.labels), classes);
}

// Class names, and why there are that many classes.
std::pair<std::vector<std::string>, std::string> name_classes(const FolderListing& folder,
                                                              const OpenOptions& options,
                                                              const RawPart& train,
                                                              DataSets& data) {
  KnownSet known = recognise(train.labels);
  data.name = known.name;
  std::vector<std::string> names = given_names(folder, options);
  if (!names.empty()) {
    return {std::move(names),
            "there are " + std::to_string(names.size()) + " class names; add the missing ones"};
  }
  if (!known.classes.empty()) return {std::move(known.classes), known.name + " has 10 classes"};
  const std::int32_t largest = *std::ranges::max_element(train.labels);
  return {numbered_names(largest + 1), "training labels run from 0 to " + std::to_string(largest) +
                                           "; name all classes in labels.txt"};
}

}  // namespace

std::optional<DataSets> open_idx_folder(const FolderListing& folder, const OpenOptions& options) {
  IdxFiles files;
  for (const std::string& name : folder.files) sort_in(name, files);
  if (!files.any()) return std::nullopt;
  expect_both(folder.path, files.train, "train");
  expect_both(folder.path, files.test, "t10k");
  if (files.train.images.empty()) {
    throw InvalidArgument(folder.path.string() + ": " + files.test.images +
                          " is there, train-images-idx3-ubyte[.gz] is missing; add it");
  }
  DataSets data;
  data.kind = "IDX";
  RawPart train = read_part(folder.path, files.train);
  auto [names, why] = name_classes(folder, options, train, data);
  data.class_names = std::move(names);
  const int classes = static_cast<int>(data.class_names.size());
  check_labels(folder.path / files.train.labels, train.labels, classes, why);
  const ImageSize size = train.images.size;
  data.training = dataset(std::move(train), classes);
  if (!files.test.images.empty()) {
    RawPart test = read_part(folder.path, files.test);
    check_labels(folder.path / files.test.labels, test.labels, classes, why);
    if (test.images.size != size) {
      const ImageSize& t = test.images.size;
      throw FormatError((folder.path / files.test.images).string() + ": images of " +
                        size_text(t.height, t.width, t.channels) + ", those of " +
                        files.train.images + " are " +
                        size_text(size.height, size.width, size.channels));
    }
    data.test = dataset(std::move(test), classes);
  }
  return data;
}

}  // namespace fovea
