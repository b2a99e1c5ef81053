// cifar_folder.cpp - data_batch_1.bin ..., test_batch.bin, batches.meta.txt in one folder.
#include <fovea/core/error.h>
#include <fovea/data/array_dataset.h>
#include <fovea/data/cifar.h>
#include <fovea/data/class_names.h>
#include <fovea/data/formats.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

namespace fovea {
namespace {

namespace fs = std::filesystem;

constexpr int kClasses = 10;
constexpr std::string_view kPrefix = "data_batch_";

std::string batch_name(int number) {
  return std::string(kPrefix) + std::to_string(number) + ".bin";
}

// 3 for "data_batch_3.bin"; 0 for anything else.
int batch_number(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(".bin")) return 0;
  name.remove_prefix(kPrefix.size());
  name.remove_suffix(4);
  int number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool all = error == std::errc() && end == name.data() + name.size();
  return all && number > 0 && std::to_string(number) == name ? number : 0;
}

// Other downloads of the CIFAR page, recognised to say what to do.
void refuse_relatives(const FolderListing& folder) {
  if (folder.has_file("data_batch_1")) {
    throw InvalidArgument(folder.path.string() +
                          ": the Python version of CIFAR-10 (data_batch_1 without .bin); get the "
                          "binary version, cifar-10-binary.tar.gz");
  }
  if (folder.has_file("fine_label_names.txt") && folder.has_file("train.bin")) {
    throw InvalidArgument(folder.path.string() +
                          ": CIFAR-100; of the CIFAR sets only CIFAR-10 is read");
  }
  if (folder.has_file("cifar-10-binary.tar.gz") && folder.folders.empty()) {
    throw InvalidArgument(folder.path.string() +
                          ": CIFAR-10 is still packed; unpack it with: tar xzf "
                          "cifar-10-binary.tar.gz");
  }
}

std::vector<std::string> name_classes(const FolderListing& folder, const OpenOptions& options) {
  std::vector<std::string> names = given_names(folder, options);
  fs::path from = options.labels.empty() ? folder.path / "labels.txt" : options.labels;
  if (names.empty() && folder.has_file("batches.meta.txt")) {
    from = folder.path / "batches.meta.txt";
    names = read_class_names(from);
  }
  if (names.empty()) return cifar10().classes;
  if (names.size() != kClasses) {
    throw FormatError(from.string() + ": " + std::to_string(names.size()) +
                      " class names; CIFAR-10 has 10");
  }
  return names;
}

std::shared_ptr<const Dataset> dataset(CifarImages images) {
  return std::make_shared<ArrayDataset>(kCifarSize, std::move(images.pixels),
                                        std::move(images.labels), kClasses);
}

}  // namespace

std::optional<DataSets> open_cifar_folder(const FolderListing& folder, const OpenOptions& options) {
  int batches = 0;
  for (const std::string& name : folder.files) batches = std::max(batches, batch_number(name));
  const bool has_test = folder.has_file("test_batch.bin");
  if (batches == 0 && !has_test) {
    refuse_relatives(folder);
    return std::nullopt;
  }
  if (batches == 0) batches = 1;  // named as missing below
  for (int b = 1; b <= batches; ++b) {
    if (folder.has_file(batch_name(b))) continue;
    throw InvalidArgument(folder.path.string() + ": a CIFAR-10 folder without " + batch_name(b) +
                          "; add it");
  }
  DataSets data;
  data.kind = "CIFAR-10";
  data.name = cifar10().name;
  data.class_names = name_classes(folder, options);
  CifarImages images;
  for (int b = 1; b <= batches; ++b) {
    append_cifar_batch(folder.path / batch_name(b), kClasses, images);
  }
  data.training = dataset(std::move(images));
  if (has_test) {
    CifarImages test;
    append_cifar_batch(folder.path / "test_batch.bin", kClasses, test);
    data.test = dataset(std::move(test));
  }
  return data;
}

}  // namespace fovea
