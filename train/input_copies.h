// input_copies.h - a step's input on its way to the device, beside the step before. Internal to
// train/.
//
//   caller's memory --all threads--> pinned memory --copy stream--> room on the device --step's
//   stream--> the plan's tensors
//
// The first two arrows run while the device computes the step before; the last is a copy within the
// device, the only part that a step waits for. On cpu a copy is done at once, by the caller.
#pragma once

#include <fovea/core/buffer.h>
#include <fovea/core/stream.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>

namespace fovea {

class InputCopies {
 public:
  struct Piece {
    void* to;          // on the device
    const void* from;  // host memory, read before copy() returns
    std::size_t bytes;
  };

  /// Bytes of the room for pieces of these sizes, on the device and once more on the host twice.
  static std::size_t room_bytes(std::span<const std::size_t> pieces);

  /// Nothing is taken on cpu. `step` is the stream of the steps.
  void allocate(std::size_t room_bytes, StreamView step, MemoryResource& memory);

  /// The pieces are in place for work that comes after on the stream of the steps.
  void copy(std::span<const Piece> pieces);

 private:
  struct Pinned {
    Buffer memory;
    std::unique_ptr<Event> free;  // recorded where the copy stream has read it
  };

  StreamView step_;
  std::unique_ptr<Stream> side_;
  Buffer room_;
  std::array<Pinned, 2> pinned_;
  std::unique_ptr<Event> arrived_, taken_;  // the room is full; it may be filled again
  std::size_t turn_ = 0;
};

}  // namespace fovea
