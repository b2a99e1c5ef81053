// loader.cpp - a ring of batches. Loader threads claim chunks of rows in the order of the batches,
// fill them without a lock and count them; next() waits for the oldest batch to be complete.
//
// Invariant: batches freed .. freed + slots - 1 have a slot each (number modulo slots). handed is
// the next batch that next() returns, opened - 1 the newest that was opened for claiming:
// freed <= handed <= opened <= freed + slots. Everything but the bytes of a claimed chunk belongs
// to mutex.
#include <fovea/core/error.h>
#include <fovea/core/shape.h>
#include <fovea/data/loader.h>
#include <fovea/data/resize.h>
#include <fovea/data/sampler.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <limits>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace fovea {
namespace {

// Rows a thread claims at once: a few pictures that need decoding, or as many as make the claim
// cheap beside the copying.
constexpr int kRowsToDecode = 4;
constexpr std::int64_t kBytesToCopy = 1 << 19;

struct Slot {
  Batch batch;
  std::vector<std::uint8_t> images;
  std::vector<std::int32_t> labels;
  std::vector<float> targets;
  std::vector<std::uint32_t> indices;
  int claimed = 0;  // rows
  int done = 0;     // rows
  int error_row = 0;
  std::exception_ptr error;
};

[[noreturn]] void refuse(const std::string& what) { throw InvalidArgument("loader: " + what); }

const LoaderOptions& checked(const Dataset& data, const LoaderOptions& o) {
  if (data.size() < 1) refuse("the data set is empty");
  if (data.size() > std::numeric_limits<std::uint32_t>::max()) {
    refuse(std::to_string(data.size()) + " pictures; at most 2^32 - 1 are supported");
  }
  if (o.batch < 1) refuse("batch " + std::to_string(o.batch) + "; give at least 1");
  if (o.threads < 0) refuse("threads " + std::to_string(o.threads) + "; give 0 or more");
  if (o.prefetch < 1) refuse("prefetch " + std::to_string(o.prefetch) + "; give at least 1");
  if (o.held < 1) refuse("held " + std::to_string(o.held) + "; give at least 1");
  const std::int64_t batches = (data.size() + o.batch - 1) / o.batch;
  if (o.first_epoch < 0 || o.first_batch < 0 || o.first_batch >= batches) {
    refuse("start at epoch " + std::to_string(o.first_epoch) + ", batch " +
           std::to_string(o.first_batch) + "; an epoch has " + std::to_string(batches) +
           " batches");
  }
  return o;
}

ImageSize stored_size(const Dataset& data, const LoaderOptions& o) {
  const std::optional<ImageSize> size = o.image_size ? o.image_size : data.image_size();
  if (!size) refuse("the pictures differ in size; give the size to bring them to");
  const auto fits = [](int extent) { return extent >= 1 && extent <= kMaxImageExtent; };
  if (!fits(size->height) || !fits(size->width) || (size->channels != 1 && size->channels != 3)) {
    refuse("pictures of " + size_text(size->height, size->width, size->channels) +
           "; give extents of at least 1 and 1 or 3 channels");
  }
  return *size;
}

}  // namespace

struct Loader::Impl {
  Impl(const Dataset& dataset, const LoaderOptions& o);
  ~Impl();

  const Batch* next();

  // A piece of work: rows begin .. end - 1 of a slot.
  struct Claim {
    Slot* slot;
    int begin, end;
  };
  bool can_claim() const;
  Claim claim();
  void open();
  void fill(const Claim& c, Resizer& resizer) noexcept;
  void check_sample(const Sample& sample, std::int64_t i) const;
  void fill_rows(const Claim& c, Resizer& resizer, int& row);
  void work();
  void work_in_place(std::unique_lock<std::mutex>& lock);
  void start_threads();

  Slot& slot(std::int64_t number) { return slots[static_cast<std::size_t>(number) % slots.size()]; }

  const Dataset& data;
  const LoaderOptions options;
  const ImageSize size;
  const std::int64_t image_bytes;
  const std::int64_t batches;  // of an epoch
  int rows_per_claim = 1;

