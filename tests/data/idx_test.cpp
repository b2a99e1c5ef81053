// idx_test.cpp - IDX files as they should be, and thirty ways in which they are not.
#include <fovea/core/error.h>
#include <fovea/core/philox.h>
#include <fovea/data/idx.h>
#include <fovea/data/open.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "files.h"

namespace fovea {
namespace {

namespace fs = std::filesystem;
using test::Bytes;
using test::expect_error;
using test::idx;
using test::TemporaryFolder;
using test::write_file;
using test::write_gzip;

const fs::path kFashion = "/usr/share/datasets/fashion-mnist";

// Three training and two test pictures of 2 x 2, labels 0 2 1 and 1 0.
void write_idx_set(const fs::path& folder) {
  write_file(folder / "train-images-idx3-ubyte", idx({3, 2, 2}, test::counting(12)));
  write_file(folder / "train-labels-idx1-ubyte", idx({3}, {0, 2, 1}));
  write_file(folder / "t10k-images-idx3-ubyte", idx({2, 2, 2}, test::counting(8)));
  write_file(folder / "t10k-labels-idx1-ubyte", idx({2}, {1, 0}));
}

TEST(Idx, ReadsPlainAndGzip) {
  const TemporaryFolder folder;
  const Bytes images = idx({2, 3, 4}, test::counting(24));
  write_file(folder / "plain", images);
  write_gzip(folder / "packed", images);
  for (const char* name : {"plain", "packed"}) {
    const IdxImages read = read_idx_images(folder / name);
    EXPECT_EQ(read.count, 2);
    EXPECT_EQ(read.size, (ImageSize{3, 4, 1}));
    EXPECT_EQ(read.pixels, test::counting(24));
  }
  write_file(folder / "colour", idx({2, 2, 2, 3}, test::counting(24)));
  EXPECT_EQ(read_idx_images(folder / "colour").size, (ImageSize{2, 2, 3}));
  write_gzip(folder / "labels", idx({4}, {0, 255, 7, 7}));
  EXPECT_EQ(read_idx_labels(folder / "labels"), (std::vector<std::int32_t>{0, 255, 7, 7}));
}

TEST(Idx, RefusesEveryTruncation) {
  const TemporaryFolder folder;
  const Bytes whole = idx({3, 2, 2}, test::counting(12));
  for (std::size_t n = 0; n < whole.size(); ++n) {
    write_file(folder / "cut", Bytes(whole.begin(), whole.begin() + static_cast<long>(n)));
    expect_error<FormatError>([&] { read_idx_images(folder / "cut"); }, {"cut: byte "});
  }
  write_gzip(folder / "whole.gz", whole);
  const Bytes packed = test::read_bytes(folder / "whole.gz");
  for (std::size_t n = 0; n < packed.size(); ++n) {
    write_file(folder / "cut", Bytes(packed.begin(), packed.begin() + static_cast<long>(n)));
    expect_error<FormatError>([&] { read_idx_images(folder / "cut"); }, {"cut: byte "});
  }
}

// Whatever the bytes are: a set of pictures or a FormatError, never anything else.
TEST(Idx, SurvivesRandomDamage) {
  const TemporaryFolder folder;
  const Bytes plain = idx({3, 2, 2}, test::counting(12));
  write_gzip(folder / "whole.gz", plain);
  const Bytes packed = test::read_bytes(folder / "whole.gz");
  const Philox bits{1, stream_key(Purpose::test, 0, 0)};
  int refused = 0, accepted = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    Bytes damaged = i % 2 == 0 ? plain : packed;
    const Bits4 draw = bits(i);
    const auto at = uniform_below(draw[0], static_cast<std::uint32_t>(damaged.size()));
    damaged[at] = static_cast<std::uint8_t>(damaged[at] ^ (1U + draw[1] % 255U));
    write_file(folder / "damaged", damaged);
    try {
      const IdxImages images = read_idx_images(folder / "damaged");
      EXPECT_EQ(static_cast<std::int64_t>(images.pixels.size()),
                images.count * images.size.height * images.size.width * images.size.channels);
      ++accepted;
    } catch (const FormatError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 400) << "headers, and nearly all of the packed file, are checked";
  EXPECT_GT(accepted, 100) << "a pixel may have any value";
}

struct BadFile {
  const char* name;
  Bytes bytes;
  std::vector<std::string> message;
};

TEST(Idx, SaysWhatIsWrongWithAnImageFile) {
  const Bytes pixels = test::counting(12);
  Bytes longer = idx({3, 2, 2}, pixels);
  longer.push_back(0);
  const auto with = [&](std::size_t at, std::uint8_t value) {
    Bytes b = idx({3, 2, 2}, pixels);
    b[at] = value;
    return b;
  };
  const std::vector<BadFile> files{
      {"empty", {}, {"byte 0", "the file ends", "4 bytes of the IDX header"}},
      {"half_magic", {0, 0}, {"byte 2", "2 bytes of the IDX header"}},
      {"text", {'h', 'e', 'l', 'l', 'o'}, {"byte 0", "not an IDX file", "104 101"}},
      {"jpeg", {0xFF, 0xD8, 0xFF, 0xE0}, {"not an IDX file", "255 216"}},
      {"second_byte", with(1, 9), {"not an IDX file", "0 9"}},
      {"signed_bytes", with(2, 0x09), {"byte 2", "signed byte"}},
      {"shorts", with(2, 0x0B), {"byte 2", "16-bit integer"}},
      {"ints", with(2, 0x0C), {"byte 2", "32-bit integer"}},
      {"floats", with(2, 0x0D), {"byte 2", "float"}},
      {"doubles", with(2, 0x0E), {"byte 2", "double"}},
      {"unknown_type", with(2, 0x77), {"byte 2", "unknown type 119"}},
      {"labels", idx({3}, {0, 1, 2}), {"byte 3", "1 extents", "mixed up"}},
      {"rank_two", idx({3, 4}, pixels), {"byte 3", "2 extents"}},
      {"rank_five", idx({1, 1, 1, 1, 1}, {1}), {"byte 3", "5 extents"}},
      {"no_images", idx({0, 2, 2}, {}), {"byte 4", "extent 0 is 0"}},
      {"no_rows", idx({3, 0, 2}, {}), {"byte 8", "extent 1 is 0"}},
      {"no_columns", idx({3, 2, 0}, {}), {"byte 12", "extent 2 is 0"}},
      {"no_extents", {0, 0, 8, 3, 0, 0, 0, 1}, {"byte 8", "IDX header"}},
      {"too_short", idx({3, 2, 2}, test::counting(11)), {"byte 16", "need 12 bytes", "has 11"}},
      {"too_long", longer, {"byte 28", "goes on"}},
      {"wide", idx({1, 2, 1U << 21}, pixels), {"longest side"}},
      {"huge", idx({0xFFFFFFFF, 1U << 20, 1U << 20}, pixels), {"byte 4", "fit no memory"}},
      {"bomb", idx({60000, 1U << 15, 1U << 15}, pixels), {"need", "has 12"}},
      {"two_channels", idx({3, 2, 1, 2}, pixels), {"byte 16", "1 or 3 channels"}},
      {"negative", with(4, 0xFF), {"need", "has 12"}},
  };
  const TemporaryFolder folder;
  for (const BadFile& f : files) {
    SCOPED_TRACE(f.name);
    write_file(folder / f.name, f.bytes);
    std::vector<std::string> parts = f.message;
    parts.push_back((folder / f.name).string());
    expect_error<FormatError>([&] { read_idx_images(folder / f.name); }, parts);
  }
}

TEST(Idx, SaysWhatIsWrongWithAPackedFile) {
  const TemporaryFolder folder;
  write_gzip(folder / "bomb.gz", idx({60000, 4096, 4096}, test::counting(12)));
  expect_error<FormatError>([&] { read_idx_images(folder / "bomb.gz"); }, {"compressed"});
  write_gzip(folder / "long.gz", idx({3, 2, 2}, test::counting(13)));
  expect_error<FormatError>([&] { read_idx_images(folder / "long.gz"); }, {"goes on"});
  write_gzip(folder / "short.gz", idx({3, 2, 2}, test::counting(11)));
  expect_error<FormatError>([&] { read_idx_images(folder / "short.gz"); }, {"1 bytes", "missing"});
  write_gzip(folder / "whole.gz", idx({3, 2, 2}, test::counting(12)));
  Bytes packed = test::read_bytes(folder / "whole.gz");
  packed[packed.size() - 6] ^= 1;  // in the checksum
  write_file(folder / "crc.gz", packed);
  expect_error<FormatError>([&] { read_idx_images(folder / "crc.gz"); }, {"damaged"});
}

TEST(Idx, SaysWhatIsWrongWithALabelFile) {
  const TemporaryFolder folder;
  write_file(folder / "images", idx({3, 2, 2}, test::counting(12)));
  expect_error<FormatError>([&] { read_idx_labels(folder / "images"); },
                            {"byte 3", "labels have 1", "mixed up"});
  write_file(folder / "short", idx({4}, {1, 2, 3}));
  expect_error<FormatError>([&] { read_idx_labels(folder / "short"); }, {"4 labels", "has 3"});
  write_file(folder / "none", idx({0}, {}));
  expect_error<FormatError>([&] { read_idx_labels(folder / "none"); }, {"no labels"});
  expect_error<InvalidArgument>([&] { read_idx_labels(folder / "absent"); },
                                {"absent", "cannot be opened", "No such file"});
  expect_error<Error>([&] { read_idx_labels(folder.path()); }, {folder.path().string()});
}

TEST(OpenIdx, GivesPartsAndNames) {
  const TemporaryFolder folder;
  write_idx_set(folder.path());
  const DataSets data = open_data(folder.path());
  EXPECT_EQ(data.kind, "IDX");
  EXPECT_EQ(data.path, folder.path());
  ASSERT_EQ(data.training->size(), 3);
  ASSERT_EQ(data.test->size(), 2);
  EXPECT_EQ(data.validation, nullptr);
  EXPECT_EQ(data.class_names, (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_EQ(data.training->get(1).image.pixels[3], 7);
  EXPECT_EQ(data.training->label(1), 2);
  EXPECT_EQ(data.test->label(0), 1);
  EXPECT_EQ(summary(data), "3 training, 2 test images, 2x2x1, 3 classes");
}

TEST(OpenIdx, TakesOtherSpellingsAndPrefersThePlainFile) {
  const TemporaryFolder folder;
  write_gzip(folder / "emnist-train-images-idx3-ubyte.gz", idx({2, 1, 1}, {5, 6}));
  write_gzip(folder / "emnist-train-labels-idx1-ubyte.gz", idx({2}, {0, 1}));
  write_file(folder / "emnist-train-labels-idx1-ubyte", idx({2}, {1, 0}));
  write_file(folder / "test-images.idx3-ubyte", idx({1, 1, 1}, {7}));
  write_file(folder / "test-labels.idx1-ubyte", idx({1}, {1}));
  const DataSets data = open_data(folder.path());
  EXPECT_EQ(data.training->label(0), 1);
  EXPECT_EQ(data.test->get(0).image.pixels[0], 7);
}

TEST(OpenIdx, WorksWithoutATestPart) {
  const TemporaryFolder folder;
  write_file(folder / "train-images-idx3-ubyte", idx({3, 2, 2}, test::counting(12)));
  write_file(folder / "train-labels-idx1-ubyte", idx({3}, {0, 2, 1}));
  EXPECT_EQ(open_data(folder.path()).test, nullptr);
}

TEST(OpenIdx, NamesClassesFromFiles) {
  const TemporaryFolder folder;
  write_idx_set(folder.path());
  test::write_text(folder / "labels.txt", "\xEF\xBB\xBFshoe\r\nhat\r\ncoat\r\nscarf\r\n\r\n");
  const DataSets data = open_data(folder.path());
  EXPECT_EQ(data.class_names, (std::vector<std::string>{"shoe", "hat", "coat", "scarf"}));
  EXPECT_EQ(data.training->classes(), 4);
  test::write_text(folder / "mine", "a\nb\nc");
  EXPECT_EQ(open_data(folder.path(), {.labels = folder / "mine"}).class_names,
            (std::vector<std::string>{"a", "b", "c"}));
}

TEST(OpenIdx, HoldsOutOnRequestAndLimits) {
  const TemporaryFolder folder;
  Bytes labels(1000);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::uint8_t>(i % 4);
  write_file(folder / "train-images-idx3-ubyte", idx({1000, 1, 1}, test::counting(1000)));
  write_file(folder / "train-labels-idx1-ubyte", idx({1000}, labels));
  EXPECT_EQ(open_data(folder.path()).validation, nullptr) << "IDX holds out nothing by itself";
  const DataSets data = open_data(folder.path(), {.validation = 0.25});
  EXPECT_EQ(data.training->size() + data.validation->size(), 1000);
  EXPECT_NEAR(static_cast<double>(data.validation->size()), 250, 55);
  const DataSets few = open_data(folder.path(), {.validation = 0.25, .limit = 40, .seed = 2});
  EXPECT_EQ(few.training->size(), 40);
  EXPECT_EQ(few.validation->size(), data.validation->size());
  std::vector<int> count(4);
  for (int i = 0; i < 40; ++i) ++count[static_cast<std::size_t>(few.training->label(i))];
  for (const int n : count) EXPECT_NEAR(n, 10, 1);
}

TEST(OpenIdx, SaysWhatIsWrong) {
  struct Case {
    const char* name;
    std::function<void(const fs::path&)> damage;
    std::vector<std::string> message;
  };
  const auto remove = [](const char* file) {
    return [file](const fs::path& f) { fs::remove(f / file); };
  };
  const std::vector<Case> cases{
      {"no_labels",
       remove("train-labels-idx1-ubyte"),
       {"train-images-idx3-ubyte is there", "train-labels-idx1-ubyte[.gz] is missing"}},
      {"no_images",
       remove("train-images-idx3-ubyte"),
       {"train-labels-idx1-ubyte is there", "train-images-idx3-ubyte[.gz] is missing"}},
      {"no_test_labels", remove("t10k-labels-idx1-ubyte"), {"t10k-labels-idx1-ubyte[.gz]"}},
      {"no_test_images", remove("t10k-images-idx3-ubyte"), {"t10k-images-idx3-ubyte[.gz]"}},
      {"no_training",
       [](const fs::path& f) {
         fs::remove(f / "train-images-idx3-ubyte");
         fs::remove(f / "train-labels-idx1-ubyte");
       },
       {"t10k-images-idx3-ubyte is there", "train-images-idx3-ubyte[.gz] is missing"}},
      {"counts",
       [](const fs::path& f) {
         write_file(f / "train-labels-idx1-ubyte", idx({2}, {0, 1}));
       },
       {"3 images", "2 labels", "belong together"}},
      {"test_counts",
       [](const fs::path& f) {
         write_file(f / "t10k-labels-idx1-ubyte", idx({3}, {0, 1, 2}));
       },
       {"2 images", "3 labels"}},
      {"test_label",
       [](const fs::path& f) {
         write_file(f / "t10k-labels-idx1-ubyte", idx({2}, {0, 9}));
       },
       {"t10k-labels-idx1-ubyte: label 9 of image 1", "0 to 2", "labels.txt"}},
      {"label_beyond_names",
       [](const fs::path& f) { test::write_text(f / "labels.txt", "a\nb\n"); },
       {"label 2 of image 1", "2 class names"}},
      {"test_size",
       [](const fs::path& f) {
         write_file(f / "t10k-images-idx3-ubyte", idx({2, 4, 1}, test::counting(8)));
       },
       {"4x1x1", "2x2x1"}},
      {"one_class",
       [](const fs::path& f) {
         write_file(f / "train-labels-idx1-ubyte", idx({3}, {0, 0, 0}));
         write_file(f / "t10k-labels-idx1-ubyte", idx({2}, {0, 0}));
       },
       {"one class only (0)"}},
      {"empty_names",
       [](const fs::path& f) { test::write_text(f / "labels.txt", "\n"); },
       {"labels.txt", "no class names"}},
      {"gap_in_names",
       [](const fs::path& f) { test::write_text(f / "labels.txt", "a\n\nb\n"); },
       {"labels.txt: line 2", "empty"}},
      {"name_twice",
       [](const fs::path& f) { test::write_text(f / "labels.txt", "a\nb\na\n"); },
       {"labels.txt: line 3", "'a'", "line 1"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const TemporaryFolder folder;
    write_idx_set(folder.path());
    c.damage(folder.path());
    expect_error<Error>([&] { open_data(folder.path()); }, c.message);
  }
}

TEST(OpenData, SaysWhatIsWrongWithThePath) {
  const TemporaryFolder folder;
  expect_error<InvalidArgument>([&] { open_data(folder / "nowhere"); },
                                {"nowhere", "no such folder"});
  test::write_text(folder / "file", "x");
  expect_error<InvalidArgument>([&] { open_data(folder / "file"); }, {"a file", "give the folder"});
  write_idx_set(folder / "small");
  expect_error<InvalidArgument>([&] { open_data(folder / "small", {.validation = 1.0}); },
                                {"validation 1.0", "below 1"});
  expect_error<InvalidArgument>([&] { open_data(folder / "small", {.limit = -5}); }, {"limit: -5"});
  expect_error<InvalidArgument>([&] { open_data(folder / "small", {.validation = -0.1}); },
                                {"validation -0.1"});
  expect_error<InvalidArgument>([&] { open_data(folder / "small", {.labels = folder / "none"}); },
                                {"none: cannot be opened"});
}

TEST(FashionMnist, IsReadWhole) {
  if (!fs::exists(kFashion))
    GTEST_SKIP() << "no " << kFashion << " (Debian: dataset-fashion-mnist)";
  const DataSets data = open_data(kFashion);
  EXPECT_EQ(data.name, "Fashion-MNIST");
  EXPECT_EQ(summary(data), "60,000 training, 10,000 test images, 28x28x1, 10 classes");
  ASSERT_EQ(data.class_names.size(), 10U);
  EXPECT_EQ(data.class_names[9], "Ankle boot");
  EXPECT_EQ(data.training->label(0), 9);
  EXPECT_EQ(data.training->label(59999), 5);
  std::vector<int> count(10);
  for (std::int64_t i = 0; i < 60000; ++i) {
    ++count[static_cast<std::size_t>(data.training->label(i))];
  }
  for (const int n : count) EXPECT_EQ(n, 6000);
  for (std::int64_t i = 0; i < 10000; ++i) ASSERT_LT(data.test->label(i), 10);
}

TEST(Mnist, IsRecognisedByItsLabels) {
  const char* root = std::getenv("FOVEA_TEST_DATA");
  if (root == nullptr) GTEST_SKIP() << "set FOVEA_TEST_DATA to a folder with mnist/";
  const fs::path folder = fs::path(root) / "mnist";
  if (!fs::exists(folder)) GTEST_SKIP() << "no " << folder;
  const DataSets data = open_data(folder);
  EXPECT_EQ(data.name, "MNIST");
  EXPECT_EQ(summary(data), "60,000 training, 10,000 test images, 28x28x1, 10 classes");
  EXPECT_EQ(data.class_names[7], "7");
  EXPECT_EQ(data.test->label(0), 7);
}

}  // namespace
}  // namespace fovea
