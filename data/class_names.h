// class_names.h - what the labels of a data set are called. Internal.
#pragma once

#include <fovea/core/api.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace fovea {

/// A well-known set: its name and those of its classes.
struct KnownSet {
  std::string name;
  std::vector<std::string> classes;
};

/// The known set that a file of training labels belongs to, by its first sixteen labels and their
/// number; an empty name where it is none (MNIST and Fashion-MNIST have the same file names).
KnownSet recognise(std::span<const std::int32_t> training_labels);
/// CIFAR-10, by its file names.
KnownSet cifar10();

/// Names one a line. Throws InvalidArgument (no such file) or FormatError (empty, an empty line, or
/// a name twice).
std::vector<std::string> read_class_names(const std::filesystem::path& path);

/// "0", "1", ...
std::vector<std::string> numbered_names(int classes);

}  // namespace fovea