  std::mutex mutex;
  std::condition_variable room;   // a worker may claim, or must stop
  std::condition_variable ready;  // a batch became complete
  std::vector<Slot> slots;
  std::vector<std::uint32_t> order;  // of epoch order_epoch
  std::int64_t order_epoch = -1;
  std::int64_t freed = 0, handed = 0, opened = 0;
  std::int64_t end = std::numeric_limits<std::int64_t>::max();  // batches until end_epoch
  std::atomic<bool> stop = false;
  Resizer own_resizer;  // of next(), without threads
  std::vector<std::thread> workers;
};

Loader::Impl::Impl(const Dataset& dataset, const LoaderOptions& o)
    : data{dataset},
      options{checked(dataset, o)},
      size{stored_size(dataset, o)},
      image_bytes{checked_mul(size.height, checked_mul(size.width, size.channels))},
      batches{(dataset.size() + o.batch - 1) / o.batch} {
  if (o.end_epoch >= 0) {
    const std::int64_t epochs = std::max<std::int64_t>(0, o.end_epoch - o.first_epoch);
    end = std::max<std::int64_t>(0, checked_mul(epochs, batches) - o.first_batch);
  }
  const bool copied = data.image_size() == size;
  rows_per_claim = kRowsToDecode;
  if (copied) {
    const std::int64_t rows = kBytesToCopy / image_bytes;
    rows_per_claim = static_cast<int>(std::clamp<std::int64_t>(rows, 1, o.batch));
  }
  const auto rows = static_cast<std::size_t>(o.batch);
  const auto bytes = static_cast<std::size_t>(checked_mul(o.batch, image_bytes));
  const auto values = static_cast<std::size_t>(checked_mul(o.batch, data.target_size()));
  order.resize(static_cast<std::size_t>(data.size()));
  slots.resize(static_cast<std::size_t>(o.held + (o.threads > 0 ? o.prefetch : 0)));
  for (Slot& s : slots) {
    s.images.resize(bytes);
    s.labels.resize(rows);
    s.targets.resize(values);
    s.indices.resize(rows);
    s.batch.size = o.batch;
    s.batch.image_size = size;
    s.batch.images = s.images;
    s.batch.labels = s.labels;
    s.batch.targets = s.targets;
  }
}

Loader::Impl::~Impl() {
  {
    const std::lock_guard lock(mutex);
    stop = true;
  }
  room.notify_all();
  for (std::thread& t : workers) t.join();
}

bool Loader::Impl::can_claim() const {
  if (opened > handed) {
    const Slot& newest = slots[static_cast<std::size_t>(opened - 1) % slots.size()];
    if (newest.claimed < options.batch) return true;
  }
  return opened < end && opened < freed + static_cast<std::int64_t>(slots.size());
}

// Gives batch number opened its slot and its pictures. The order of an epoch is made here, under
// the lock: 0.6 ms for 60,000 pictures, once an epoch.
void Loader::Impl::open() {
  const std::int64_t at = options.first_batch + opened;
  const std::int64_t epoch = options.first_epoch + at / batches;
  const std::int64_t index = at % batches;
  if (order_epoch != epoch) {
    if (options.shuffle) {
      epoch_order(options.seed, epoch, order);
    } else if (order_epoch < 0) {
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint32_t>(i);
    }
    order_epoch = epoch;
  }
  Slot& s = slot(opened);
  const std::int64_t first = index * options.batch;
  const std::int64_t valid = std::min<std::int64_t>(options.batch, data.size() - first);
  std::copy_n(order.begin() + first, valid, s.indices.begin());
  s.batch.epoch = epoch;
  s.batch.index = index;
  s.batch.valid = static_cast<int>(valid);
  s.batch.indices = std::span(s.indices).first(static_cast<std::size_t>(valid));
  s.claimed = 0;
  s.done = 0;
  s.error = nullptr;
  ++opened;
}

Loader::Impl::Claim Loader::Impl::claim() {
  if (opened == handed || slot(opened - 1).claimed == options.batch) open();
  Slot& s = slot(opened - 1);
  const int begin = s.claimed;
  s.claimed = std::min(options.batch, begin + rows_per_claim);
  return {&s, begin, s.claimed};
}

