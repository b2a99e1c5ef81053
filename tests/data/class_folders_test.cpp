// class_folders_test.cpp - class folders of pictures: what is found, held out, skipped, refused.
#include <fovea/core/error.h>
#include <fovea/data/image_folder.h>
#include <fovea/data/loader.h>
#include <fovea/data/open.h>
#include <fovea/data/split.h>

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "pictures.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;
using test::Bytes;
using test::expect_error;
using test::gradient;
using test::PngKind;
using test::TemporaryFolder;
using test::write_file;
using test::write_text;

Bytes picture(int seed = 0, int height = 6, int width = 8) {
  return test::png(gradient(height, width, 3, seed), PngKind::rgb8);
}

void write_class(const fs::path& folder, int count) {
  for (int i = 0; i < count; ++i) write_file(folder / (std::to_string(i) + ".png"), picture(i));
}

std::set<std::string> paths(const std::shared_ptr<const Dataset>& data) {
  std::set<std::string> all;
  if (!data) return all;
  const auto& folder = dynamic_cast<const ImageFolder&>(*data);
  for (std::int64_t i = 0; i < folder.size(); ++i) all.insert(folder.file(i).path);
  return all;
}

TEST(ClassFolders, AreReadWithTheirParts) {
  const TemporaryFolder root;
  write_class(root / "train/cat", 3);
  write_class(root / "train/dog", 2);
  write_class(root / "val/dog", 1);
  write_class(root / "test/cat", 1);
  write_class(root / "test/dog", 1);
  const DataSets data = open_data(root.path());
  EXPECT_EQ(data.kind, "class folders");
  EXPECT_EQ(data.class_names, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(summary(data), "5 training, 1 validation, 2 test images, 6x8x3, 2 classes");
  EXPECT_EQ(data.validation->label(0), 1);
  EXPECT_EQ(data.training->label(2), 0);
  EXPECT_EQ(data.training->label(3), 1);
  EXPECT_TRUE(data.skipped.empty());
  const Sample sample = data.training->get(1);
  EXPECT_EQ(Image(sample.image, 3), gradient(6, 8, 3, 1));
  EXPECT_EQ(sample.label, 0);
}

TEST(ClassFolders, TakeEachNameOfTheValidationFolder) {
  for (const char* name : {"val", "valid", "validation"}) {
    const TemporaryFolder root;
    write_class(root / "train/a", 2);
    write_class(root / "train/b", 2);
    write_class(root / name / "a", 1);
    EXPECT_EQ(open_data(root.path()).validation->size(), 1) << name;
  }
}

TEST(ClassFolders, ReadPicturesByContentAtAnyDepth) {
  const TemporaryFolder root;
  write_class(root / "a", 2);
  write_file(root / "a/deep/er/photo", picture());
  write_file(root / "a/deep/wrong.txt", picture());
  write_file(root / "b/1.PNG", picture());
  write_file(root / "b/.hidden.png", picture());
  write_file(root / "b/.folder/1.png", picture());
  write_text(root / "b/notes.png", "not a picture");
  write_text(root / "a/deep/empty", "");
  write_text(root / "readme.md", "hello");
  write_text(root / "b/tab\there", "x");
  const DataSets data = open_data(root.path(), {.validation = 0.0});
  EXPECT_EQ(paths(data.training), (std::set<std::string>{"a/0.png", "a/1.png", "a/deep/er/photo",
                                                         "a/deep/wrong.txt", "b/1.PNG"}));
  EXPECT_EQ(data.validation, nullptr);
  EXPECT_EQ(skipped_tsv(data),
            "path\treason\n"
            "a/deep/empty\tempty\n"
            "b/notes.png\tneither JPEG nor PNG\n"
            "b/tab?here\tneither JPEG nor PNG\n"
            "readme.md\tnot in a class folder\n");
}

TEST(ClassFolders, OrderClassesByBytes) {
  const TemporaryFolder root;
  for (const char* name : {"b", "B", "a", "\xC3\xA4", "Z", "10", "9"}) {
    write_class(root / name, 1);
  }
  EXPECT_EQ(open_data(root.path(), {.validation = 0.0}).class_names,
            (std::vector<std::string>{"10", "9", "B", "Z", "a", "b", "\xC3\xA4"}));
}

TEST(ClassFolders, SaySizeAndColour) {
  const TemporaryFolder root;
  write_file(root / "a/1", test::png(gradient(5, 5, 1), PngKind::grey8));
  write_file(root / "b/1", test::png(gradient(5, 5, 1), PngKind::grey16));
  DataSets data = open_data(root.path(), {.validation = 0.0});
  EXPECT_EQ(data.training->channels(), 1);
  EXPECT_EQ(data.training->image_size(), (ImageSize{5, 5, 1}));
  write_file(root / "b/2", test::png(gradient(5, 5, 3), PngKind::rgb8));
  data = open_data(root.path(), {.validation = 0.0});
  EXPECT_EQ(data.training->image_size(), (ImageSize{5, 5, 3}));
  write_file(root / "b/3", test::png(gradient(5, 6, 3), PngKind::rgb8));
  data = open_data(root.path(), {.validation = 0.0});
  EXPECT_FALSE(data.training->image_size());
  EXPECT_EQ(summary(data), "4 training images, colour, of different sizes, 2 classes");
}

TEST(ClassFolders, HoldOutByNameSoThatAddingMovesNone) {
  const TemporaryFolder root;
  write_class(root / "cat", 60);
  write_class(root / "dog", 60);
  const DataSets before = open_data(root.path());
  ASSERT_NE(before.validation, nullptr);
  EXPECT_EQ(before.training->size() + before.validation->size(), 120);
  EXPECT_NEAR(static_cast<double>(before.validation->size()), 12, 11);
  for (const std::string& path : paths(before.validation)) EXPECT_TRUE(held_out(path, 0.1));
  for (int i = 60; i < 90; ++i) {
    write_file(root / "cat" / (std::to_string(i) + ".png"), picture(i));
  }
  write_class(root / "bird", 40);
  const DataSets after = open_data(root.path());
  const auto held_after = paths(after.validation), kept_after = paths(after.training);
  for (const std::string& path : paths(before.validation)) EXPECT_TRUE(held_after.contains(path));
  for (const std::string& path : paths(before.training)) EXPECT_TRUE(kept_after.contains(path));
}

TEST(ClassFolders, HoldOutTheSameWithATrainFolder) {
  const TemporaryFolder alone, split;
  write_class(alone / "cat", 40);
  write_class(alone / "dog", 40);
  write_class(split / "train/cat", 40);
  write_class(split / "train/dog", 40);
  std::set<std::string> expected;
  for (const std::string& path : paths(open_data(alone.path()).validation)) {
    expected.insert("train/" + path);
  }
  EXPECT_EQ(paths(open_data(split.path()).validation), expected);
}

TEST(ClassFolders, AClassMayBeCalledTrain) {
  const TemporaryFolder root;
  write_class(root / "train", 2);
  write_class(root / "plane", 2);
  EXPECT_EQ(open_data(root.path(), {.validation = 0.0}).class_names,
            (std::vector<std::string>{"plane", "train"}));
}

TEST(ClassFolders, TakeNamesFromALabelsFile) {
  const TemporaryFolder root;
  write_class(root / "n01", 1);
  write_class(root / "n02", 1);
  write_text(root / "labels.txt", "tench\ngoldfish\n");
  const DataSets data = open_data(root.path(), {.validation = 0.0});
  EXPECT_EQ(data.class_names, (std::vector<std::string>{"tench", "goldfish"}));
  EXPECT_TRUE(data.skipped.empty());
}

TEST(ClassFolders, FollowLinksButNotInCircles) {
  const TemporaryFolder root, elsewhere;
  write_class(root / "a", 1);
  write_class(elsewhere / "more", 2);
  fs::create_directory(root / "b");
  fs::create_directory_symlink(elsewhere / "more", root / "b/linked");
  fs::create_directory_symlink(root / "b", root / "b/circle");
  fs::create_symlink(root / "nowhere", root / "b/dangling");
  const DataSets data = open_data(root.path(), {.validation = 0.0});
  EXPECT_EQ(paths(data.training),
            (std::set<std::string>{"a/0.png", "b/linked/0.png", "b/linked/1.png"}));
  ASSERT_EQ(data.skipped.size(), 2U);
  EXPECT_EQ(data.skipped[0].path, "b/circle");
  EXPECT_NE(data.skipped[1].reason.find("No such file"), std::string::npos);
}

TEST(ClassFolders, NameWhatLiesBesideTheParts) {
  const TemporaryFolder root;
  write_class(root / "train/a", 1);
  write_class(root / "train/b", 1);
  write_class(root / "val/a", 1);
  write_class(root / "extra", 1);
  write_file(root / "train/stray.png", picture());
  fs::create_directories(root / "test");
  write_file(root / "test/1.png", picture());
  const DataSets data = open_data(root.path());
  EXPECT_EQ(data.test, nullptr) << "pictures without class folders have no labels";
  EXPECT_EQ(skipped_tsv(data),
            "path\treason\n"
            "extra\ta folder beside train/\n"
            "test/1.png\tnot in a class folder\n"
            "train/stray.png\tnot in a class folder\n");
}

TEST(ClassFolders, SayWhatIsWrong) {
  struct Case {
    const char* name;
    std::function<void(const fs::path&)> make;
    OpenOptions options;
    std::vector<std::string> message;
  };
  const auto two = [](const fs::path& f) {
    write_class(f / "a", 2);
    write_class(f / "b", 2);
  };
  const std::vector<Case> cases{
      {"empty", [](const fs::path&) {}, {}, {"no class folder", "it is empty"}},
      {"files_only",
       [](const fs::path& f) { write_class(f, 3); },
       {},
       {"no class folder: 3 files and 0 folders", "a folder of its own"}},
      {"one_class",
       [](const fs::path& f) { write_class(f / "cat", 3); },
       {},
       {"one class folder only (cat)", "two or more"}},
      {"empty_class",
       [&](const fs::path& f) {
         two(f);
         fs::create_directory(f / "c");
       },
       {},
       {"/c: a class folder without JPEG or PNG pictures (no file)", "remove the folder"}},
      {"other_files",
       [&](const fs::path& f) {
         two(f);
         write_text(f / "c/x.gif", "GIF89a");
         write_text(f / "c/y.txt", "text");
       },
       {},
       {"/c: ", "2 other files", "x.gif: a GIF"}},
      {"empty_training_class",
       [&](const fs::path& f) {
         two(f / "train");
         two(f / "val");
         fs::create_directory(f / "train/c");
       },
       {},
       {"train/c: a class folder without"}},
      {"class_only_in_val",
       [&](const fs::path& f) {
         two(f / "train");
         write_class(f / "val/zebra", 1);
       },
       {},
       {"val/zebra", "without pictures in train/"}},
      {"no_class_in_train",
       [](const fs::path& f) {
         write_class(f / "train", 2);
         write_class(f / "val/a", 2);
       },
       {},
       {"train: no class folder: 2 files"}},
      {"train_missing",
       [&](const fs::path& f) { two(f / "val"); },
       {},
       {"val/ is there, train/ is missing"}},
      {"two_validations",
       [&](const fs::path& f) {
         two(f / "train");
         two(f / "val");
         two(f / "valid");
       },
       {},
       {"both val/ and valid/"}},
      {"fraction_beside_val",
       [&](const fs::path& f) {
         two(f / "train");
         two(f / "val");
       },
       {.validation = 0.2},
       {"val/ is there", "--validation"}},
      {"all_held_out", two, {.validation = 0.999999}, {"validation part", "smaller --validation"}},
      {"too_few_names",
       [&](const fs::path& f) {
         two(f);
         write_text(f / "labels.txt", "one\n");
       },
       {},
       {"labels.txt: 1 names for the 2 class folders"}},
      {"idx_below",
       [](const fs::path& f) {
         write_file(f / "raw/train-images-idx3-ubyte", test::idx({1, 1, 1}, {1}));
       },
       {},
       {"IDX files are in raw", "give "}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const TemporaryFolder root;
    c.make(root.path());
    std::vector<std::string> parts = c.message;
    parts.push_back(root.path().string());
    expect_error<Error>([&] { open_data(root.path(), c.options); }, parts);
  }
}

TEST(ClassFolders, APictureThatBreaksLaterIsNamed) {
  const TemporaryFolder root;
  write_class(root / "a", 1);
  write_class(root / "b", 1);
  const DataSets data = open_data(root.path(), {.validation = 0.0});
  fs::resize_file(root / "b/0.png", 60);
  Loader loader(*data.training, {.batch = 2, .threads = 2});
  expect_error<FormatError>([&] { loader.next(); }, {(root / "b/0.png").string(), "damaged PNG"});
  fs::remove(root / "b/0.png");
  expect_error<InvalidArgument>([&] { data.training->get(1); }, {"b/0.png", "No such file"});
}

TEST(ClassFolders, LargeJpegsAreDecodedSmaller) {
  const TemporaryFolder root;
  const Image large = gradient(160, 240, 3);
  for (const char* name : {"a/1.jpg", "b/1.jpg"}) {
    write_file(root / name, test::jpeg(large, test::JpegColour::rgb));
  }
  const DataSets whole = open_data(root.path(), {.validation = 0.0});
  EXPECT_EQ(whole.training->get(0).image.height, 160);
  EXPECT_EQ(whole.training->image_size(), (ImageSize{160, 240, 3}));
  const DataSets part = open_data(root.path(), {.validation = 0.0, .shorter_side = 20});
  EXPECT_EQ(part.training->get(0).image.height, 40);
  EXPECT_FALSE(part.training->image_size());
  Loader loader(*part.training, {.batch = 2, .image_size = ImageSize{20, 20, 3}, .threads = 1});
  EXPECT_EQ(loader.next()->valid, 2);
}

TEST(ClassFolders, TheSameForAnyNumberOfThreads) {
  const TemporaryFolder root;
  write_class(root / "a", 50);
  write_class(root / "b", 50);
  write_text(root / "b/7x", "broken");
  const DataSets one = open_data(root.path(), {.threads = 1});
  const DataSets four = open_data(root.path(), {.threads = 4});
  EXPECT_EQ(paths(one.training), paths(four.training));
  EXPECT_EQ(skipped_tsv(one), skipped_tsv(four));
}

}  // namespace
}  // namespace fovea
