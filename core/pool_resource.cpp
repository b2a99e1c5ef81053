// pool_resource.cpp - who may have which free block, and when.
#include <fovea/core/asan.h>
#include <fovea/core/error.h>
#include <fovea/core/log.h>
#include <fovea/core/pool_blocks.h>
#include <fovea/core/pool_resource.h>
#include <fovea/core/stream_impl.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fovea {
namespace {

/// Blocks freed on one stream, and the event after the last of these frees.
struct StreamList {
  FreeList blocks;
  std::optional<Event> freed;
  bool covered = true;  // `freed` comes after every free; else only the stream itself may reuse
};

std::size_t rounded(std::size_t bytes) {
  if (bytes > std::numeric_limits<std::size_t>::max() - kAllocationAlignment) {
    throw OutOfMemory(std::to_string(bytes) + " bytes are more than any device has");
  }
  return allocation_bytes(bytes);
}

}  // namespace

class PoolResource::Impl {
 public:
  Impl(MemoryResource& upstream, PoolOptions options)
      : upstream_{upstream},
        options_{options},
        on_host_{upstream.device().kind() == DeviceKind::cpu} {}

  ~Impl() {
    settle_all();
    const std::size_t used = blocks_.used_bytes();
    if (used != 0) {
      log(LogLevel::error, "a pool on " + to_string(upstream_.device()) + " ended with " +
                               std::to_string(used) + " bytes still handed out");
    }
    for (const auto& [begin, bytes] : blocks_.chunks()) give_back(begin, bytes);
  }

  void* allocate(std::size_t bytes, StreamView stream) {
    void* p = find_or_grow(rounded(bytes), stream);
    if (on_host_) allow_bytes(p, bytes);
    return p;
  }

  void* find_or_grow(std::size_t size, StreamView stream) {
    std::unique_lock lock(mutex_);
    if (void* p = find(size, stream)) return p;
    if (void* p = grow(size)) return p;
    // The last resort waits for the host: whole unused chunks go back, and others come.
    lock.unlock();
    release();
    lock.lock();
    if (void* p = find(size, stream)) return p;
    if (void* p = grow(size)) return p;
    throw OutOfMemory(no_room(size));
  }

  void deallocate(void* p, std::size_t bytes, StreamView stream) noexcept {
    const char* fault = take_back(static_cast<std::byte*>(p), bytes, stream);
    if (fault != nullptr) log(LogLevel::error, fault);  // unlocked: a sink may use the pool
  }

  /// Moves everything that is free to the settled list, waiting for the streams' work. Without
  /// the lock while it waits: the work may itself free memory of this pool.
  void settle_all() noexcept {
    std::vector<std::unique_ptr<StreamList>> waiting;
    {
      const std::lock_guard lock(mutex_);
      for (auto it = streams_.begin(); it != streams_.end();) {
        if (!it->second->covered) {
          ++it;
          continue;
        }
        waiting.push_back(std::move(it->second));
        it = streams_.erase(it);
      }
    }
    for (const auto& list : waiting) {
      try {
        if (list->freed) list->freed->wait();
      } catch (...) {  // the work failed: it is over too, and its stream reports why
      }
      const std::lock_guard lock(mutex_);
      blocks_.move_all(list->blocks, settled_);
    }
  }

  std::size_t release() {
    settle_all();
    std::vector<std::pair<std::byte*, std::size_t>> chunks;
    {
      const std::lock_guard lock(mutex_);
      chunks = blocks_.remove_free_chunks(settled_);
    }
    std::size_t total = 0;
    for (const auto& [begin, bytes] : chunks) {
      give_back(begin, bytes);
      total += bytes;
    }
    return total;
  }

  PoolUsage usage() const {
    const std::lock_guard lock(mutex_);
    PoolUsage u;
    u.upstream_bytes = blocks_.chunk_bytes();
    u.used_bytes = blocks_.used_bytes();
    u.chunks = blocks_.chunk_count();
    u.free_blocks = settled_.count();
    u.largest_free = settled_.largest();
    for (const auto& [key, list] : streams_) {
      u.free_blocks += list->blocks.count();
      u.largest_free = std::max(u.largest_free, list->blocks.largest());
    }
    return u;
  }

