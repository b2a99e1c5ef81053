// safetensors_test.cpp - what we write is read back; everything else is refused, file unchanged.
#include <fovea/core/error.h>
#include <fovea/train/safetensors.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>

#include "tiny.h"

namespace fovea {
namespace {

using test::read_bytes;
using test::TemporaryFolder;
using test::write_bytes;

TensorFile small_file() {
  return {.tensors = {{"a", {2, 3}, {1, 2, 3, 4, 5, 6}}, {"b", {1}, {-0.5F}}},
          .metadata = {{"who", "tests"}}};
}

// A file of this header text and so many bytes of zeros.
std::string file_of(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  std::string bytes(sizeof(length), '\0');
  std::memcpy(bytes.data(), &length, sizeof(length));
  return bytes + header + std::string(data_bytes, '\0');
}

TEST(Safetensors, ReadsBackWhatWasWritten) {
  const TemporaryFolder folder;
  save_tensors(folder.file("t"), small_file());
  const TensorFile back = load_tensors(folder.file("t"));
  ASSERT_EQ(back.tensors.size(), 2U);
  EXPECT_EQ(back.at("a").elements, small_file().tensors[0].elements);
  EXPECT_EQ(back.at("a").shape, (Shape{2, 3}));
  EXPECT_EQ(back.at("b").elements, small_file().tensors[1].elements);
  EXPECT_EQ(back.metadata, small_file().metadata);
}

struct Malformed {
  const char* name;
  std::string bytes;
};

std::string entry(const std::string& inside) { return R"({"a":{)" + inside + "}}"; }

std::vector<Malformed> malformed() {
  const std::string f32 = R"("dtype":"F32",)";
  const std::string one = f32 + R"("shape":[1],"data_offsets":[0,4])";
  return {
      {"Empty", ""},
      {"SevenBytes", std::string(7, '\0')},
      {"HeaderOfZeroBytes", file_of("", 0)},
      {"HeaderLongerThanFile", std::string("\xff\0\0\0\0\0\0\0{}", 10)},
      {"HeaderLengthOverflows", std::string(8, '\xff') + "{}"},
      {"HeaderOf2To63", std::string("\0\0\0\0\0\0\0\x80{}", 10)},
      {"HeaderNotJson", file_of("{not json}", 0)},
      {"HeaderStartsWithBlank", file_of(" {}", 0)},
      {"HeaderIsList", file_of("[]", 0)},
      {"HeaderIsNull", file_of("null", 0)},
      {"HeaderUnclosed", file_of(R"({"a":{)", 0)},
      {"HeaderWithTextAfter", file_of("{} x", 0)},
      {"HeaderNotUtf8", file_of("{\"\xff\":{" + one + "}}", 4)},
      {"EntryIsNumber", file_of(R"({"a":3})", 0)},
      {"NoDtype", file_of(entry(R"("shape":[1],"data_offsets":[0,4])"), 4)},
      {"NoShape", file_of(entry(f32 + R"("data_offsets":[0,4])"), 4)},
      {"NoOffsets", file_of(entry(f32 + R"("shape":[1])"), 4)},
      {"KeyTooMany", file_of(entry(one + R"(,"more":1)"), 4)},
      {"OtherType", file_of(entry(R"("dtype":"F16","shape":[2],"data_offsets":[0,4])"), 4)},
      {"TypeIsNumber", file_of(entry(R"("dtype":32,"shape":[1],"data_offsets":[0,4])"), 4)},
      {"FiveExtents", file_of(entry(f32 + R"("shape":[1,1,1,1,1],"data_offsets":[0,4])"), 4)},
      {"NegativeExtent", file_of(entry(f32 + R"("shape":[-1],"data_offsets":[0,4])"), 4)},
      {"FractionExtent", file_of(entry(f32 + R"("shape":[1.5],"data_offsets":[0,4])"), 4)},
      {"TextExtent", file_of(entry(f32 + R"("shape":["1"],"data_offsets":[0,4])"), 4)},
      {"ShapeIsNumber", file_of(entry(f32 + R"("shape":1,"data_offsets":[0,4])"), 4)},
      {"HugeExtent",
       file_of(entry(f32 + R"("shape":[18446744073709551615],"data_offsets":[0,4])"), 4)},
      {"ProductOverflows",
       file_of(entry(f32 + R"("shape":[1099511627776,1099511627776],"data_offsets":[0,4])"), 4)},
      {"BytesOverflow",
       file_of(entry(f32 + R"("shape":[1099511627776,8388608],"data_offsets":[0,4])"), 4)},
      {"OffsetsTooFew", file_of(entry(f32 + R"("shape":[1],"data_offsets":[0])"), 4)},
      {"OffsetsTooMany", file_of(entry(f32 + R"("shape":[1],"data_offsets":[0,4,4])"), 4)},
      {"OffsetsBackward", file_of(entry(f32 + R"("shape":[1],"data_offsets":[4,0])"), 4)},
      {"OffsetsNegative", file_of(entry(f32 + R"("shape":[1],"data_offsets":[-4,0])"), 4)},
      {"OffsetsBeyondFile", file_of(entry(f32 + R"("shape":[2],"data_offsets":[0,8])"), 4)},
      {"BytesNotOfShape", file_of(entry(f32 + R"("shape":[2],"data_offsets":[0,4])"), 4)},
      {"GapBefore", file_of(entry(f32 + R"("shape":[1],"data_offsets":[4,8])"), 8)},
      {"Overlap", file_of(R"({"a":{)" + one + R"(},"b":{)" + one + "}}", 4)},
      {"BytesLeftOver", file_of(entry(one), 8)},
      {"DataMissing", file_of(entry(one), 0)},
      {"KeyTwice", file_of(R"({"a":{)" + one + R"(},"a":{)" + one + "}}", 4)},
      {"KeyTwiceInside", file_of(entry(one + R"(,"dtype":"F32")"), 4)},
      {"MetadataIsList", file_of(R"({"__metadata__":[]})", 0)},
      {"MetadataOfNumbers", file_of(R"({"__metadata__":{"a":1}})", 0)},
      {"ChecksumWrong", file_of(R"({"__metadata__":{"fovea.crc32":"1"},"a":{)" + one + "}}", 4)},
      {"ChecksumNoNumber", file_of(R"({"__metadata__":{"fovea.crc32":"x"},"a":{)" + one + "}}", 4)},
  };
}

class MalformedSafetensors : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedSafetensors, IsRefusedAndLeftAlone) {
  const TemporaryFolder folder;
  write_bytes(folder.file("t"), GetParam().bytes);
  try {
    static_cast<void>(load_tensors(folder.file("t")));
    FAIL() << "was read";
  } catch (const FormatError& e) {
    const std::string message = e.what();
    EXPECT_NE(message.find(folder.file("t")), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
  EXPECT_EQ(read_bytes(folder.file("t")), GetParam().bytes);
}

INSTANTIATE_TEST_SUITE_P(Table, MalformedSafetensors, testing::ValuesIn(malformed()),
                         [](const auto& row) { return std::string(row.param.name); });

// The frame that the table's cases break is itself good.
TEST(Safetensors, TheTablesGoodFileIsRead) {
  const TemporaryFolder folder;
  write_bytes(folder.file("t"),
              file_of(entry(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), 4));
  EXPECT_EQ(load_tensors(folder.file("t")).at("a").elements, std::vector<float>{0.0F});
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const TemporaryFolder folder;
  save_tensors(folder.file("t"), small_file());
  const std::string whole = read_bytes(folder.file("t"));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    write_bytes(folder.file("cut"), whole.substr(0, length));
    EXPECT_THROW(static_cast<void>(load_tensors(folder.file("cut"))), FormatError) << length;
  }
}

TEST(Safetensors, EveryFlippedBitOfTheDataIsFound) {
  const TemporaryFolder folder;
  save_tensors(folder.file("t"), small_file());
  const std::string whole = read_bytes(folder.file("t"));
  const std::size_t data = 7 * sizeof(float);
  for (std::size_t bit = 0; bit < data * 8; ++bit) {
    std::string flipped = whole;
    char& byte = flipped[whole.size() - data + bit / 8];
    byte = static_cast<char>(byte ^ (1 << (bit % 8)));
    write_bytes(folder.file("flipped"), flipped);
    EXPECT_THROW(static_cast<void>(load_tensors(folder.file("flipped"))), FormatError) << bit;
  }
}

TEST(Safetensors, AMissingFileIsAWrongArgument) {
  EXPECT_THROW(static_cast<void>(load_tensors("/no/such/file")), InvalidArgument);
}

// A limit on file size stands for a full disk: write() fails half way.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = SIG_DFL;
};

TEST(AtomicSave, AFailedWriteLeavesTheOldFileAndNothingElse) {
  const TemporaryFolder folder;
  save_tensors(folder.file("t"), small_file());
  const std::string before = read_bytes(folder.file("t"));
  TensorFile large = small_file();
  large.tensors.push_back({"c", {1 << 16}, std::vector<float>(1 << 16, 1.0F)});
  {
    const FileSizeLimit full(4096);
    EXPECT_THROW(save_tensors(folder.file("t"), large), Error);
  }
  EXPECT_EQ(read_bytes(folder.file("t")), before);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& f : std::filesystem::directory_iterator(folder.path())) ++files;
  EXPECT_EQ(files, 1U) << "a half-written sibling was left behind";
}

TEST(AtomicSave, AFolderThatIsNotThereIsSaid) {
  const TemporaryFolder folder;
  EXPECT_THROW(save_tensors(folder.file("none/t"), small_file()), Error);
}

TEST(AtomicSave, KeepsTheModeOfWhatStoodThere) {
  const TemporaryFolder folder;
  save_tensors(folder.file("t"), small_file());
  using std::filesystem::perms;
  std::filesystem::permissions(folder.file("t"), perms::owner_read | perms::owner_write);
  save_tensors(folder.file("t"), small_file());
  EXPECT_EQ(std::filesystem::status(folder.file("t")).permissions(),
            perms::owner_read | perms::owner_write);
}

}  // namespace
}  // namespace fovea
