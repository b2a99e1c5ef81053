// finish.h - what becomes of the sums of a tile: bias, activation, mask, accumulation, and where
// the results go. With a split reduction the sums go to the workspace as they are, one matrix a
// part. Results leave in vectors of four wherever the extents allow, and so comes what they are
// joined to. E is the type of the tensors.
#pragma once

#include <fovea/kernels/cuda/conv/implicit_gemm/gather.h>
#include <fovea/kernels/cuda/epilogue.h>
#include <fovea/kernels/cuda/tile/reduce.h>
#include <fovea/kernels/cuda/tile/store.h>

#include <cstdint>

namespace fovea::FOVEA_TARGET {

/// from[l] for l < min(4, count), else 0; in one access if `whole`, as store_each().
template <class E>
__device__ __forceinline__ Vector<float, 4> load_each(const E* from, int count, bool whole) {
  if (whole && count >= 4) return load_floats<4>(from);
  Vector<float, 4> v;
#pragma unroll
  for (int l = 0; l < 4; ++l) v[l] = l < count ? load_float(from + l) : 0.0F;
  return v;
}

/// Where results go: into a tensor; of a split reduction, unfinished, into the workspace.
template <class E>
struct Results {
  E* tensor = nullptr;
  float* partials = nullptr;  // nullptr: not split
  std::int64_t part = 0;      // elements from part to part
  bool vectors = false;       // accesses of four are aligned

  /// `count` elements in `splits` parts; `fours`: rows of them are multiples of four.
  static Results of(const TensorView& to, std::int64_t count, int splits, void* workspace,
                    bool fours) {
    Results r{.tensor = to.as<E>()};
    r.vectors = fours && is_aligned(r.tensor, 4 * static_cast<int>(sizeof(E)));
    if (splits > 1) {
      r.partials = static_cast<float*>(workspace);
      r.part = count;
      r.vectors = fours;
    }
    return r;
  }
  /// Adds up what store() left, finished by what run_reduce() takes.
  template <class... Finish>
  void reduce(int splits, StreamView stream, const Finish&... finish) const {
    if (splits > 1) run_reduce(Partials{partials, part, splits}, tensor, finish..., stream);
  }

  /// Element at + l = finish(v[l], l), for l < min(4, count).
  template <class F>
  __device__ __forceinline__ void store(std::int64_t at, const Vector<float, 4>& v, int count,
                                        F finish) const {
    if (partials != nullptr) {
      store_each(partials + blockIdx.z * part + at, v, count, vectors,
                 [](float sum, int) { return sum; });
    } else {
      store_each(tensor + at, v, count, vectors, finish);
    }
  }
  __device__ __forceinline__ Vector<float, 4> load(std::int64_t at, int count) const {
    return load_each(tensor + at, count, vectors);
  }
};

/// y[pixels, k] = activation(sum + b).
template <class E>
struct FinishForward {
  static constexpr bool kSumsRows = false;
  Results<E> y;
  unsigned pixels;  // of all images
  int group_filters, filters;
  ForwardEpilogue epilogue;  // without tanh

  template <class T>
  __device__ __forceinline__ void store(const BlockPlace& block,
                                        const typename T::Accumulators& acc) const {
    const int tile_filter = static_cast<int>(block.column);
    const int first = block.group * group_filters + tile_filter;
    const int left = group_filters - tile_filter;
    const auto bias = [&](int column) {
      if (epilogue.bias == nullptr) return Vector<float, 4>{};
      return load_each(epilogue.bias + first + column, left - column, false);
    };
    const auto activated = [&](float v) {
      return epilogue.relu && v <= 0.0F ? 0.0F : v;  // NaN stays NaN
    };
    const auto place = [&](int row, int column) {
      return std::int64_t{block.row + static_cast<unsigned>(row)} * filters + first + column;
    };
    const auto inside = [&](int row) { return block.row + static_cast<unsigned>(row) < pixels; };
    if (epilogue.drop.state == nullptr) {
      T::for_each_vector(acc, bias, FindNothing{},
                         [&](int row, int column, const auto& sum, const auto& b, Nothing) {
                           if (!inside(row)) return;
                           y.store(place(row, column), sum, left - column,
                                   [&](float v, int l) { return activated(v + b[l]); });
                         });
      return;
    }
    const auto store = [&](int row, int column, const auto& sum, const auto& b, Nothing) {
      if (!inside(row)) return;
      Vector<float, 4> v;
#pragma unroll
      for (int l = 0; l < 4; ++l) v[l] = activated(sum[l] + b[l]);
      const std::int64_t at = place(row, column);
      v = epilogue.drop(v, at);
      y.store(at, v, left - column, [](float dropped, int) { return dropped; });
    };
    T::for_each_vector(acc, bias, FindNothing{}, store);
  }
  __device__ __forceinline__ bool wants_sums(const BlockPlace&) const { return false; }
};

/// The cells of one phase of dx[n,h,w,c] = old + masked sum.
template <class E>
struct FinishDgrad {
  static constexpr bool kSumsRows = false;
  Results<E> dx;
  FastDivide grid_columns, grid_rows;  // of the phase
  unsigned cells;                      // of all images
  int height, width, channels, group_channels;
  int first_row, first_column, row_step, column_step;
  DgradEpilogue<E> epilogue;  // none where the reduction is split

