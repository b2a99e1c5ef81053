// gather.h - where the operands of implicit_gemm lie: the two sides of each pass as Gathers
// (tile/copies.h). Each is made for a block's tile from a Source, the kernel's argument.
//
//   pass     left (rows)                         right (columns)
//   forward  PatchRows of x: pixels              MatrixRows of w: filters
//   dgrad    PatchRows of dy: cells of a phase   PhaseWeights: channels
//   wgrad    MatrixColumns of dy: filters        PatchColumns of x: taps and channels
//
// E is the type in memory and in shared memory. Offsets are 32 bits, modulo 2^32: a place outside
// of a tensor may have any, one inside is below 2^31.
#pragma once

#include <fovea/kernels/cuda/conv/patch.h>
#include <fovea/kernels/cuda/tile/copies.h>
#include <fovea/kernels/cuda/tile/odometer.h>
#include <fovea/kernels/device/vector.h>

namespace fovea::FOVEA_TARGET {

/// What a block computes.
struct BlockPlace {
  unsigned row = 0, column = 0;  // the tile's first
  int group = 0;
  unsigned begin = 0, end = 0;  // of the reduction
  float* slot = nullptr;        // where a cut tile's sums go (cut_tiles.h)
};

/// Indices from `index` to the end of the part; none or fewer behind it.
__device__ __forceinline__ int left_behind(unsigned index, unsigned end) {
  return static_cast<int>(end) - static_cast<int>(index);
}

/// A pixel of the tile, and whether a tap meets the image there. With few taps an axis that is a
/// bit for each, so that a pixel is two registers and a test two instructions; with any number the
/// pixel's row and column.
template <bool FewTaps>
struct TilePixel;

template <>
struct TilePixel<true> {
  using Entry = Vector<unsigned, 2>;
  static __device__ __forceinline__ Entry entry(const Patch& patch, const Pixel& p) {
    return {{static_cast<unsigned>(p.offset), patch.inside_taps(p)}};
  }
  using Tap = InsideTaps;
  static __device__ __forceinline__ Tap tap(const Patch&, const Digits& d, bool any) {
    return any ? 1U << d.high | 0x10000U << d.middle : kNoTaps;
  }
  static __device__ __forceinline__ bool meets(const Patch&, const Entry& e, Tap tap) {
    return (e[1] & tap) == tap;
  }
};

template <>
struct TilePixel<false> {
  using Entry = Vector<int, 4>;  // 16 bytes, so that neighbours meet in no bank
  static __device__ __forceinline__ Entry entry(const Patch&, const Pixel& p) {
    return {{static_cast<int>(p.offset), p.row, p.column, 0}};
  }
  struct Tap {
    int row, column;
  };
  static __device__ __forceinline__ Tap tap(const Patch& patch, const Digits& d, bool any) {
    return {any ? static_cast<int>(d.high) * patch.rows.step : kNowhere,
            static_cast<int>(d.middle) * patch.columns.step};
  }
  static __device__ __forceinline__ bool meets(const Patch& patch, const Entry& e, const Tap& tap) {
    return patch.rows.holds(e[1] + tap.row) && patch.columns.holds(e[2] + tap.column);
  }
};

/// Row: a pixel of the grid; index: tap and channel, channels fastest. FewTaps: kMostFewTaps an
/// axis.
template <class E, bool FewTaps>
class PatchRows {
  using TilePixel = fovea::FOVEA_TARGET::TilePixel<FewTaps>;

 public:
  using Element = E;
  struct Source {
    Patch patch;
    const E* image;
    Digits step;  // of a slice
  };
  struct Cursor {
    int left;       // of the part's indices
    Digits digits;  // channel, tap column, tap row
  };
  using Entry = typename TilePixel::Entry;  // of the table in shared memory
  using Row = Entry;
  static constexpr bool kKeepsRows = FewTaps;
  struct Spot {  // relative to a pixel
    unsigned offset;
    typename TilePixel::Tap tap;
  };

  /// Fills the table of the tile's pixels; all threads of the block call.
  template <int Rows, int Threads>
  static __device__ __forceinline__ void fill(Entry (&table)[Rows], const Source& source,
                                              const BlockPlace& block) {
    const int first_channel = block.group * static_cast<int>(source.patch.group_channels.divisor());
    for (int i = static_cast<int>(threadIdx.x); i < Rows; i += Threads) {
      const Pixel p = source.patch.pixel(block.row + static_cast<unsigned>(i), first_channel);
      store_vector<Entry::kSize>(table[i].v, TilePixel::entry(source.patch, p));
    }
  }

