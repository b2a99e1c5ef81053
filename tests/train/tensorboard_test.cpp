// tensorboard_test.cpp - event files, read back by a reader of their own: the framing and checksums
// of TFRecord, the fields of Event, and that a resumed run continues without gap or repetition.
#include <fovea/core/error.h>
#include <fovea/train/tensorboard.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "tiny.h"

namespace fovea {
namespace {

using test::read_bytes;
using test::TemporaryFolder;

template <class T>
T read_as(std::string_view bytes, std::size_t at) {
  T v;
  std::memcpy(&v, bytes.substr(at, sizeof(v)).data(), sizeof(v));
  return v;
}

// CRC-32C a bit at a time, and TFRecord's mask.
std::uint32_t masked_crc(std::string_view bytes) {
  std::uint32_t c = ~0U;
  for (const char b : bytes) {
    c ^= static_cast<unsigned char>(b);
    for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1U) != 0 ? 0x82F63B78U : 0U);
  }
  c = ~c;
  return (c >> 15 | c << 17) + 0xA282EAD8U;
}

std::vector<std::string> records_of(const std::string& file) {
  std::vector<std::string> records;
  for (std::size_t at = 0; at < file.size();) {
    const auto length = read_as<std::uint64_t>(file, at);
    EXPECT_EQ(read_as<std::uint32_t>(file, at + 8), masked_crc(file.substr(at, 8)));
    records.push_back(file.substr(at + 12, length));
    EXPECT_EQ(read_as<std::uint32_t>(file, at + 12 + length), masked_crc(records.back()));
    at += 16 + length;
  }
  return records;
}

// A message taken apart: field number -> its values, as bytes or as numbers.
struct Message {
  std::map<unsigned, std::vector<std::string>> bytes;
  std::map<unsigned, double> numbers;

  explicit Message(std::string_view text) {
    std::size_t at = 0;
    const auto varint = [&] {
      std::uint64_t v = 0;
      for (unsigned shift = 0;; shift += 7) {
        const auto byte = static_cast<unsigned char>(text.at(at++));
        v |= std::uint64_t{byte & 0x7FU} << shift;
        if (byte < 0x80) return v;
      }
    };
    while (at < text.size()) {
      const std::uint64_t key = varint();
      const auto number = static_cast<unsigned>(key >> 3U);
      switch (key & 7U) {
        case 0:
          numbers[number] = static_cast<double>(varint());
          break;
        case 1:
          numbers[number] = read_as<double>(text, at);
          at += 8;
          break;
        case 2: {
          const std::uint64_t length = varint();
          bytes[number].emplace_back(text.substr(at, length));
          at += length;
          break;
        }
        case 5:
          numbers[number] = static_cast<double>(read_as<float>(text, at));
          at += 4;
          break;
        default:
          throw std::runtime_error("unknown wire type");
      }
    }
  }
};

// "step wall tag=value ..." of each event but the first.
std::vector<std::string> events_of(const std::filesystem::path& path) {
  const std::vector<std::string> records = records_of(read_bytes(path));
  EXPECT_EQ(Message(records.at(0)).bytes.at(3).at(0), "brain.Event:2");
  std::vector<std::string> events;
  for (std::size_t i = 1; i < records.size(); ++i) {
    const Message event(records[i]);
    std::ostringstream text;
    text << event.numbers.at(2) << " " << event.numbers.at(1);
    const Message summary(event.bytes.at(5).at(0));
    for (const std::string& value : summary.bytes.at(1)) {
      const Message scalar(value);
      text << " " << scalar.bytes.at(1).at(0) << "=" << scalar.numbers.at(2);
    }
    events.push_back(text.str());
  }
  return events;
}

MetricsLine line(std::int64_t step, double loss, const char* split) {
  return {.step = step,
          .epoch = 1,
          .score = {.loss = loss, .top1_error = 0.5, .top5_error = 0.25, .images = 8},
          .learning_rate = 0.125F,
          .images_per_second = 1024,
          .seconds = 1,
          .run_seconds = 2.0 * static_cast<double>(step),
          .split = split};
}

TEST(TensorBoard, WritesEachSplitToAFileOfItsOwn) {
  const TemporaryFolder folder;
  TensorBoardLog log(folder.path() / "tensorboard", {}, /*origin=*/1000, /*top5=*/true);
  log.write(line(1, 2.5, "train"));
  log.write(line(300, 2.25, "train"));  // a varint of two bytes
  log.write(line(300, 2, "test"));
  log.flush();
  const auto events = [&](const char* split) {
    return events_of(folder.path() / "tensorboard" / split / "events.out.tfevents.fovea");
  };
  const std::string rest =
      " top1_error=0.5 top5_error=0.25 learning_rate=0.125 images_per_second=1024";
  EXPECT_EQ(events("train"),
            (std::vector<std::string>{"1 1002 loss=2.5" + rest, "300 1600 loss=2.25" + rest}));
  EXPECT_EQ(events("test"), (std::vector<std::string>{"300 1600 loss=2" + rest}));
}

TEST(TensorBoard, ContinuesFromTheRecordsSoFar) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "train" / "events.out.tfevents.fovea";
  {
    TensorBoardLog log(folder.path(), {}, 1000, /*top5=*/false);
    for (const int step : {1, 2, 3}) log.write(line(step, 1.0 / step, "train"));
  }
  const std::vector<std::string> whole = events_of(path);
  ASSERT_EQ(whole.size(), 3U);
  EXPECT_EQ(whole[0].find("top5"), std::string::npos);  // says nothing with five classes or fewer

  const std::vector<MetricsLine> kept = {line(1, 1, "train"), line(2, 0.5, "train")};
  TensorBoardLog log(folder.path(), kept, 1000, false);
  log.write(line(3, 1.0 / 3, "train"));
  log.flush();
  EXPECT_EQ(events_of(path), whole);
}

TEST(TensorBoard, AFullDiskIsSaid) {
  const TemporaryFolder folder;
  const std::filesystem::path split = folder.path() / "test";
  std::filesystem::create_directories(split);
  std::filesystem::create_symlink("/dev/full", split / "events.out.tfevents.fovea");
  TensorBoardLog log(folder.path(), {}, 1000, true);
  EXPECT_THROW(log.write(line(1, 1, "test")), Error);
}

}  // namespace
}  // namespace fovea
