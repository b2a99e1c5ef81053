// class_folders.cpp - train/, val/ and test/ with class folders, or class folders alone.
#include <fovea/core/error.h>
#include <fovea/core/thread_pool.h>
#include <fovea/data/class_names.h>
#include <fovea/data/decode.h>
#include <fovea/data/formats.h>
#include <fovea/data/image_folder.h>
#include <fovea/data/split.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

namespace fovea {
namespace {

namespace fs = std::filesystem;

constexpr double kDefaultValidation = 0.1;
constexpr std::array kValidationNames{"val", "valid", "validation"};

// Files that were seen, as paths below the data folder.
struct Found {
  std::vector<PictureFile> pictures;
  std::vector<SkippedFile> skipped;
};

// Appends all files below root / relative to `files`, in byte order, folders followed in place.
void walk(const fs::path& root, const std::string& relative, std::vector<fs::path>& above,
          std::vector<std::string>& files, std::vector<SkippedFile>& skipped) {
  std::error_code error;
  const fs::path here = fs::canonical(root / relative, error);
  if (error) {
    throw InvalidArgument((root / relative).string() + ": cannot be read: " + error.message());
  }
  if (std::ranges::find(above, here) != above.end()) {
    skipped.push_back({relative, "a link to a folder that contains it"});
    return;
  }
  above.push_back(here);
  const FolderListing listing = list_folder(root / relative);
  for (const std::string& name : listing.files) files.push_back(relative + "/" + name);
  for (const std::string& name : listing.folders) {
    walk(root, relative + "/" + name, above, files, skipped);
  }
  above.pop_back();
}

// Which of the files are pictures, looked at by several threads; the order stays.
Found sort_out(const fs::path& root, const std::vector<std::string>& files, std::int32_t label,
               const DecodeOptions& options, ThreadPool& pool) {
  std::vector<PictureInfo> infos(files.size());
  std::vector<std::string> wrong(files.size());
  pool.parallel_for(
      static_cast<std::int64_t>(files.size()), 16, [&](std::int64_t begin, std::int64_t end) {
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
          wrong[i] = probe(root / files[i], options, infos[i]);
        }
      });
  Found found;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (wrong[i].empty()) {
      found.pictures.push_back({files[i], label, infos[i]});
    } else {
      found.skipped.push_back({files[i], wrong[i]});
    }
  }
  return found;
}

[[noreturn]] void refuse_empty_class(const fs::path& folder, const Found& found) {
  std::string what = "no file";
  if (!found.skipped.empty()) {
    const SkippedFile& first = found.skipped.front();
    what = std::to_string(found.skipped.size()) + " other file" +
           (found.skipped.size() == 1 ? "" : "s") + ", " +
           fs::path(first.path).filename().string() + ": " + first.reason;
  }
  throw InvalidArgument(folder.string() + ": a class folder without JPEG or PNG pictures (" + what +
                        "); add pictures or remove the folder");
}

class Reader {
 public:
  Reader(const FolderListing& root, const OpenOptions& options)
      : root_{root},
        options_{options},
        decode_{.shorter_side = options.shorter_side},
        pool_{options.threads} {
    data_.kind = "class folders";
  }

  DataSets read_split(const std::string& validation) {
    const FolderListing train = list_folder(root_.path / "train");
    note_strays(train, "train/");
    set_classes(train);
    std::vector<PictureFile> pictures = read_training("train/");
    if (!validation.empty()) {
      if (options_.validation) {
        throw InvalidArgument(root_.path.string() + ": " + validation +
                              "/ is there, so nothing is held out of train/; leave out "
                              "--validation, or remove that folder");
      }
      data_.validation = read_other(validation);
      data_.training = dataset(std::move(pictures));
    } else {
      hold_out(std::move(pictures), "train/");
    }
    if (root_.has_folder("test")) data_.test = read_other("test");
    return finish({"train", validation, "test"});
  }

  DataSets read_alone() {
    set_classes(root_);
    hold_out(read_training(""), "");
    return finish(folders_);
  }

 private:
  void set_classes(const FolderListing& folder) {
    if (folder.folders.empty()) {
      throw InvalidArgument(folder.path.string() + ": no class folder: " + folder.contents() +
                            "; put the pictures of each class into a folder of its own");
    }
    if (folder.folders.size() == 1) {
      throw InvalidArgument(folder.path.string() + ": one class folder only (" +
                            folder.folders.front() + "); a net needs two or more to tell apart");
    }
    folders_ = folder.folders;
    data_.class_names = given_names(root_, options_);
    if (data_.class_names.empty()) data_.class_names = folders_;
    if (data_.class_names.size() != folders_.size()) {
      const fs::path from = options_.labels.empty() ? root_.path / "labels.txt" : options_.labels;
      throw FormatError(from.string() + ": " + std::to_string(data_.class_names.size()) +
                        " names for the " + std::to_string(folders_.size()) + " class folders of " +
                        folder.path.string() + "; give one a folder, in byte order");
    }
  }

  // Files beside the class folders, which belong to no class.
  void note_strays(const FolderListing& folder, const std::string& prefix) {
    for (const std::string& name : folder.files) {
      if (prefix.empty() && name == "labels.txt") continue;
      data_.skipped.push_back({prefix + name, "not in a class folder"});
    }
  }