  __device__ __forceinline__ PatchRows(const Source& source, const Entry* table,
                                       const BlockPlace& block)
      : source_{source}, table_{table}, end_{block.end} {}
  __device__ __forceinline__ const E* tensor() const { return source_.image; }
  __device__ __forceinline__ Cursor begin(int, unsigned index) const {
    return {left_behind(index, end_), odometer().digits(index)};
  }
  __device__ __forceinline__ void next(Cursor& c) const {
    c.left -= kSliceOf<E>;
    c.digits = odometer().sum(c.digits, source_.step);
  }
  __device__ __forceinline__ Spot spot(const Cursor& c) const {
    const Patch& patch = source_.patch;
    const int row = static_cast<int>(c.digits.high) * patch.rows.step;
    const int column = static_cast<int>(c.digits.middle) * patch.columns.step;
    const int offset = (row * patch.columns.extent + column) * patch.channels;
    return {static_cast<unsigned>(offset) + c.digits.low,
            TilePixel::tap(patch, c.digits, c.left > 0)};
  }
  __device__ __forceinline__ Row row(int i) const { return load_vector<Entry::kSize>(table_[i].v); }
  __device__ __forceinline__ Place find(const Row& row, const Spot& s) const {
    return {static_cast<unsigned>(row[0]) + s.offset, TilePixel::meets(source_.patch, row, s.tap)};
  }

 private:
  __device__ __forceinline__ Odometer odometer() const {
    return {source_.patch.group_channels, source_.patch.taps_across};
  }

  const Source& source_;
  const Entry* table_;
  unsigned end_;
};

/// Row: tap and channel; index: a pixel of the grid, columns fastest.
template <class E>
class PatchColumns {
 public:
  using Element = E;
  struct Source {
    Patch patch;
    const E* image;
    unsigned stride;  // of the thread's indices
    Digits step;      // its digits
  };
  struct Cursor {
    int left;       // of the part's indices
    Digits digits;  // column, row, image
    Tap tap;        // of the thread's row
  };

  __device__ __forceinline__ PatchColumns(const Source& source, const BlockPlace& block)
      : source_{source}, block_{block} {}
  __device__ __forceinline__ const E* tensor() const { return source_.image; }
  __device__ __forceinline__ Cursor begin(int i, unsigned index) const {
    Tap tap = source_.patch.tap(block_.column + static_cast<unsigned>(i));
    tap.offset += block_.group * static_cast<int>(source_.patch.group_channels.divisor());
    return {left_behind(index, block_.end), odometer().digits(index), tap};
  }
  __device__ __forceinline__ void next(Cursor& c) const {
    c.left -= static_cast<int>(source_.stride);
    c.digits = odometer().sum(c.digits, source_.step);
  }
  __device__ __forceinline__ const Cursor& spot(const Cursor& c) const { return c; }
  __device__ __forceinline__ Place find(int, const Cursor& c) const {
    const Patch& patch = source_.patch;
    const int row = static_cast<int>(c.digits.middle) * patch.rows.stride + patch.rows.origin;
    const int column = static_cast<int>(c.digits.low) * patch.columns.stride + patch.columns.origin;
    const unsigned pixel =
        (c.digits.high * static_cast<unsigned>(patch.rows.extent) + static_cast<unsigned>(row)) *
            static_cast<unsigned>(patch.columns.extent) +
        static_cast<unsigned>(column);
    return {pixel * static_cast<unsigned>(patch.channels) + static_cast<unsigned>(c.tap.offset),
            patch.rows.holds(row + c.tap.row) && patch.columns.holds(column + c.tap.column) &&
                c.left > 0};
  }

 private:
  __device__ __forceinline__ Odometer odometer() const {
    return {source_.patch.grid_columns, source_.patch.grid_rows};
  }
  const Source& source_;
  BlockPlace block_;
};

/// Element (i, index) at i * pitch + index of each group's matrix.
template <class E>
class MatrixRows {
 public:
  using Element = E;
  struct Source {
    const E* matrix;
    int rows;  // of a group
    unsigned pitch;
  };
  struct Cursor {
    int left;         // of the part's indices
    unsigned offset;  // in the tile's first row
  };
  using Row = int;
  static constexpr bool kKeepsRows = false;
  struct Spot {
    unsigned offset;
    int rows;  // of the tile; none behind the part's end
  };

