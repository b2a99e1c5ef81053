// cifar_test.cpp - CIFAR-10 batches as they should be, and the ways in which they are not.
#include <fovea/core/error.h>
#include <fovea/core/philox.h>
#include <fovea/data/cifar.h>
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
using test::TemporaryFolder;
using test::write_file;
using test::write_text;

// A record whose red, green and blue planes count from `first`, first + 1, first + 2.
Bytes record(std::uint8_t label, std::uint8_t first) {
  Bytes bytes{label};
  for (int channel = 0; channel < 3; ++channel) {
    for (int p = 0; p < 1024; ++p) {
      bytes.push_back(static_cast<std::uint8_t>(first + channel + p));
    }
  }
  return bytes;
}

Bytes batch(const std::vector<std::uint8_t>& labels) {
  Bytes bytes;
  for (const std::uint8_t label : labels) {
    const Bytes r = record(label, static_cast<std::uint8_t>(label * 7));
    bytes.insert(bytes.end(), r.begin(), r.end());
  }
  return bytes;
}

constexpr const char* kNames =
    "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";

void write_cifar_set(const fs::path& folder) {
  write_file(folder / "data_batch_1.bin", batch({0, 1, 9}));
  write_file(folder / "data_batch_2.bin", batch({3, 4}));
  write_file(folder / "test_batch.bin", batch({8}));
  write_text(folder / "batches.meta.txt", kNames);
}

TEST(Cifar, TurnsPlanesIntoPixels) {
  const TemporaryFolder folder;
  write_file(folder / "b", batch({2, 5}));
  CifarImages images;
  append_cifar_batch(folder / "b", 10, images);
  ASSERT_EQ(images.labels, (std::vector<std::int32_t>{2, 5}));
  ASSERT_EQ(images.pixels.size(), 2U * 3072);
  for (std::size_t p = 0; p < 1024; ++p) {
    for (std::size_t c = 0; c < 3; ++c) {
      EXPECT_EQ(images.pixels[p * 3 + c], static_cast<std::uint8_t>(14 + c + p));
      EXPECT_EQ(images.pixels[3072 + p * 3 + c], static_cast<std::uint8_t>(35 + c + p));
    }
  }
}

TEST(OpenCifar, JoinsBatchesInOrder) {
  const TemporaryFolder folder;
  write_cifar_set(folder.path());
  const DataSets data = open_data(folder.path());
  EXPECT_EQ(data.kind, "CIFAR-10");
  EXPECT_EQ(summary(data), "5 training, 1 test images, 32x32x3, 10 classes");
  EXPECT_EQ(data.class_names[3], "cat");
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < 5; ++i) labels.push_back(data.training->label(i));
  EXPECT_EQ(labels, (std::vector<std::int32_t>{0, 1, 9, 3, 4}));
  EXPECT_EQ(data.test->label(0), 8);
  EXPECT_EQ(data.validation, nullptr);
  fs::remove(folder / "batches.meta.txt");
  EXPECT_EQ(open_data(folder.path()).class_names, data.class_names) << "names are built in";
  fs::remove(folder / "test_batch.bin");
  EXPECT_EQ(open_data(folder.path()).test, nullptr);
}

TEST(OpenCifar, OrdersTenBatchesByNumber) {
  const TemporaryFolder folder;
  for (int b = 1; b <= 10; ++b) {
    write_file(folder / ("data_batch_" + std::to_string(b) + ".bin"),
               batch({static_cast<std::uint8_t>(b - 1)}));
  }
  const DataSets data = open_data(folder.path());
  for (std::int64_t i = 0; i < 10; ++i) EXPECT_EQ(data.training->label(i), i);
}

