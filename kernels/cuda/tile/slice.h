// slice.h - how one slice of an operand lies in shared memory: Rows rows (pixels, filters, ...) by
// kSlice = 16 indices of the reduction, as 16-byte chunks of four floats that are swizzled so that
// neither copies nor reads meet in a bank.
//
//   Order::along    neighbours in memory are neighbours in the reduction; a row is 4 chunks, two
//                   rows are one line of 128 bytes:
//                     line m   | row 2m: c0 c1 c2 c3 | row 2m+1: c0 c1 c2 c3 |   chunks 0..7
//                   chunk p of the line lies at p ^ ((row >> Shift) & 7).
//   Order::across   neighbours in memory are neighbouring rows; an index is Rows / 4 chunks. Row i
//                   of index kk lies at i ^ ((kk & 3) << 3).
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
#pragma once

#include <fovea/kernels/cuda/tile/variant.h>
#include <fovea/kernels/device/target.h>

namespace fovea::FOVEA_TARGET {

enum class Order { along, across };

template <Order O, int Rows, int Shift>
struct SliceLayout;

template <int Rows, int Shift>
struct SliceLayout<Order::along, Rows, Shift> {
  static constexpr Order kOrder = Order::along;
  static constexpr int kRows = Rows;
  static_assert(kSlice == 16 && Rows % 16 == 0 && (Shift == 1 || Shift == 2));
  /// Place of element (row, kk).
  static __device__ __forceinline__ int at(int row, int kk) {
    return ((row * 4 + kk / 4) ^ ((row >> Shift) & 7)) * 4 + kk % 4;
  }
};

template <int Rows, int Shift>
struct SliceLayout<Order::across, Rows, Shift> {
  static constexpr Order kOrder = Order::across;
  static constexpr int kRows = Rows;
  static_assert(Rows % 32 == 0);
  static __device__ __forceinline__ int at(int row, int kk) {
    return kk * Rows + (row ^ ((kk & 3) << 3));
  }
};

}  // namespace fovea::FOVEA_TARGET
