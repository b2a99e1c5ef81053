// pool_blocks.cpp - see pool_blocks.h.
#include <fovea/core/error.h>
#include <fovea/core/pool_blocks.h>

#include <iterator>
#include <string>

namespace fovea {

FreeList::Entries::node_type BlockMap::make_node() {
  FreeList::Entries one;
  one.insert({0, nullptr});
  return one.extract(one.begin());
}

void BlockMap::insert(Blocks::iterator block, FreeList& list) noexcept {
  block->second.node.value() = {block->second.bytes, block->first};
  list.entries_.insert(std::move(block->second.node));
  block->second.list = &list;
}

void BlockMap::remove(Blocks::iterator block) noexcept {
  FreeList& list = *block->second.list;
  block->second.node = list.entries_.extract({block->second.bytes, block->first});
  block->second.list = nullptr;
}

void BlockMap::add_chunk(std::byte* begin, std::size_t bytes, FreeList& list) {
  Block block;
  block.bytes = bytes;
  block.chunk = begin;
  block.node = make_node();
  chunks_.emplace(begin, bytes);
  try {
    insert(blocks_.emplace(begin, std::move(block)).first, list);
  } catch (...) {
    chunks_.erase(begin);
    throw;
  }
  chunk_bytes_ += bytes;
}

std::byte* BlockMap::take(const FreeList::Entry& entry, std::size_t bytes, FreeList& list) {
  const auto block = blocks_.find(entry.second);
  if (block->second.bytes > bytes) {
    // Made before anything changes: if it throws, nothing has.
    Block rest;
    rest.bytes = block->second.bytes - bytes;
    rest.chunk = block->second.chunk;
    rest.node = make_node();
    const auto next = blocks_.emplace_hint(std::next(block), block->first + bytes, std::move(rest));
    remove(block);
    block->second.bytes = bytes;
    insert(next, list);
  } else {
    remove(block);
  }
  used_bytes_ += bytes;
  return block->first;
}

std::size_t BlockMap::used_at(const std::byte* begin) const noexcept {
  const auto block = blocks_.find(const_cast<std::byte*>(begin));  // the key's type; not written
  return block == blocks_.end() || block->second.list != nullptr ? 0 : block->second.bytes;
}

BlockMap::Blocks::iterator BlockMap::absorb_next(Blocks::iterator block) noexcept {
  const auto next = std::next(block);
  block->second.bytes += next->second.bytes;
  blocks_.erase(next);
  return block;
}

void BlockMap::give(std::byte* begin, FreeList& list) noexcept {
  auto block = blocks_.find(begin);
  used_bytes_ -= block->second.bytes;
  const auto joins = [&](Blocks::iterator other) {
    return other->second.list == &list && other->second.chunk == block->second.chunk;
  };
  if (const auto next = std::next(block); next != blocks_.end() && joins(next)) {
    remove(next);
    absorb_next(block);
  }
  if (block != blocks_.begin() && joins(std::prev(block))) {
    block = std::prev(block);
    remove(block);
    absorb_next(block);
  }
  insert(block, list);
}

void BlockMap::move_all(FreeList& from, FreeList& to) noexcept {
  while (!from.empty()) {
    const auto block = blocks_.find(from.entries_.begin()->second);
    remove(block);
    used_bytes_ += block->second.bytes;  // for a moment used, then given
    give(block->first, to);
  }
}

std::vector<std::pair<std::byte*, std::size_t>> BlockMap::remove_free_chunks(FreeList& list) {
  std::vector<std::pair<std::byte*, std::size_t>> removed;
  removed.reserve(chunks_.size());
  for (auto chunk = chunks_.begin(); chunk != chunks_.end();) {
    const auto block = blocks_.find(chunk->first);
    if (block->second.list == &list && block->second.bytes == chunk->second) {
      removed.emplace_back(chunk->first, chunk->second);
      chunk_bytes_ -= chunk->second;
      remove(block);
      blocks_.erase(block);
      chunk = chunks_.erase(chunk);
    } else {
      ++chunk;
    }
  }
  return removed;
}

std::vector<std::pair<std::byte*, std::size_t>> BlockMap::chunks() const {
  return {chunks_.begin(), chunks_.end()};
}

void BlockMap::verify() const {
  const auto require = [](bool holds, const char* what) {
    if (!holds) throw Error(std::string("pool: ") + what);
  };
  std::size_t used = 0, total = 0;
  auto block = blocks_.begin();
  for (const auto& [begin, bytes] : chunks_) {
    total += bytes;
    const FreeList* before = nullptr;
    for (std::byte* at = begin; at != begin + bytes; ++block) {
      require(block != blocks_.end() && block->first == at, "a chunk has a gap or an overlap");
      const Block& b = block->second;
      require(b.chunk == begin && b.bytes > 0, "a block does not know its chunk or is empty");
      require(b.bytes <= static_cast<std::size_t>(begin + bytes - at), "a block leaves its chunk");
      require(b.list == nullptr || b.list != before, "two free neighbours were not merged");
      require(b.list == nullptr || b.list->entries_.contains({b.bytes, at}),
              "a free block is missing from its list");
      before = b.list;
      if (b.list == nullptr) used += b.bytes;
      at += b.bytes;
    }
  }
  require(block == blocks_.end(), "a block lies outside every chunk");
  require(total == chunk_bytes_, "the sum of the chunks is wrong");
  require(used == used_bytes_, "the sum of the used blocks is wrong");
}

}  // namespace fovea
