// phases.h - dgrad with the phases of a stride side by side, for a first layer's few channels: a
// column of the product is a phase and a channel, so that 3 channels under a stride of 4 are 48
// columns of one launch, and dy is copied for all phases at once.
//
// Phases a and b of the axes, next to each other in dx:
//   dx(u q + first + a, v t + first' + b) = sum over i, j of dy(q - i, t - j) w(a + u i, b + v j)
// dy's place does not depend on the phase. What lies behind the filter's end is a weight of zero:
// products that do nothing, few beside the columns that a tile would leave empty (side_by_side() in
// dgrad.cu weighs them).
//
// A phase alone, as a stride with a dilation needs it, is the same with one phase an axis.
#pragma once

#include <fovea/kernels/cuda/conv/implicit_gemm/finish.h>
#include <fovea/kernels/cuda/conv/implicit_gemm/gather.h>

#include <cstdint>

namespace fovea::FOVEA_TARGET {

/// Columns of the product: channels of a group fastest, then phases along a row, then rows.
struct PhaseColumns {
  FastDivide channels, across;  // of a group; phases along a row
  int count = 0;                // of columns

  struct Column {
    int row, column;  // phase of each axis
    int channel;      // of the group
  };
  __device__ __forceinline__ Column at(unsigned index) const {
    const unsigned phase = channels.quotient(index);
    const unsigned row = across.quotient(phase);
    return {static_cast<int>(row), static_cast<int>(across.remainder(phase, row)),
            static_cast<int>(channels.remainder(index, phase))};
  }
};

/// Row: a phase and channel; index: tap and filter of the group, filters fastest. Copies of one
/// element.
template <class E>
class WeightsOfPhases {
 public:
  using Element = E;
  struct Source {
    const E* w;                       // [k,r,s,c/groups]
    FastDivide filters, taps_across;  // of a group; of a phase
    PhaseColumns columns;
    int filter_rows = 0, filter_columns = 0;
    int first_row = 0, first_column = 0;  // tap of the first phase
    int row_step = 0, column_step = 0;    // from tap to tap of a phase
    unsigned stride = 0;                  // of the thread's indices
    Digits step = {};                     // its digits
  };
  struct Cursor {
    int left;         // of the part's indices
    Digits digits;    // filter, tap column, tap row
    int row, column;  // the phase's first tap; kNoTap behind the last column
    int offset;       // of the group and channel
  };

  __device__ __forceinline__ WeightsOfPhases(const Source& source, const BlockPlace& block)
      : source_{source}, block_{block} {}
  __device__ __forceinline__ const E* tensor() const { return source_.w; }
  __device__ __forceinline__ Cursor begin(int i, unsigned index) const {
    const unsigned n = block_.column + static_cast<unsigned>(i);
    const bool inside = n < static_cast<unsigned>(source_.columns.count);
    const PhaseColumns::Column c = source_.columns.at(n);
    const int first_filter = block_.group * static_cast<int>(source_.filters.divisor());
    return {left_behind(index, block_.end), odometer().digits(index),
            inside ? source_.first_row + c.row : kNoTap, source_.first_column + c.column,
            first_filter * filter_size() + c.channel};
  }
  __device__ __forceinline__ void next(Cursor& c) const {
    c.left -= static_cast<int>(source_.stride);
    c.digits = odometer().sum(c.digits, source_.step);
  }
  __device__ __forceinline__ const Cursor& spot(const Cursor& c) const { return c; }
  __device__ __forceinline__ Place find(int, const Cursor& c) const {
    const int row = c.row + static_cast<int>(c.digits.high) * source_.row_step;
    const int column = c.column + static_cast<int>(c.digits.middle) * source_.column_step;
    const int filter = static_cast<int>(c.digits.low) * filter_size();
    const int tap = row * source_.filter_columns + column;
    return {static_cast<unsigned>(c.offset + filter + tap * channels()),
            row < source_.filter_rows && column < source_.filter_columns && c.left > 0};
  }

 private:
  static constexpr int kNoTap = 1 << 20;
  __device__ __forceinline__ int channels() const {
    return static_cast<int>(source_.columns.channels.divisor());
  }
  __device__ __forceinline__ int filter_size() const {
    return source_.filter_rows * source_.filter_columns * channels();
  }
  __device__ __forceinline__ Odometer odometer() const {
    return {source_.filters, source_.taps_across};
  }
  const Source& source_;
  BlockPlace block_;
};

/// Where those columns go: dx[n,h,w,c] = old + masked sum.
template <class E>
struct FinishPhases {
  static constexpr bool kSumsRows = false;
  Results<E> dx;
  FastDivide grid_columns, grid_rows;  // of a phase
  unsigned cells;                      // of all images
  PhaseColumns columns;
  int height, width, channels;
  int first_row, first_column, row_step, column_step;  // of the first phase's cells
  DgradEpilogue<E> epilogue;                           // none where the reduction is split

  template <class T>
  __device__ __forceinline__ void store(const BlockPlace& block,
                                        const typename T::Accumulators& acc) const {
    T::for_each_vector(acc, FindNothing{}, FindNothing{},
                       [&](int row, int column, const auto& sum, Nothing, Nothing) {
                         const unsigned cell = block.row + static_cast<unsigned>(row);
                         if (cell >= cells) return;
                         const Corner corner = corner_of(cell);
#pragma unroll
                         for (int l = 0; l < 4; ++l) {
                           const unsigned n = block.column + static_cast<unsigned>(column + l);
                           if (n < static_cast<unsigned>(columns.count))
                             put(corner, n, block.group, sum[l]);
                         }
                       });
  }
  __device__ __forceinline__ bool wants_sums(const BlockPlace&) const { return false; }

 private:
  // The first phase's cell: of the phases some may lie before or behind the image.
  struct Corner {
    int image, row, column;
  };
  __device__ __forceinline__ Corner corner_of(unsigned cell) const {
    const unsigned row = grid_columns.quotient(cell);
    const unsigned image = grid_rows.quotient(row);
    return {static_cast<int>(image),
            static_cast<int>(grid_rows.remainder(row, image)) * row_step + first_row,
            static_cast<int>(grid_columns.remainder(cell, row)) * column_step + first_column};
  }
  __device__ __forceinline__ void put(const Corner& corner, unsigned n, int group,
                                      float sum) const {
    const PhaseColumns::Column c = columns.at(n);
    const int i = corner.row + c.row, j = corner.column + c.column;
    if (static_cast<unsigned>(i) >= static_cast<unsigned>(height) ||
        static_cast<unsigned>(j) >= static_cast<unsigned>(width)) {
      return;
    }
    const std::int64_t pixel = (std::int64_t{corner.image} * height + i) * width + j;
    const std::int64_t at =
        pixel * channels + group * static_cast<int>(columns.channels.divisor()) + c.channel;
    if (dx.partials != nullptr) {
      dx.partials[blockIdx.z * dx.part + at] = sum;
    } else {
      store_float(dx.tensor + at, epilogue(sum, dx.tensor, at));
    }
  }
};

}  // namespace fovea::FOVEA_TARGET
