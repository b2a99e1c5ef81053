// loader.h - batches of pictures, made ahead by loader threads.
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/dataset.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace fovea {

struct LoaderOptions {
  int batch = 128;
  /// Size of the pictures in a batch; the data set's own where empty. Pictures of another size are
  /// brought to it by Resizer::cover, grey becomes colour and the reverse as `channels` asks.
  std::optional<ImageSize> image_size = std::nullopt;
  bool shuffle = true;  // by epoch_order(seed, epoch); else in the order of the data set
  std::uint64_t seed = 1;
  int threads = 1;   // 0: batches are made inside next()
  int prefetch = 3;  // batches made ahead, at least 1
  int held = 1;      // batches that stay valid at once, the newest included: 2 lets a copy overlap
  std::int64_t first_epoch = 0;  // where to start: a resume gives epoch and batch of its next step
  std::int64_t first_batch = 0;
  std::int64_t end_epoch = -1;  // one past the last; -1: never ends
};

/// One batch: host memory of the loader.
struct Batch {
  std::int64_t epoch = 0;
  std::int64_t index = 0;  // within the epoch
  int size = 0;            // rows
  int valid = 0;           // rows that hold pictures: fewer in an epoch's last batch; others are 0
  ImageSize image_size;
  std::span<const std::uint8_t> images;    // {size, height, width, channels}
  std::span<const std::int32_t> labels;    // {size}
  std::span<const float> targets;          // {size, target_size}
  std::span<const std::uint32_t> indices;  // {valid}: the pictures' numbers in the data set
};

/// Walks a data set epoch by epoch. The batches depend on the data set, batch, image_size, shuffle
/// and seed alone, never on threads, prefetch or where the walk started. After the first batches
/// it allocates nothing itself. next() belongs to one thread.
class FOVEA_API Loader {
 public:
  /// Starts no thread. Throws InvalidArgument for options that make no sense, an empty data set, or
  /// pictures of differing size without options.image_size. `data` must outlive the loader.
  Loader(const Dataset& data, const LoaderOptions& options);
  /// Stops in the middle: waits for the pictures being decoded now, not for whole batches.
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// The next batch, nullptr after the last; valid until `held` further calls. Rethrows what
  /// Dataset::get threw for one of its pictures, the first of them in the batch's order; later
  /// calls throw it again.
  const Batch* next();

  std::int64_t batches_per_epoch() const;
  const ImageSize& image_size() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea
