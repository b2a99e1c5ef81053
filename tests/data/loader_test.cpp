// loader_test.cpp - the same batches for any number of threads, resume, errors, no allocation.
#include <fovea/core/error.h>
#include <fovea/data/array_dataset.h>
#include <fovea/data/loader.h>
#include <fovea/data/memory_dataset.h>
#include <fovea/data/sampler.h>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "../support/allocation_count.h"
#include "files.h"

namespace fovea {
namespace {

using test::expect_error;

// Picture i is 2 x 3 x 1 filled with i, its label i % 7.
ArrayDataset numbered(int count) {
  std::vector<std::uint8_t> pixels;
  std::vector<std::int32_t> labels;
  for (int i = 0; i < count; ++i) {
    pixels.insert(pixels.end(), 6, static_cast<std::uint8_t>(i));
    labels.push_back(i % 7);
  }
  return ArrayDataset({2, 3, 1}, std::move(pixels), std::move(labels), 7);
}

// Everything of the next `count` batches in one vector.
std::vector<std::int64_t> transcript(Loader& loader, int count) {
  std::vector<std::int64_t> all;
  for (int i = 0; i < count; ++i) {
    const Batch* b = loader.next();
    if (b == nullptr) break;
    all.insert(all.end(), {b->epoch, b->index, b->size, b->valid});
    all.insert(all.end(), b->images.begin(), b->images.end());
    all.insert(all.end(), b->labels.begin(), b->labels.end());
    all.insert(all.end(), b->indices.begin(), b->indices.end());
    for (const float t : b->targets) all.push_back(static_cast<std::int64_t>(t * 1000));
  }
  return all;
}

TEST(Loader, GivesEachPictureOnceAnEpochWithItsLabel) {
  const ArrayDataset data = numbered(50);
  for (const bool shuffle : {false, true}) {
    Loader loader(data, {.batch = 16, .shuffle = shuffle, .seed = 3, .threads = 2});
    EXPECT_EQ(loader.batches_per_epoch(), 4);
    for (int epoch = 0; epoch < 3; ++epoch) {
      std::multiset<int> seen;
      std::vector<std::uint32_t> order(50);
      if (shuffle) epoch_order(3, epoch, order);
      for (int index = 0; index < 4; ++index) {
        const Batch* b = loader.next();
        ASSERT_NE(b, nullptr);
        EXPECT_EQ(b->epoch, epoch);
        EXPECT_EQ(b->index, index);
        EXPECT_EQ(b->size, 16);
        EXPECT_EQ(b->valid, index < 3 ? 16 : 2);
        ASSERT_EQ(b->images.size(), 16U * 6);
        for (int row = 0; row < b->size; ++row) {
          const auto at = static_cast<std::size_t>(row);
          const int pixel = b->images[at * 6];
          for (std::size_t k = 0; k < 6; ++k) EXPECT_EQ(b->images[at * 6 + k], pixel);
          if (row >= b->valid) {
            EXPECT_EQ(pixel, 0);
            EXPECT_EQ(b->labels[at], 0);
            continue;
          }
          seen.insert(pixel);
          EXPECT_EQ(b->labels[at], pixel % 7);
          EXPECT_EQ(b->indices[at], static_cast<std::uint32_t>(pixel));
          const int place = index * 16 + row;
          const auto expected = shuffle ? order[static_cast<std::size_t>(place)] : place;
          EXPECT_EQ(pixel, static_cast<int>(expected));
        }
      }
      EXPECT_EQ(seen.size(), 50U);
      EXPECT_EQ(std::set<int>(seen.begin(), seen.end()).size(), 50U);
    }
  }
}

TEST(Loader, GivesTheSameBatchesForAnyThreadsAndPrefetch) {
  const ArrayDataset data = numbered(101);
  Loader alone(data, {.batch = 8, .seed = 9, .threads = 0});
  const auto expected = transcript(alone, 40);
  for (const int threads : {1, 2, 8}) {
    for (const int prefetch : {1, 3, 20}) {
      for (const int held : {1, 3}) {
        // A stored size of its own: pictures are claimed in small chunks.
        Loader loader(
            data, {.batch = 8, .seed = 9, .threads = threads, .prefetch = prefetch, .held = held});
        EXPECT_EQ(transcript(loader, 40), expected) << threads << " threads, " << prefetch;
      }
    }
  }
}

TEST(Loader, GivesTheSameBatchesForAnyThreadsWhenResizing) {
  MemoryDataset data;
  for (int i = 0; i < 45; ++i) {
    const test::Bytes pixels = test::counting(static_cast<std::size_t>(20 * (5 + i)));
    data.add({pixels.data(), 20, 5 + i, 5 + i, PixelFormat::grey8}, i % 3);
  }
  const LoaderOptions options{.batch = 32, .image_size = ImageSize{9, 11, 3}, .threads = 0};
  Loader alone(data, options);
  const auto expected = transcript(alone, 7);
  for (const int threads : {1, 2, 8}) {
    LoaderOptions o = options;
    o.threads = threads;
    Loader loader(data, o);
    EXPECT_EQ(transcript(loader, 7), expected) << threads;
  }
}

TEST(Loader, ContinuesFromAnyBatch) {
  const ArrayDataset data = numbered(21);
  Loader whole(data, {.batch = 5, .seed = 4, .threads = 0});
  for (int step = 0; step < 12; ++step) {
    const auto expected = transcript(whole, 1);
    for (const int threads : {0, 2}) {
      Loader resumed(data, {.batch = 5,
                            .seed = 4,
                            .threads = threads,
                            .first_epoch = step / 5,
                            .first_batch = step % 5});
      EXPECT_EQ(transcript(resumed, 1), expected) << "step " << step;
    }
  }
}

TEST(Loader, EndsAfterTheLastEpoch) {
  const ArrayDataset data = numbered(10);
  for (const int threads : {0, 1, 3}) {
    Loader loader(data, {.batch = 4, .threads = threads, .first_batch = 1, .end_epoch = 2});
    for (int i = 0; i < 5; ++i) ASSERT_NE(loader.next(), nullptr);
    EXPECT_EQ(loader.next(), nullptr);
    EXPECT_EQ(loader.next(), nullptr);
    Loader none(data, {.batch = 4, .threads = threads, .first_epoch = 2, .end_epoch = 2});
    EXPECT_EQ(none.next(), nullptr);
  }
}

TEST(Loader, KeepsHeldBatchesUntouched) {
  const ArrayDataset data = numbered(64);
  Loader loader(data, {.batch = 4, .shuffle = false, .threads = 2, .prefetch = 1, .held = 3});
  const Batch* a = loader.next();
  const Batch* b = loader.next();
  const Batch* c = loader.next();
  std::this_thread::sleep_for(std::chrono::milliseconds(5));  // let the threads run ahead
  EXPECT_EQ(a->images[0], 0);
  EXPECT_EQ(b->images[0], 4);
  EXPECT_EQ(c->images[0], 8);
}

TEST(Loader, CarriesTargets) {
  MemoryDataset data;
  for (std::uint8_t i = 0; i < 5; ++i) {
    data.add({&i, 1, 1, 1, PixelFormat::grey8}, std::array{i * 0.5F, -1.0F * i});
  }
  Loader loader(data, {.batch = 3, .shuffle = false, .threads = 2});
  loader.next();
  const Batch* b = loader.next();
  EXPECT_EQ(b->valid, 2);
  EXPECT_EQ(std::vector<float>(b->targets.begin(), b->targets.end()),
            (std::vector<float>{1.5F, -3, 2, -4, 0, 0}));
}

// A data set of one's own whose pictures `broken` and after cannot be read.
class Fragile : public Dataset {
 public:
  explicit Fragile(std::set<std::int64_t> broken) : broken_{std::move(broken)} {}
  std::int64_t size() const override { return 40; }
  int classes() const override { return 2; }
  Sample get(std::int64_t i) const override {
    if (broken_.contains(i)) throw FormatError("picture " + std::to_string(i) + " is broken");
    ++got_;
    Sample s;
    s.storage = Image(4, 4, 3);
    s.image = s.storage.view();
    return s;
  }
  int got() const { return got_; }