  void verify() const {
    const std::lock_guard lock(mutex_);
    blocks_.verify();
  }

  Device device() const { return upstream_.device(); }

 private:
  void give_back(std::byte* chunk, std::size_t bytes) noexcept {
    if (on_host_) allow_bytes(chunk, bytes);
    upstream_.deallocate(chunk, bytes, StreamView());
  }

  /// What is wrong with the call; nullptr where nothing is.
  const char* take_back(std::byte* begin, std::size_t bytes, StreamView stream) noexcept {
    const std::lock_guard lock(mutex_);
    const std::size_t used = blocks_.used_at(begin);
    if (used == 0) return "a pool was given memory back that it has not handed out";
    if (on_host_ && !runs_behind(stream)) forbid_bytes(begin, used);
    try {
      blocks_.give(begin, list_for_free(stream));
    } catch (...) {
      return "a pool lost a block: no memory to note that it is free";
    }
    const bool same_size = bytes <= used && used - bytes < kAllocationAlignment;
    return same_size ? nullptr : "a pool was given memory back with another size";
  }

  /// Whether work on the stream may still use what the host gives back. Not on cpu, and not with an
  /// empty view; but page-locked host memory is given back on streams of a GPU.
  static bool runs_behind(StreamView stream) {
    return stream.impl() != nullptr && stream.impl()->device().kind() != DeviceKind::cpu;
  }

  // From here on: under the lock.

  void* find(std::size_t size, StreamView stream) {
    if (void* p = take_own(size, stream)) return p;
    if (streams_.empty()) return nullptr;
    settle_reached();
    if (void* p = take_own(size, stream)) return p;
    if (void* p = take_merged(size, stream)) return p;
    return runs_behind(stream) ? take_by_waiting(size, stream) : nullptr;
  }

  /// The best fit of what `stream` may use without waiting.
  void* take_own(std::size_t size, StreamView stream) {
    const auto own = streams_.find(stream.impl());
    const FreeList::Entry* mine = nullptr;
    if (own != streams_.end()) mine = own->second->blocks.best_fit(size);
    const FreeList::Entry* any = settled_.best_fit(size);
    if (mine != nullptr && (any == nullptr || mine->first <= any->first)) {
      return blocks_.take(*mine, size, own->second->blocks);
    }
    return any != nullptr ? blocks_.take(*any, size, settled_) : nullptr;
  }

  /// As take_own(), of the stream's own blocks merged with those that are free for all.
  void* take_merged(std::size_t size, StreamView stream) {
    const auto own = streams_.find(stream.impl());
    if (own == streams_.end() || own->second->blocks.empty()) return nullptr;
    blocks_.move_all(settled_, own->second->blocks);
    return take_own(size, stream);
  }

  /// What the device has passed is free for everybody.
  void settle_reached() {
    for (const auto& [key, list] : streams_) {
      if (!list->blocks.empty() && list->covered && list->freed->impl()->reached()) {
        blocks_.move_all(list->blocks, settled_);
      }
    }
  }

  /// Lets `stream` wait for the other streams' frees: first for one whose block fits, then, as
  /// only merging can help now, for all.
  void* take_by_waiting(std::size_t size, StreamView stream) {
    StreamList* best = nullptr;
    for (const auto& [key, list] : streams_) {
      const FreeList::Entry* fit = list->covered ? list->blocks.best_fit(size) : nullptr;
      if (key == stream.impl() || fit == nullptr) continue;
      if (best == nullptr || fit->first < best->blocks.best_fit(size)->first) best = list.get();
    }
    if (best != nullptr) {
      adopt(*best, stream);
      return take_own(size, stream);
    }
    if (blocks_.chunk_bytes() - blocks_.used_bytes() < size) return nullptr;
    for (const auto& [key, list] : streams_) {
      if (key != stream.impl() && list->covered) adopt(*list, stream);
    }
    return take_merged(size, stream);
  }

