// formats.h - the kinds of data folders that open_data() tells apart. Internal.
#pragma once

#include <fovea/data/open.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fovea {

/// The names directly in a folder, in byte order, without hidden ones.
struct FolderListing {
  std::filesystem::path path;
  std::vector<std::string> files;
  std::vector<std::string> folders;

  bool has_file(const std::string& name) const;
  bool has_folder(const std::string& name) const;
  /// "12 files and 3 folders"; for messages.
  std::string contents() const;
};

/// Throws InvalidArgument where the folder cannot be read.
FolderListing list_folder(const std::filesystem::path& path);

/// Each returns nothing where the folder does not look like its kind, and throws where it does but
/// is not complete. They fill training and test (class folders: all parts), class names, skipped.
std::optional<DataSets> open_idx_folder(const FolderListing& folder, const OpenOptions& options);
std::optional<DataSets> open_cifar_folder(const FolderListing& folder, const OpenOptions& options);

/// What is left: always reads, or throws.
DataSets open_class_folders(const FolderListing& root, const OpenOptions& options);

/// The names asked for by options.labels or present as labels.txt; else empty.
std::vector<std::string> given_names(const FolderListing& folder, const OpenOptions& options);

}  // namespace fovea