// A kernel indexes by the label later: what a data set of the caller's gives is checked here.
void Loader::Impl::check_sample(const Sample& sample, std::int64_t i) const {
  const int classes = data.classes();
  if (classes > 0 && (sample.label < 0 || sample.label >= classes)) {
    refuse("label " + std::to_string(sample.label) + " of picture " + std::to_string(i) +
           " is outside 0.." + std::to_string(classes - 1));
  }
  if (sample.target.size() != static_cast<std::size_t>(data.target_size())) {
    refuse("picture " + std::to_string(i) + " has a target of " +
           std::to_string(sample.target.size()) + " values, the data set promises " +
           std::to_string(data.target_size()));
  }
}

void Loader::Impl::fill_rows(const Claim& c, Resizer& resizer, int& row) {
  Slot& s = *c.slot;
  const int target_size = data.target_size();
  for (row = c.begin; row < std::min(c.end, s.batch.valid) && !stop; ++row) {
    const auto at = static_cast<std::size_t>(row);
    const Sample sample = data.get(s.indices[at]);
    check_sample(sample, s.indices[at]);
    resizer.cover(sample.image, size.height, size.width, size.channels,
                  s.images.data() + row * image_bytes);
    s.labels[at] = sample.label;
    if (target_size > 0) {
      std::copy_n(sample.target.begin(), target_size, s.targets.begin() + row * target_size);
    }
  }
}

void Loader::Impl::fill(const Claim& c, Resizer& resizer) noexcept {
  Slot& s = *c.slot;
  int row = c.begin;
  std::exception_ptr error;
  try {
    fill_rows(c, resizer, row);
  } catch (...) {
    error = std::current_exception();
  }
  const int empty = std::max(c.begin, s.batch.valid);
  if (empty < c.end) {
    const int target_size = data.target_size();
    std::fill(s.images.begin() + empty * image_bytes, s.images.begin() + c.end * image_bytes,
              std::uint8_t{0});
    std::fill(s.labels.begin() + empty, s.labels.begin() + c.end, 0);
    std::fill(s.targets.begin() + empty * target_size, s.targets.begin() + c.end * target_size,
              0.0F);
  }
  const std::lock_guard lock(mutex);
  if (error && (!s.error || row < s.error_row)) {
    s.error = error;
    s.error_row = row;
  }
  s.done += c.end - c.begin;
  if (s.done == options.batch) ready.notify_one();
}

void Loader::Impl::work() {
  Resizer resizer;
  while (true) {
    Claim c{};
    {
      std::unique_lock lock(mutex);
      room.wait(lock, [&] { return stop || can_claim(); });
      if (stop) return;
      c = claim();
    }
    fill(c, resizer);
  }
}

void Loader::Impl::work_in_place(std::unique_lock<std::mutex>& lock) {
  while (opened == handed || slot(handed).done < options.batch) {
    const Claim c = claim();
    lock.unlock();
    fill(c, own_resizer);
    lock.lock();
  }
}

void Loader::Impl::start_threads() {
  workers.reserve(static_cast<std::size_t>(options.threads));
  for (int i = 0; i < options.threads; ++i) workers.emplace_back([this] { work(); });
}

const Batch* Loader::Impl::next() {
  if (options.threads > 0 && workers.empty()) start_threads();
  std::unique_lock lock(mutex);
  if (handed == end) return nullptr;
  const std::int64_t still_held = handed - (options.held - 1);
  if (still_held > freed) {
    freed = still_held;
    room.notify_all();
  }
  if (options.threads == 0) {
    work_in_place(lock);
  } else {
    ready.wait(lock, [&] { return opened > handed && slot(handed).done == options.batch; });
  }
  Slot& s = slot(handed);
  if (s.error) std::rethrow_exception(s.error);
  ++handed;
  return &s.batch;
}

Loader::Loader(const Dataset& data, const LoaderOptions& options)
    : impl_{std::make_unique<Impl>(data, options)} {}

Loader::~Loader() = default;

const Batch* Loader::next() { return impl_->next(); }

std::int64_t Loader::batches_per_epoch() const { return impl_->batches; }

const ImageSize& Loader::image_size() const { return impl_->size; }

}  // namespace fovea
