// slice.h - how one slice of an operand lies in shared memory: Rows rows (pixels, filters, ...) by
// 64 bytes of indices of the reduction (16 fp32, 32 bf16), as 16-byte chunks that are swizzled so
// that neither copies nor reads meet in a bank.
//
//   Order::along    neighbours in memory are neighbours in the reduction; a row is 4 chunks, two
//                   rows are one line of 128 bytes:
//                     line m   | row 2m: c0 c1 c2 c3 | row 2m+1: c0 c1 c2 c3 |   chunks 0..7
//                   chunk p of the line lies at p ^ ((row >> Shift) & 7).
//   Order::across   neighbours in memory are neighbouring rows. fp32: an index is Rows / 4 chunks;
//                   row i of index kk lies at i ^ ((kk & 3) << 3). bf16: an index is C = Rows / 8
//                   chunks; chunk c of index kk lies at c ^ (kk & 7) where C is a multiple of 8,
//                   else (a multiple of 4) at c ^ ((kk >> 1) & 3).
//
// Banks. A 16-byte access of a warp goes in four parts of 8 lanes, which must touch 8 chunks at
// different places of a line.
//   copies   along: 8 lanes fill one line, or two rows; across: 8 consecutive chunks, permuted.
//   reads    along, Shift 1: ldmatrix reads chunk c of rows 2i + e, i = 0..7, at ((e << 2) + c) ^
//   i:
//            8 places. Shift 2: threads read chunk c of rows 4i + e, i = 0..7 (or of one row all):
//            (((e & 1) << 2) + c) ^ i: 8 places.
//            across: a warp reads one index: consecutive chunks; or, for tensor cores, rows 2g and
//            2g + 1 of index 4j + t in 8 bytes: half a warp has g = 4 values, t = 4 values, at
//            bank 2g ^ 8t: all different.
//            across, bf16: ldmatrix reads one chunk of 8 indices in a row. C = 8 n: at c ^ i, 8
//            places. C = 8 n + 4: an index begins half a line behind the one before, and four pairs
//            of them differ in c ^ (i >> 1): 8 places.
#pragma once

#include <fovea/core/dtype.h>
#include <fovea/kernels/cuda/tile/variant.h>
#include <fovea/kernels/device/element.h>

namespace fovea::FOVEA_TARGET {

enum class Order { along, across };

/// Indices of the reduction in a slice of E: four chunks of a row.
template <class E>
inline constexpr int kSliceOf = 4 * kPerAccess<E>;
static_assert(kSliceOf<float> == kSlice && kSliceOf<bf16> % kSlice == 0);

template <Order O, int Rows, int Shift, class E>
struct SliceLayout;

template <int Rows, int Shift, class E>
struct SliceLayout<Order::along, Rows, Shift, E> {
  using Element = E;
  static constexpr Order kOrder = Order::along;
  static constexpr int kRows = Rows;
  static constexpr int kChunk = kPerAccess<E>;
  static_assert(Rows % 16 == 0 && (Shift == 1 || Shift == 2));
  /// Place of element (row, kk); of fp32 also at(row, 0) ^ kk.
  static __device__ __forceinline__ int at(int row, int kk) {
    return ((row * 4 + kk / kChunk) ^ ((row >> Shift) & 7)) * kChunk + kk % kChunk;
  }
};

template <int Rows, int Shift, class E>
struct SliceLayout<Order::across, Rows, Shift, E> {
  using Element = E;
  static constexpr Order kOrder = Order::across;
  static constexpr int kRows = Rows;
  static_assert(Rows % 32 == 0);
  static __device__ __forceinline__ int at(int row, int kk) {
    return kk * Rows + (row ^ swizzle(kk));
  }

 private:
  static __device__ __forceinline__ int swizzle(int kk) {
    if constexpr (kPerAccess<E> == 4) return (kk & 3) << 3;
    return Rows % 64 == 0 ? (kk & 7) << 3 : (kk & 6) << 2;
  }
};

}  // namespace fovea::FOVEA_TARGET
