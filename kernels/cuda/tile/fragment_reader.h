// fragment_reader.h - from a slice in shared memory into the registers that a product of the tensor
// cores takes. A slice is two steps of two chunks each.
//
// The order of rows in a matrix of the tensor core is ours to choose, and so is the order of the
// reduction, if both operands agree. Row i of half h is row 2i + h of 16. Of chunk c a lane, t =
// lane % 4, holds
//   tf32   index 4c + t of the slice
//   bf16   indices 8c + 2t and 8c + 2t + 1
// for both halves: the four registers that a product takes, and that one ldmatrix of two halves by
// two chunks gives, in the order of A or of B. Where the operand lies across, tf32 reads 8 bytes
// for each chunk. bf16 has ldmatrix transpose, which makes row i of half h row 8h + i.
#pragma once

#include <fovea/kernels/cuda/tile/slice.h>
#include <fovea/kernels/device/mma.h>
#include <fovea/kernels/device/vector.h>

#include <bit>
#include <cstdint>
#include <type_traits>

namespace fovea::FOVEA_TARGET {

/// Of a product.
enum class Operand { a, b };

/// A lane's way to its registers of Pieces x 16 rows of an operand: swizzles are worked out once,
/// and what is left to add is in the instruction.
template <class Layout, Operand O, int Pieces>
class FragmentReader {
  using Element = typename Layout::Element;
  static constexpr bool kAlong = Layout::kOrder == Order::along;
  static constexpr bool kByMatrix = kAlong || !std::is_same_v<Element, float>;
  static constexpr int kStep = kSliceOf<Element> / 2;  // indices

 public:
  /// From row `first` of the slice on.
  __device__ __forceinline__ FragmentReader(int first, int lane) {
#pragma unroll
    for (int n = 0; n < kPlaces; ++n) {
      at_[n] = kAlong ? place(first, lane, n) : place(first + 16 * n, lane, 0);
    }
  }
  /// The registers of piece i in the step.
  __device__ __forceinline__ void read(const Element* slice, int step, int i,
                                       std::uint32_t (&to)[4]) const {
    const Element* const from = slice + (kAlong ? at_[step] + 16 * i * kSliceOf<Element>
                                                : at_[i] + step * kStep * Layout::kRows);
    if constexpr (kByMatrix) {
      ldmatrix<4, !kAlong>(to, from);
    } else {
#pragma unroll
      for (int chunk = 0; chunk < 2; ++chunk) {
        const auto v = load_vector<2>(from + 4 * chunk * Layout::kRows);
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          to[O == Operand::a ? 2 * chunk + h : 2 * h + chunk] = std::bit_cast<std::uint32_t>(v[h]);
        }
      }
    }
  }

 private:
  static __device__ __forceinline__ int place(int first, int lane, int step) {
    if constexpr (kByMatrix) {
      // Lane 8 m + i names row i of matrix m: a half of the rows by a chunk of the step.
      const int m = lane / 8, i = lane % 8;
      const int half = O == Operand::a ? m % 2 : m / 2, chunk = O == Operand::a ? m / 2 : m % 2;
      return kAlong ? Layout::at(first + 2 * i + half, (2 * step + chunk) * kPerAccess<Element>)
                    : Layout::at(first + 8 * half, 8 * chunk + i);
    } else {
      return Layout::at(first + lane / 4 * 2, lane % 4);
    }
  }

  // Along, a place for each step, pieces 16 rows apart; across, one for each piece, steps apart.
  static constexpr int kPlaces = kAlong ? 2 : Pieces;
  int at_[kPlaces];
};

}  // namespace fovea::FOVEA_TARGET
