// counts_test.cpp - the counted work of kernels for which it can be told by hand, and the two
// functions behind it.
#include <fovea/core/stream.h>
#include <fovea/kernels/emulator/access_counter.h>
#include <fovea/kernels/emulator/counts.h>
#include <fovea/tests/emulator/kernels/counts.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <numeric>
#include <vector>

namespace fovea::emulator {
namespace {

// Floats that begin at a multiple of 128 bytes.
class Floats {
 public:
  explicit Floats(std::size_t n) : n_{n}, data_{new (std::align_val_t{128}) float[n]} {
    std::iota(begin(), begin() + n, 0.0F);
  }
  ~Floats() { ::operator delete[](data_, std::align_val_t{128}); }
  Floats(const Floats&) = delete;
  Floats& operator=(const Floats&) = delete;
  float* begin() { return data_; }

 private:
  std::size_t n_;
  float* data_;
};

Counts counts_of(const std::function<void(StreamView)>& run,
                 std::uint64_t accesses = ~std::uint64_t{0}) {
  const Stream stream(Device::emulated());
  Counts c;
  const ScopedCounting counting(c, accesses);
  run(stream);
  stream.view().synchronize();
  return c;
}

constexpr int kN = 4096;  // 128 warps of 32 lanes

TEST(Counts, OfACoalescedCopyAreFourSectorsARequest) {
  Floats x(kN), y(kN);
  const Counts c =
      counts_of([&](StreamView s) { emu_counted::run_copy(x.begin(), y.begin(), kN, 1, s); });
  EXPECT_EQ(c.read_requests, kN / 32);
  EXPECT_EQ(c.read_sectors, 4 * kN / 32);
  EXPECT_EQ(c.write_requests, kN / 32);
  EXPECT_EQ(c.write_sectors, 4 * kN / 32);
  EXPECT_EQ(c.shared_requests + c.barriers + c.multiply_adds + c.matrix_operations, 0U);
  EXPECT_EQ(c.launches, 1U);
  EXPECT_EQ(c.blocks, 32U);
  EXPECT_EQ(c.blocks_counted, 32U);
  EXPECT_EQ(y.begin()[kN - 1], kN - 1) << "a counted kernel computes as ever";
}

TEST(Counts, OfStridedReadsGrowWithTheStride) {
  Floats x(32 * kN), y(kN);
  const auto sectors = [&](int stride) {
    const Counts c = counts_of(
        [&](StreamView s) { emu_counted::run_copy(x.begin(), y.begin(), kN, stride, s); });
    EXPECT_EQ(c.read_requests, kN / 32);
    return c.read_sectors / c.read_requests;
  };
  EXPECT_EQ(sectors(2), 8U);
  EXPECT_EQ(sectors(4), 16U);
  EXPECT_EQ(sectors(8), 32U);
  EXPECT_EQ(sectors(32), 32U);
}

TEST(Counts, OfAMisalignedCopyAreFiveSectorsARequest) {
  Floats x(kN + 1), y(kN);
  const Counts c =
      counts_of([&](StreamView s) { emu_counted::run_copy(x.begin() + 1, y.begin(), kN, 1, s); });
  EXPECT_EQ(c.read_sectors, 5 * kN / 32);
}

TEST(Counts, OfVectorsAreSixteenSectorsARequest) {
  Floats x(kN), y(kN);
  const Counts c =
      counts_of([&](StreamView s) { emu_counted::run_copy_vectors(x.begin(), y.begin(), kN, s); });
  EXPECT_EQ(c.read_requests, kN / 128);
  EXPECT_EQ(c.read_sectors, 16 * kN / 128);
  EXPECT_EQ(c.write_requests, kN / 128);
  EXPECT_EQ(c.write_sectors, 16 * kN / 128);
}

TEST(Counts, OfColumnsOfATileAreThirtyOneConflictsARequestUnlessItIsPadded) {
  Floats x(1024), y(1024);
  const auto of_pitch = [&](int pitch) {
    return counts_of(
        [&](StreamView s) { emu_counted::run_transpose(x.begin(), y.begin(), pitch, s); });
  };
  const Counts bare = of_pitch(32);
  EXPECT_EQ(bare.shared_requests, 64U) << "32 rows written, 32 columns read";
  EXPECT_EQ(bare.bank_conflicts, 32U * 31);
  EXPECT_EQ(bare.shared_cycles, 32U + 32 * 32);
  EXPECT_EQ(bare.barriers, 1U);
  EXPECT_EQ(bare.read_sectors, 32U * 4);
  EXPECT_EQ(y.begin()[1], 32.0F);
  const Counts padded = of_pitch(33);
  EXPECT_EQ(padded.shared_requests, 64U);
  EXPECT_EQ(padded.bank_conflicts, 0U);
  EXPECT_EQ(padded.shared_cycles, 64U);
}

TEST(Counts, OfHalfTheLanesAreTheirs) {
  Floats x(kN), y(kN);
  const Counts c =
      counts_of([&](StreamView s) { emu_counted::run_half(2, x.begin(), y.begin(), kN, s); });
  EXPECT_EQ(c.multiply_adds, kN / 2);
  EXPECT_EQ(c.read_requests, 2U * kN / 32) << "x and y";
  EXPECT_EQ(c.read_sectors, 2U * 4 * kN / 32) << "every other float, and so every sector";
  EXPECT_EQ(c.write_sectors, 4U * kN / 32);
}

TEST(Counts, OfAsynchronousCopiesAreThoseOfBothEnds) {
  Floats x(kN), y(kN);
  const Counts c =
      counts_of([&](StreamView s) { emu_counted::run_staged(x.begin(), y.begin(), kN, s); });
  EXPECT_EQ(c.read_requests, kN / 128);
  EXPECT_EQ(c.read_sectors, 16 * kN / 128);
  EXPECT_EQ(c.shared_requests, 2 * kN / 128);
  EXPECT_EQ(c.shared_cycles, 4 * 2 * kN / 128) << "512 bytes, 128 a cycle";
  EXPECT_EQ(c.bank_conflicts, 0U);
  EXPECT_EQ(c.barriers, c.blocks);
}

TEST(Counts, OfTensorCoreInstructionsAreOneAWarp) {
  Floats y(8);
  const Counts c = counts_of([&](StreamView s) { emu_counted::run_mma(y.begin(), 3, s); });
  EXPECT_EQ(c.matrix_operations, 3U);
  EXPECT_EQ(c.write_requests, 3U);
}

TEST(Counts, AreTheSameInEveryRun) {
  Floats x(kN), y(kN);
  const auto run = [&](StreamView s) { emu_counted::run_half(2, x.begin(), y.begin(), kN, s); };
  EXPECT_EQ(counts_of(run), counts_of(run));
}

TEST(Counts, OfAPartOfTheBlocksAreScaledUp) {
  Floats x(kN), y(kN);
  const auto run = [&](StreamView s) { emu_counted::run_copy(x.begin(), y.begin(), kN, 1, s); };
  const Counts all = counts_of(run);
  const Counts part = counts_of(run, 2 * kN / 4);
  EXPECT_EQ(part.blocks_counted, 8U);
  EXPECT_EQ(part.blocks, 32U);
  EXPECT_EQ(part.read_sectors, all.read_sectors);
  EXPECT_EQ(part, counts_of(run, 2 * kN / 4));
}

TEST(Counts, GoToTheInnermostCountingOfTheirThread) {
  Floats x(kN), y(kN);
  Counts outer;
  const ScopedCounting counting(outer);
  const Counts inner =
      counts_of([&](StreamView s) { emu_counted::run_copy(x.begin(), y.begin(), kN, 1, s); });
  EXPECT_EQ(inner.launches, 1U);
  EXPECT_EQ(outer, Counts{});
}

TEST(Sectors, AreCountedOnceHoweverManyLanesTouchThem) {
  std::vector<std::uintptr_t> same(32, 64), apart, backwards;
  for (std::uintptr_t i = 0; i < 32; ++i) {
    apart.push_back(32 * i + 30);  // two bytes in one sector, two in the next
    backwards.push_back(4 * (31 - i));
  }
  EXPECT_EQ(sectors_of(same, 4), 1U);
  EXPECT_EQ(sectors_of(apart, 4), 33U);
  EXPECT_EQ(sectors_of(backwards, 4), 4U);
}

TEST(SharedCycles, FollowTheBankWithMostWords) {
  const auto of = [](std::size_t lanes, unsigned bytes, auto address) {
    std::vector<std::uintptr_t> a;
    for (std::size_t i = 0; i < lanes; ++i) a.push_back(address(i));
    return shared_cycles_of(a, bytes);
  };
  EXPECT_EQ(of(32, 4, [](auto) { return 0; }).cycles, 1U) << "a broadcast";
  EXPECT_EQ(of(32, 4, [](auto i) { return 8 * i; }).conflicts, 1U) << "every other bank";
  EXPECT_EQ(of(32, 8, [](auto i) { return 8 * i; }).cycles, 2U);
  EXPECT_EQ(of(32, 16, [](auto i) { return 16 * i; }).cycles, 4U);
  EXPECT_EQ(of(32, 16, [](auto i) { return 16 * i; }).conflicts, 0U);
  EXPECT_EQ(of(32, 16, [](auto i) { return 128 * i; }).conflicts, 4U * 7);
  EXPECT_EQ(of(3, 4, [](auto i) { return 128 * i; }).cycles, 3U) << "three lanes are left";
}

}  // namespace
}  // namespace fovea::emulator