  void adopt(StreamList& other, StreamView stream) {
    if (other.blocks.empty()) return;
    StreamList& own = own_list(stream);
    stream.wait(*other.freed);
    blocks_.move_all(other.blocks, own.blocks);
    // Whoever takes these from us must wait for a point after our waiting.
    note_free(own, stream);
  }

  StreamList& own_list(StreamView stream) {
    std::unique_ptr<StreamList>& list = streams_[stream.impl()];
    if (list == nullptr) list = std::make_unique<StreamList>();
    return *list;
  }

  FreeList& list_for_free(StreamView stream) {
    if (!runs_behind(stream)) return settled_;
    StreamList& list = own_list(stream);
    note_free(list, stream);
    return list.blocks;
  }

  void note_free(StreamList& list, StreamView stream) noexcept {
    list.covered = false;
    try {
      if (stream.impl()->capturing()) return;  // an event recorded now would never be reached
      if (!list.freed) list.freed.emplace(stream.device());
      list.freed->record(stream);
      list.covered = true;
    } catch (...) {  // the stream's device failed: its memory stays with the stream
    }
  }

  /// A new chunk; nullptr where the limit or the upstream says no.
  void* grow(std::size_t size) {
    const std::size_t room =
        options_.max_bytes - std::min(options_.max_bytes, blocks_.chunk_bytes());
    if (size > room) return nullptr;
    std::size_t bytes = std::max(size, rounded(std::min(options_.chunk_bytes, room)));
    bytes = std::min(bytes, room / kAllocationAlignment * kAllocationAlignment);
    std::byte* begin = ask(bytes);
    if (begin == nullptr && bytes > size) begin = ask(bytes = size);
    if (begin == nullptr) return nullptr;
    try {
      blocks_.add_chunk(begin, bytes, settled_);
    } catch (...) {
      upstream_.deallocate(begin, bytes, StreamView());
      throw;
    }
    if (on_host_) forbid_bytes(begin, bytes);
    return blocks_.take({bytes, begin}, size, settled_);
  }

  std::byte* ask(std::size_t bytes) {
    try {
      return static_cast<std::byte*>(upstream_.allocate(bytes, StreamView()));
    } catch (const OutOfMemory&) {
      return nullptr;
    }
  }

  std::string no_room(std::size_t size) const {
    const std::size_t held = blocks_.chunk_bytes();
    std::string text = "a pool on " + to_string(upstream_.device()) + " has no room for " +
                       std::to_string(size) + " bytes: it holds " + std::to_string(held) +
                       ", of which " + std::to_string(blocks_.used_bytes()) + " are in use";
    if (options_.max_bytes != std::numeric_limits<std::size_t>::max()) {
      text += ", and may hold " + std::to_string(options_.max_bytes);
    }
    return text + "; use a smaller batch";
  }

  MemoryResource& upstream_;
  const PoolOptions options_;
  const bool on_host_;  // what the address sanitizer knows of
  mutable std::mutex mutex_;
  BlockMap blocks_;
  FreeList settled_;  // free for every stream
  std::map<StreamImpl*, std::unique_ptr<StreamList>> streams_;
};

PoolResource::PoolResource(MemoryResource& upstream, PoolOptions options)
    : impl_{std::make_unique<Impl>(upstream, options)} {}

PoolResource::~PoolResource() = default;

void* PoolResource::allocate(std::size_t bytes, StreamView stream) {
  if (bytes == 0) return nullptr;
  if (stream.impl() != nullptr && stream.impl()->capturing()) {
    throw InvalidArgument("a pool cannot allocate inside a capture; allocate before it begins");
  }
  return impl_->allocate(bytes, stream);
}

void PoolResource::deallocate(void* p, std::size_t bytes, StreamView stream) noexcept {
  if (p != nullptr) impl_->deallocate(p, bytes, stream);
}

Device PoolResource::device() const { return impl_->device(); }
std::size_t PoolResource::release() { return impl_->release(); }
PoolUsage PoolResource::usage() const { return impl_->usage(); }
void PoolResource::verify() const { impl_->verify(); }

}  // namespace fovea