  Found read_class(const std::string& relative, std::int32_t label) {
    std::vector<std::string> files;
    std::vector<SkippedFile> links;
    std::vector<fs::path> above;
    walk(root_.path, relative, above, files, links);
    Found found = sort_out(root_.path, files, label, decode_, pool_);
    data_.skipped.insert(data_.skipped.end(), links.begin(), links.end());
    data_.skipped.insert(data_.skipped.end(), found.skipped.begin(), found.skipped.end());
    return found;
  }

  std::vector<PictureFile> read_training(const std::string& prefix) {
    std::vector<PictureFile> all;
    for (std::size_t label = 0; label < folders_.size(); ++label) {
      const std::string relative = prefix + folders_[label];
      Found found = read_class(relative, static_cast<std::int32_t>(label));
      if (found.pictures.empty()) refuse_empty_class(root_.path / relative, found);
      std::ranges::move(found.pictures, std::back_inserter(all));
    }
    return all;
  }

  // Validation or test: class folders that training has too; not all need to be there.
  std::shared_ptr<const Dataset> read_other(const std::string& part) {
    const FolderListing listing = list_folder(root_.path / part);
    note_strays(listing, part + "/");
    std::vector<PictureFile> all;
    for (const std::string& name : listing.folders) {
      const auto at = std::ranges::lower_bound(folders_, name);
      if (at == folders_.end() || *at != name) {
        throw InvalidArgument((root_.path / part / name).string() +
                              ": a class without pictures in train/; add train/" + name +
                              " or remove this folder");
      }
      Found found = read_class(part + "/" + name, static_cast<std::int32_t>(at - folders_.begin()));
      std::ranges::move(found.pictures, std::back_inserter(all));
    }
    if (all.empty()) return nullptr;
    return dataset(std::move(all));
  }

  // By the path below `prefix`, "cat/holiday/1.jpg", so that the parts do not depend on where the
  // data lie.
  void hold_out(std::vector<PictureFile> pictures, const std::string& prefix) {
    const double fraction = options_.validation.value_or(kDefaultValidation);
    std::vector<PictureFile> kept, held;
    std::vector<std::int64_t> left(folders_.size());
    for (PictureFile& p : pictures) {
      const bool out = held_out(std::string_view(p.path).substr(prefix.size()), fraction);
      if (!out) ++left[static_cast<std::size_t>(p.label)];
      (out ? held : kept).push_back(std::move(p));
    }
    for (std::size_t c = 0; c < left.size(); ++c) {
      if (left[c] > 0) continue;
      throw InvalidArgument((root_.path / (prefix + folders_[c])).string() +
                            ": all its pictures fall into the validation part; add pictures or "
                            "give a smaller --validation (0 holds out none)");
    }
    data_.training = dataset(std::move(kept));
    if (!held.empty()) data_.validation = dataset(std::move(held));
  }

  std::shared_ptr<const Dataset> dataset(std::vector<PictureFile> pictures) const {
    return std::make_shared<ImageFolder>(root_.path, std::move(pictures),
                                         static_cast<int>(folders_.size()), decode_);
  }

  DataSets finish(const std::vector<std::string>& used) {
    note_strays(root_, "");
    for (const std::string& name : root_.folders) {
      if (std::ranges::find(used, name) == used.end()) {
        data_.skipped.push_back({name, "a folder beside train/"});
      }
    }
    std::ranges::sort(data_.skipped, {}, &SkippedFile::path);
    return std::move(data_);
  }

  const FolderListing& root_;
  const OpenOptions& options_;
  DecodeOptions decode_;
  ThreadPool pool_;
  DataSets data_;
  std::vector<std::string> folders_;  // class folders, in the order of the labels
};

// The validation folder of a split; empty where there is none.
std::string validation_folder(const FolderListing& root) {
  std::string found;
  for (const char* name : kValidationNames) {
    if (!root.has_folder(name)) continue;
    if (!found.empty()) {
      throw InvalidArgument(root.path.string() + ": both " + found + "/ and " + name +
                            "/ are there; keep one of them");
    }
    found = name;
  }
  return found;
}

// A folder named train may also be a class, beside car and plane: then it has pictures and no
// folders, and nothing beside it is named as a part.
bool is_split(const FolderListing& root) {
  if (!root.has_folder("train")) return false;
  const bool other_part =
      root.has_folder("test") ||
      std::ranges::any_of(kValidationNames, [&](const char* n) { return root.has_folder(n); });
  return other_part || !list_folder(root.path / "train").folders.empty();
}

}  // namespace

DataSets open_class_folders(const FolderListing& root, const OpenOptions& options) {
  if (is_split(root)) {
    const std::string validation = validation_folder(root);
    return Reader(root, options).read_split(validation);
  }
  const bool parts_only = std::ranges::all_of(root.folders, [](const std::string& name) {
    return name == "test" || std::ranges::find(kValidationNames, name) != kValidationNames.end();
  });
  if (!root.folders.empty() && parts_only) {
    throw InvalidArgument(root.path.string() + ": " + root.folders.front() +
                          "/ is there, train/ is missing; add it");
  }
  return Reader(root, options).read_alone();
}

}  // namespace fovea
