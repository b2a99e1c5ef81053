// pool_blocks.h - the pool's map of its memory: chunks cut into blocks, used or in a free list.
// Internal. Knows no stream and no lock. Giving back and merging allocate nothing: every block
// keeps the node that puts it into a list.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace fovea {

/// Free blocks that may be handed out under one condition; by size, then address.
class FreeList {
 public:
  using Entry = std::pair<std::size_t, std::byte*>;
  using Entries = std::set<Entry>;

  bool empty() const { return entries_.empty(); }
  std::size_t count() const { return entries_.size(); }
  std::size_t largest() const { return entries_.empty() ? 0 : entries_.rbegin()->first; }
  /// The smallest block of at least `bytes`, of these the lowest; nullptr where there is none.
  const Entry* best_fit(std::size_t bytes) const {
    const auto it = entries_.lower_bound({bytes, nullptr});
    return it == entries_.end() ? nullptr : &*it;
  }

 private:
  friend class BlockMap;
  Entries entries_;
};

/// All chunks and blocks. Invariant: the blocks of a chunk cover it without gap or overlap, and two
/// neighbours are never in the same list.
class BlockMap {
 public:
  /// A new chunk as one block of `list`.
  void add_chunk(std::byte* begin, std::size_t bytes, FreeList& list);
  /// Takes `entry` out of `list` for use, cut to `bytes`; the rest stays in `list`.
  std::byte* take(const FreeList::Entry& entry, std::size_t bytes, FreeList& list);
  /// Bytes of the used block at `begin`; 0 where there is none.
  std::size_t used_at(const std::byte* begin) const noexcept;
  /// Gives the used block at `begin` to `list`, merged with its neighbours there.
  void give(std::byte* begin, FreeList& list) noexcept;
  /// Moves all blocks of `from` into `to`, merged.
  void move_all(FreeList& from, FreeList& to) noexcept;
  /// Forgets the chunks that are one block of `list`, and returns them.
  std::vector<std::pair<std::byte*, std::size_t>> remove_free_chunks(FreeList& list);
  /// Every chunk, used or not.
  std::vector<std::pair<std::byte*, std::size_t>> chunks() const;

  std::size_t chunk_bytes() const { return chunk_bytes_; }
  std::size_t used_bytes() const { return used_bytes_; }
  std::size_t chunk_count() const { return chunks_.size(); }
  std::size_t block_count() const { return blocks_.size(); }
  /// Throws Error naming the first broken invariant. For tests: walks all blocks.
  void verify() const;

 private:
  struct Block {
    std::size_t bytes = 0;
    std::byte* chunk = nullptr;         // where its chunk begins
    FreeList* list = nullptr;           // null: in use
    FreeList::Entries::node_type node;  // while the block is in no list
  };
  using Blocks = std::map<std::byte*, Block>;

  static FreeList::Entries::node_type make_node();
  void insert(Blocks::iterator block, FreeList& list) noexcept;
  void remove(Blocks::iterator block) noexcept;
  Blocks::iterator absorb_next(Blocks::iterator block) noexcept;

  Blocks blocks_;
  std::map<std::byte*, std::size_t> chunks_;
  std::size_t chunk_bytes_ = 0;
  std::size_t used_bytes_ = 0;
};

}  // namespace fovea
