// copies.h - which thread copies which elements of a slice from global to shared memory: Width of
// them at once, 16 bytes or one element. By cp.async, but for one bf16, which it does not move.
//
// An operand is a Gather, made for a block:
//   Element             float or bf16; what lies in memory and in the slice
//   begin(i, kk)        a Cursor for a thread that starts at row i, index kk
//   next(cursor)        steps it by kStep of the class below
//   spot(cursor)        what of it is the same for all rows
//   find(i, spot)       where the element of row i lies: a Place
// along the reduction, where a thread has several rows,
//   row(i)              what of row i is the same for all slices: a Row, for find(); kKeepsRows:
//                       worth its registers
// With Width > 1 as many neighbours are inside or outside together; launchers see to it.
#pragma once

#include <fovea/kernels/cuda/tile/slice.h>
#include <fovea/kernels/device/async_copy.h>

namespace fovea::FOVEA_TARGET {

/// An element of the gather's tensor, or the zero that stands for what lies outside.
struct Place {
  unsigned offset;  // elements; tensors have fewer than 2^31
  bool inside;
};

/// Starts a copy; not `active`: none.
template <int Width, class Element>
__device__ __forceinline__ void copy_element(Element* to, const Element* tensor, const Place& place,
                                             bool active = true) {
  constexpr int kBytes = static_cast<int>(sizeof(Element)) * Width;
  if constexpr (kBytes >= 4) {
    async_copy<kBytes>(to, tensor + (place.inside ? place.offset : 0U), place.inside, active);
  } else if (active) {
    *to = place.inside ? tensor[place.offset] : Element{};
  }
}

/// The copies of one operand by a thread of the block.
template <class Layout, int Threads, int Width, class Gather, Order = Layout::kOrder>
class Copies;

/// Along the reduction: kLanes threads side by side have a row, the same ones for all slices. A
/// thread's rows share one cursor.
template <class Layout, int Threads, int Width, class Gather>
class Copies<Layout, Threads, Width, Gather, Order::along> {
  static constexpr int kSliceLength = kSliceOf<typename Gather::Element>;
  static constexpr int kLanes = kSliceLength / Width;
  static constexpr int kRowsPerPass = Threads / kLanes;
  static constexpr int kPasses = (Layout::kRows + kRowsPerPass - 1) / kRowsPerPass;
  static constexpr bool kWhole = Layout::kRows % kRowsPerPass == 0;
  // Places of many small copies, all at once, would spill; and where a block has 256 threads, which
  // leaves each 128 registers, those of a few, time and again.
  static constexpr int kAtOnce = Width > 1 ? kPasses : Threads <= 128 ? 4 : 2;
  static constexpr int kUnrolled = Width > 1 || Threads <= 128 ? kPasses / kAtOnce : 1;
  static_assert(Threads % kLanes == 0 && (kWhole || !Gather::kKeepsRows));
  static_assert(kPasses % kAtOnce == 0);

 public:
  static constexpr int kStep = kSliceLength;
  static constexpr int kWidth = Width;

  __device__ __forceinline__ Copies(const Gather& gather, unsigned first, int thread)
      : gather_{gather},
        thread_{thread},
        cursor_{gather.begin(0, first + static_cast<unsigned>(lane() * Width))} {
    if constexpr (Gather::kKeepsRows) {
#pragma unroll
      for (int pass = 0; pass < kPasses; ++pass) rows_[pass] = gather.row(row(pass));
    }
  }

  /// Starts copying part `part` of `parts` of the next slice (a single element at a time: all of
  /// it); the last one goes on to the next. Places first, then their copies: finding one may read
  /// shared memory, and no read passes a copy, so that one after the other they would all wait.
  __device__ __forceinline__ void start(typename Gather::Element* to, int part, int parts) {
    const auto& spot = gather_.spot(cursor_);
#pragma unroll kUnrolled
    for (int first = 0; first < kPasses; first += kAtOnce) {
      const auto each_pass = [&](const auto& f) {
#pragma unroll
        for (int i = 0; i < kAtOnce; ++i) {
          const int pass = first + i;
          if (Width > 1 && pass * parts / kPasses != part) continue;
          f(i, pass);
        }
      };
      Place place[kAtOnce];
      each_pass([&](int i, int pass) {
        if constexpr (Gather::kKeepsRows) {
          place[i] = gather_.find(rows_[pass], spot);
        } else {
          place[i] = gather_.find(gather_.row(row(pass)), spot);
        }
      });
      each_pass([&](int i, int pass) {
        copy_element<Width>(to + Layout::at(row(pass), lane() * Width), gather_.tensor(), place[i],
                            kWhole || row(pass) < Layout::kRows);
      });
    }
    if (part == parts - 1) gather_.next(cursor_);
  }

 private:
  __device__ __forceinline__ int lane() const { return thread_ % kLanes; }
  __device__ __forceinline__ int row(int pass) const {
    return thread_ / kLanes + pass * kRowsPerPass;
  }
  const Gather& gather_;
  int thread_;
  typename Gather::Cursor cursor_;
  typename Gather::Row rows_[Gather::kKeepsRows ? kPasses : 1];
};

/// Across the reduction: a thread keeps its row, or Width of them, for all slices, and goes through
/// every kStep-th index.
template <class Layout, int Threads, int Width, class Gather>
class Copies<Layout, Threads, Width, Gather, Order::across> {
  static constexpr int kSliceLength = kSliceOf<typename Gather::Element>;
  static constexpr int kLanes = Layout::kRows / Width;
  static constexpr int fitting(int most) {  // a power of two, so that it divides the slice
    int steps = kSliceLength;
    while (steps > most) steps /= 2;
    return steps;
  }

 public:
  static constexpr int kStep = fitting(Threads / kLanes);
  static constexpr int kWidth = Width;
  static_assert(kStep >= 1);

  __device__ __forceinline__ Copies(const Gather& gather, unsigned first, int thread)
      : gather_{gather},
        thread_{thread},
        cursor_{gather.begin(row(), first + static_cast<unsigned>(index()))} {}

  /// Starts copying part `part` of `parts` of the next slice, in their order.
  __device__ __forceinline__ void start(typename Gather::Element* to, int part, int parts) {
    const bool active = Threads == kLanes * kStep || thread_ < kLanes * kStep;
#pragma unroll
    for (int kk = 0; kk < kSliceLength; kk += kStep) {
      if (kk * parts / kSliceLength != part) continue;
      copy_element<Width>(to + Layout::at(row(), index() + kk), gather_.tensor(),
                          gather_.find(row(), gather_.spot(cursor_)), active);
      gather_.next(cursor_);
    }
  }

 private:
  __device__ __forceinline__ int row() const { return thread_ % kLanes * Width; }
  __device__ __forceinline__ int index() const { return thread_ / kLanes; }
  const Gather& gather_;
  int thread_;
  typename Gather::Cursor cursor_;
};

}  // namespace fovea::FOVEA_TARGET