  /// Where a vector goes, and what it is joined to.
  struct Joined {
    std::int64_t at = -1;  // nowhere
    Vector<float, 4> mask = {}, old = {};
  };
  template <class T>
  __device__ __forceinline__ void store(const BlockPlace& block,
                                        const typename T::Accumulators& acc) const {
    const int tile_channel = static_cast<int>(block.column);
    const int first = block.group * group_channels + tile_channel;
    const int left = group_channels - tile_channel;
    const auto find = [&](int row, int column) {
      Joined j;
      const unsigned cell = block.row + static_cast<unsigned>(row);
      if (cell >= cells) return j;
      j.at = pixel_of(cell) * channels + first + column;
      const int count = left - column;
      if (epilogue.mask != nullptr) j.mask = load_each(epilogue.mask + j.at, count, dx.vectors);
      if (epilogue.accumulate) j.old = dx.load(j.at, count);
      return j;
    };
    const auto store = [&](int, int column, const auto& sum, Nothing, const Joined& j) {
      if (j.at < 0) return;
      dx.store(j.at, sum, left - column, [&](float v, int l) {
        if (epilogue.mask != nullptr && !(j.mask[l] > 0.0F)) v = 0.0F;
        return epilogue.accumulate ? j.old[l] + v : v;
      });
    };
    T::for_each_vector(acc, FindNothing{}, find, store);
  }
  __device__ __forceinline__ bool wants_sums(const BlockPlace&) const { return false; }

 private:
  __device__ __forceinline__ std::int64_t pixel_of(unsigned cell) const {
    const unsigned row = grid_columns.quotient(cell);
    const unsigned image = grid_rows.quotient(row);
    const int i = static_cast<int>(grid_rows.remainder(row, image)) * row_step + first_row;
    const int j = static_cast<int>(grid_columns.remainder(cell, row)) * column_step + first_column;
    return (std::int64_t{image} * height + i) * width + j;
  }
};

/// dw[k, taps and channels] = old + sum; db[k] = old + sum of dy.
template <class E>
struct FinishWgrad {
  static constexpr bool kSumsRows = true;
  Results<E> dw;
  float* db;             // nullptr where it is not wanted
  std::int64_t db_part;  // elements from part to part
  int group_filters;
  unsigned filter_size;
  bool accumulate;  // false where the reduction is split

  template <class T>
  __device__ __forceinline__ void store(const BlockPlace& block,
                                        const typename T::Accumulators& acc) const {
    const int tile_filter = static_cast<int>(block.row);
    const std::int64_t first =
        std::int64_t{block.group * group_filters + tile_filter} * filter_size + block.column;
    const int left = static_cast<int>(filter_size - block.column);
    const auto store = [&](int row, int column, const auto& sum, Nothing, Nothing) {
      if (tile_filter + row >= group_filters) return;
      const std::int64_t at = first + std::int64_t{row} * filter_size + column;
      const int count = left - column;
      Vector<float, 4> old;
      if (accumulate) old = dw.load(at, count);
      dw.store(at, sum, count, [&](float v, int l) { return accumulate ? old[l] + v : v; });
    };
    T::for_each_vector(acc, FindNothing{}, FindNothing{}, store);
  }
  /// The blocks of the first weights see all of dy.
  __device__ __forceinline__ bool wants_sums(const BlockPlace& block) const {
    return db != nullptr && block.column == 0;
  }
  __device__ __forceinline__ void store_sum(const BlockPlace& block, int row, float sum) const {
    const int filter = static_cast<int>(block.row) + row;
    if (filter >= group_filters) return;
    float& to = db[blockIdx.z * db_part + block.group * group_filters + filter];
    to = accumulate ? to + sum : sum;
  }
};

}  // namespace fovea::FOVEA_TARGET