  __device__ __forceinline__ MatrixRows(const Source& source, const BlockPlace& block)
      : source_{source},
        first_{static_cast<unsigned>(block.group * source.rows) + block.column},
        rows_{source.rows - static_cast<int>(block.column)},
        end_{block.end} {}
  __device__ __forceinline__ const E* tensor() const { return source_.matrix; }
  __device__ __forceinline__ Cursor begin(int, unsigned index) const {
    return {left_behind(index, end_), first_ * source_.pitch + index};
  }
  __device__ __forceinline__ void next(Cursor& c) const {
    c.left -= kSliceOf<E>;
    c.offset += kSliceOf<E>;
  }
  __device__ __forceinline__ Spot spot(const Cursor& c) const {
    return {c.offset, c.left > 0 ? rows_ : 0};
  }
  __device__ __forceinline__ Row row(int i) const { return i; }
  __device__ __forceinline__ Place find(Row i, const Spot& s) const {
    return {s.offset + static_cast<unsigned>(i) * source_.pitch, i < s.rows};
  }

 private:
  const Source& source_;
  unsigned first_;
  int rows_;
  unsigned end_;
};

/// Element (i, index) at index * pitch + i: groups side by side.
template <class E>
class MatrixColumns {
 public:
  using Element = E;
  struct Source {
    const E* matrix;
    int rows;  // of a group
    unsigned pitch;
    unsigned stride;  // of the thread's indices
  };
  struct Cursor {
    int left;  // of the part's indices
    unsigned offset;
  };

  __device__ __forceinline__ MatrixColumns(const Source& source, const BlockPlace& block)
      : source_{source},
        first_{static_cast<unsigned>(block.group * source.rows) + block.row},
        rows_{source.rows - static_cast<int>(block.row)},
        end_{block.end} {}
  __device__ __forceinline__ const E* tensor() const { return source_.matrix; }
  __device__ __forceinline__ Cursor begin(int i, unsigned index) const {
    return {left_behind(index, end_), index * source_.pitch + first_ + static_cast<unsigned>(i)};
  }
  __device__ __forceinline__ void next(Cursor& c) const {
    c.left -= static_cast<int>(source_.stride);
    c.offset += source_.stride * source_.pitch;
  }
  __device__ __forceinline__ const Cursor& spot(const Cursor& c) const { return c; }
  __device__ __forceinline__ Place find(int i, const Cursor& c) const {
    return {c.offset, i < rows_ && c.left > 0};
  }

 private:
  const Source& source_;
  unsigned first_;
  int rows_;
  unsigned end_;
};

/// The weights that one phase of dgrad meets (several: phases.h). Row: a channel of the group;
/// index: tap of the phase and filter of the group, filters fastest.
template <class E>
class PhaseWeights {
 public:
  using Element = E;
  struct Source {
    const E* w;                                  // [k,r,s,c/groups]
    FastDivide filters, taps_across;             // of a group; of the phase
    int channels = 0;                            // of a group
    int filter_size = 0;                         // r * s * channels: from filter to filter
    int first = 0, tap_row = 0, tap_column = 0;  // first tap, and from tap to tap
    unsigned stride = 0;                         // of the thread's indices
    Digits step = {};                            // its digits
  };
  struct Cursor {
    int left;       // of the part's indices
    Digits digits;  // filter, tap column, tap row
  };

  __device__ __forceinline__ PhaseWeights(const Source& source, const BlockPlace& block)
      : source_{source},
        first_{block.group * static_cast<int>(source.filters.divisor()) * source.filter_size +
               source.first + static_cast<int>(block.column)},
        channels_{source.channels - static_cast<int>(block.column)},
        end_{block.end} {}
  __device__ __forceinline__ const E* tensor() const { return source_.w; }
  __device__ __forceinline__ Cursor begin(int, unsigned index) const {
    return {left_behind(index, end_), odometer().digits(index)};
  }
  __device__ __forceinline__ void next(Cursor& c) const {
    c.left -= static_cast<int>(source_.stride);
    c.digits = odometer().sum(c.digits, source_.step);
  }
  __device__ __forceinline__ const Cursor& spot(const Cursor& c) const { return c; }
  __device__ __forceinline__ Place find(int i, const Cursor& c) const {
    const int tap = static_cast<int>(c.digits.high) * source_.tap_row +
                    static_cast<int>(c.digits.middle) * source_.tap_column;
    const int filter = static_cast<int>(c.digits.low) * source_.filter_size;
    return {static_cast<unsigned>(first_ + filter + tap + i), i < channels_ && c.left > 0};
  }

 private:
  __device__ __forceinline__ Odometer odometer() const {
    return {source_.filters, source_.taps_across};
  }
  const Source& source_;
  int first_, channels_;
  unsigned end_;
};

}  // namespace fovea::FOVEA_TARGET