TEST(OpenCifar, SaysWhatIsWrong) {
  struct Case {
    const char* name;
    std::function<void(const fs::path&)> damage;
    std::vector<std::string> message;
  };
  const auto first = [](Bytes bytes) {
    return [bytes](const fs::path& f) { write_file(f / "data_batch_1.bin", bytes); };
  };
  const auto cut = [&](std::size_t n) {
    const Bytes whole = batch({0, 1, 9});
    return first(Bytes(whole.begin(), whole.begin() + static_cast<long>(n)));
  };
  const auto names = [](const std::string& text) {
    return [text](const fs::path& f) { write_text(f / "batches.meta.txt", text); };
  };
  const auto only = [](const char* file, const Bytes& bytes) {
    return [file, bytes](const fs::path& f) {
      for (const auto& entry : fs::directory_iterator(f)) fs::remove(entry);
      write_file(f / file, bytes);
    };
  };
  const std::string ten = kNames;
  const std::vector<Case> cases{
      {"empty", first({}), {"data_batch_1.bin: empty"}},
      {"one_byte", cut(1), {"1 bytes", "0 records", "1 bytes more", "cut off"}},
      {"half_record", cut(1500), {"0 records", "1500 bytes more"}},
      {"record_less_one", cut(3072), {"0 records", "3072 bytes more"}},
      {"record_and_one", cut(3074), {"CIFAR-100"}},
      {"record_and_two", cut(3075), {"1 records", "2 bytes more"}},
      {"last_byte_gone", cut(9218), {"2 records", "3072 bytes more"}},
      {"label_ten", first(batch({0, 10})), {"record 1", "label 10", "0..9"}},
      {"label_255", first(batch({255})), {"record 0", "label 255"}},
      {"wrong_file", first(Bytes(3073, 'x')), {"label 120"}},
      {"test_empty",
       [](const fs::path& f) { write_file(f / "test_batch.bin", {}); },
       {"test_batch.bin: empty"}},
      {"test_cut",
       [](const fs::path& f) { write_file(f / "test_batch.bin", Bytes(100)); },
       {"test_batch.bin", "100 bytes more"}},
      {"test_label",
       [](const fs::path& f) {
         write_file(f / "test_batch.bin", batch({0, 0, 77}));
       },
       {"test_batch.bin: record 2", "label 77"}},
      {"gap",
       [](const fs::path& f) { fs::rename(f / "data_batch_2.bin", f / "data_batch_3.bin"); },
       {"without data_batch_2.bin"}},
      {"first_gone",
       [](const fs::path& f) { fs::remove(f / "data_batch_1.bin"); },
       {"without data_batch_1.bin"}},
      {"test_alone", only("test_batch.bin", batch({1})), {"without data_batch_1.bin"}},
      {"batch_is_folder",
       [](const fs::path& f) {
         fs::remove(f / "data_batch_1.bin");
         fs::create_directory(f / "data_batch_1.bin");
       },
       {"without data_batch_1.bin"}},
      {"nine_names", names(ten.substr(9)), {"batches.meta.txt: 9 class names", "10"}},
      {"eleven_names", names(ten.substr(0, ten.size() - 1) + "yak\n"), {"11 class names"}},
      {"no_names", names("\n\n"), {"batches.meta.txt: no class names"}},
      {"name_twice", names("a\nb\nc\nd\ne\nf\ng\nh\ni\na\n"), {"line 10", "'a'", "line 1"}},
      {"gap_in_names", names("a\n\nc\nd\ne\nf\ng\nh\ni\nj\n"), {"line 2", "empty"}},
      {"labels_txt",
       [](const fs::path& f) { write_text(f / "labels.txt", "a\nb\n"); },
       {"labels.txt: 2 class names"}},
      {"python", only("data_batch_1", Bytes(10)), {"Python version", "cifar-10-binary.tar.gz"}},
      {"hundred",
       [](const fs::path& f) {
         for (const auto& entry : fs::directory_iterator(f)) fs::remove(entry);
         write_file(f / "train.bin", Bytes(3074));
         write_text(f / "fine_label_names.txt", "apple\n");
       },
       {"CIFAR-100"}},
      {"packed", only("cifar-10-binary.tar.gz", Bytes(10)), {"packed", "tar xzf"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const TemporaryFolder folder;
    write_cifar_set(folder.path());
    c.damage(folder.path());
    std::vector<std::string> parts = c.message;
    parts.push_back(folder.path().string());
    expect_error<Error>([&] { open_data(folder.path()); }, parts);
  }
}

TEST(OpenCifar, PointsToTheFolderBelow) {
  const TemporaryFolder folder;
  write_cifar_set(folder / "cifar-10-batches-bin");
  expect_error<InvalidArgument>([&] { open_data(folder.path()); },
                                {"CIFAR-10 files are in cifar-10-batches-bin", "give "});
}

TEST(Cifar, SurvivesRandomDamage) {
  const TemporaryFolder folder;
  const Bytes whole = batch({0, 9});
  const Philox bits{1, stream_key(Purpose::test, 2, 0)};
  int refused = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    Bytes damaged = whole;
    const Bits4 draw = bits(i);
    const auto at = i % 2 == 0 ? uniform_below(draw[0], 2) * 3073U
                               : uniform_below(draw[0], static_cast<std::uint32_t>(whole.size()));
    damaged[at] = static_cast<std::uint8_t>(draw[1]);
    if (i % 5 == 0) damaged.resize(uniform_below(draw[2], 6146));
    write_file(folder / "b", damaged);
    CifarImages images;
    try {
      append_cifar_batch(folder / "b", 10, images);
      EXPECT_EQ(images.pixels.size(), images.labels.size() * 3072);
      for (const std::int32_t label : images.labels) EXPECT_LT(label, 10);
    } catch (const FormatError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 100);
}

TEST(Cifar, RealFilesAreReadWhole) {
  const char* root = std::getenv("FOVEA_TEST_DATA");
  if (root == nullptr) GTEST_SKIP() << "set FOVEA_TEST_DATA to a folder with cifar-10-batches-bin/";
  const fs::path folder = fs::path(root) / "cifar-10-batches-bin";
  if (!fs::exists(folder)) GTEST_SKIP() << "no " << folder;
  const DataSets data = open_data(folder);
  EXPECT_EQ(summary(data), "50,000 training, 10,000 test images, 32x32x3, 10 classes");
  std::vector<int> count(10);
  for (std::int64_t i = 0; i < 50000; ++i) {
    ++count[static_cast<std::size_t>(data.training->label(i))];
  }
  for (const int n : count) EXPECT_EQ(n, 5000);
}

}  // namespace
}  // namespace fovea