 private:
  std::set<std::int64_t> broken_;
  mutable std::atomic<int> got_ = 0;
};

TEST(Loader, RethrowsTheFirstErrorOfABatchWhenItsTurnComes) {
  for (const int threads : {0, 1, 2, 8}) {
    const Fragile data({17, 18, 23, 39});
    Loader loader(
        data, {.batch = 8, .image_size = ImageSize{4, 4, 3}, .shuffle = false, .threads = threads});
    EXPECT_NE(loader.next(), nullptr);
    EXPECT_NE(loader.next(), nullptr);
    for (int again = 0; again < 2; ++again) {
      expect_error<FormatError>([&] { loader.next(); }, {"picture 17 is broken"});
    }
  }
}

TEST(Loader, StopsInTheMiddle) {
  const Fragile data({});
  for (int i = 0; i < 50; ++i) {
    Loader loader(data, {.batch = 32, .image_size = ImageSize{64, 64, 3}, .threads = 1 + i % 4});
    if (i % 3 > 0) loader.next();
  }
  const Fragile untouched({});
  { Loader never_asked(untouched, {.image_size = ImageSize{4, 4, 3}, .threads = 4}); }
  EXPECT_EQ(untouched.got(), 0) << "no thread before the first call that needs one";
}

TEST(Loader, RefusesLabelsAndTargetsOutOfRange) {
  class Wrong : public Dataset {
   public:
    Wrong(std::int32_t label, int targets) : label_{label}, values_(2), targets_{targets} {}
    std::int64_t size() const override { return 1; }
    int classes() const override { return 2; }
    int target_size() const override { return targets_; }
    Sample get(std::int64_t) const override {
      return {{&pixel_, 1, 1, 1, PixelFormat::grey8}, label_, values_, {}};
    }

   private:
    std::uint8_t pixel_ = 0;
    std::int32_t label_;
    std::vector<float> values_;
    int targets_;
  };
  const LoaderOptions options{.batch = 1, .image_size = ImageSize{1, 1, 1}};
  const Wrong high(2, 2), low(-1, 2), targets(1, 3);
  expect_error<InvalidArgument>([&] { Loader(high, options).next(); }, {"label 2", "0..1"});
  expect_error<InvalidArgument>([&] { Loader(low, options).next(); }, {"label -1"});
  expect_error<InvalidArgument>([&] { Loader(targets, options).next(); }, {"2 values", "3"});
}

TEST(Loader, RefusesOptionsThatMakeNoSense) {
  const ArrayDataset data = numbered(10);
  const auto refused = [&](const LoaderOptions& o, const std::string& part) {
    expect_error<InvalidArgument>([&] { Loader(data, o); }, {"loader: ", part});
  };
  refused({.batch = 0}, "batch 0");
  refused({.threads = -1}, "threads -1");
  refused({.prefetch = 0}, "prefetch 0");
  refused({.held = 0}, "held 0");
  refused({.first_epoch = -1}, "epoch -1");
  refused({.batch = 5, .first_batch = 2}, "2 batches");
  refused({.image_size = ImageSize{0, 2, 3}}, "0x2x3");
  refused({.image_size = ImageSize{2, 2, 4}}, "2x2x4");
  MemoryDataset empty;
  expect_error<InvalidArgument>([&] { Loader(empty, {}); }, {"empty"});
  const Fragile any_size({});
  expect_error<InvalidArgument>([&] { Loader(any_size, {}); }, {"differ in size"});
}

TEST(Loader, AllocatesNothingAfterTheFirstBatches) {
  const ArrayDataset data = numbered(1000);
  for (const int threads : {0, 1, 2}) {
    Loader loader(data, {.batch = 64, .threads = threads});
    for (int i = 0; i < 8; ++i) loader.next();
    const std::int64_t before = test::allocation_count();
    for (int i = 0; i < 100; ++i) loader.next();
    EXPECT_EQ(test::allocation_count() - before, 0) << threads << " threads";
  }
}

TEST(Loader, AllocatesNothingWhenResizingFromMemory) {
  const ArrayDataset data = numbered(100);
  Loader loader(data, {.batch = 16, .image_size = ImageSize{8, 8, 3}, .threads = 0});
  for (int i = 0; i < 8; ++i) loader.next();
  const std::int64_t before = test::allocation_count();
  for (int i = 0; i < 50; ++i) loader.next();
  EXPECT_EQ(test::allocation_count() - before, 0);
}

}  // namespace
}  // namespace fovea
