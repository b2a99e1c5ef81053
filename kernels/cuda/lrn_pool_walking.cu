// lrn_pool_walking.cu - LRN across five channels and max pooling of it in one pass (lrn_pool.h), as
// AlexNet has them: windows of 3 x 3, two apart. lrn_pool.cu takes every other problem.
// Thread   -> 8 channels of one column of x, down the plane. x stays in registers.
// Warp     -> whole pixels side by side, 8 channels a lane: what a window across channels needs of
//             the neighbours comes by shuffle. Lanes behind the last whole pixel are idle.
// Block    -> a strip of columns of one image, up to 16 warps; all of its rows, or a part.
//   forward   the three rows of a window are joined in registers, its columns by way of shared
//             memory, a buffer in turn with another: one barrier a row of y.
//   backward  a row of dy and of winners comes into one of three slots by cp.async while the two
//             before it are used: one barrier two rows of x.
// Bytes    -> each once, but for a column of x (forward) or of windows (backward) where two strips
//             meet, and a row where two parts do: at most 7 % of them.
// Limits   -> beta 0.75; up to 256 channels, in groups of a multiple of 8.
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/device/async_copy.h>
#include <fovea/kernels/device/shared.h>
#include <fovea/kernels/cuda/lrn_pool.cuh>
#include <fovea/kernels/cuda/lrn_pool_walking.cuh>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace fovea::FOVEA_TARGET {
namespace {

using namespace walking;

/// The maximum of several candidates a channel, and where it lay: four bits a channel. Ties and NaN
/// as in max_pool.cu: the first in the order of rows, then columns, and a NaN above all.
struct Best {
  Floats value;
  std::uint32_t places;

  static __device__ __forceinline__ std::uint32_t everywhere(int place) {
    return static_cast<std::uint32_t>(place) * 0x11111111U;
  }
  __device__ __forceinline__ int place(int l) const {
    return static_cast<int>(places >> (4 * l) & 15U);
  }
  __device__ __forceinline__ void take(int l, float v, std::uint32_t all_places) {
    value[l] = v;
    places = (places & ~(15U << (4 * l))) | (all_places & (15U << (4 * l)));
  }
  /// A row below those so far.
  __device__ __forceinline__ void add_below(const Floats& v, int row) {
#pragma unroll
    for (int l = 0; l < kChannels; ++l) {
      if (v[l] <= value[l] || value[l] != value[l]) continue;
      take(l, v[l], everywhere(row));
    }
  }
  /// A column to the right of those so far, whose places may lie before theirs.
  __device__ __forceinline__ void add_right(const Best& other) {
#pragma unroll
    for (int l = 0; l < kChannels; ++l) {
      const float v = other.value[l];
      const bool before = other.place(l) < place(l);
      const bool is_nan = v != v, has_nan = value[l] != value[l];
      const bool better = is_nan ? !has_nan || before : v > value[l] || (v == value[l] && before);
      if (better) take(l, v, other.places);
    }
  }
};

/// A row of columns' maxima on the way to the windows, halves apart: neighbours in a warp are
/// neighbours in memory.
struct Columns {
  alignas(16) float value[2][kMostThreads][kChannels / 2];
  std::uint32_t places[kMostThreads];

  __device__ __forceinline__ void put(int at, const Best& b) {
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      Vector<float, 4> half;
      for (int l = 0; l < 4; ++l) half[l] = b.value[4 * h + l];
      store_vector<4>(value[h][at], half);
    }
    places[at] = b.places;
  }
  __device__ __forceinline__ Best get(int at) const {
    Best b;
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const auto half = load_vector<4>(value[h][at]);
      for (int l = 0; l < 4; ++l) b.value[4 * h + l] = half[l];
    }
    b.places = places[at];
    return b;
  }
};

struct ForwardSmem {
  Columns columns[2];
};

// The windows of row p of y in the strip, from their columns.
template <class T>
__device__ __forceinline__ void join_columns(const WalkGeometry& g, const PlanePart& part, int p,
                                             const Columns& columns, T* y, std::uint8_t* argmax) {
  const int count = (part.columns.end - part.columns.begin) * g.vectors;
  for (int first = 0; first < count; first += static_cast<int>(blockDim.x)) {
    const bool active = first + static_cast<int>(threadIdx.x) < count;
    const int i = active ? first + static_cast<int>(threadIdx.x) : 0;
    const int window = i / g.vectors, vector = i - window * g.vectors;
    const Range inside = g.pool.columns.inside(part.columns.begin + window);
    Best best{};
    for (int s = inside.begin; s < inside.end; ++s) {
      Best column = columns.get((window * kStride + s) * g.vectors + vector);
      // Row r of column s is place 3 r + s: at most 8 of 15.
      column.places = column.places * kWindow + Best::everywhere(s);
      if (s == inside.begin) {
        best = column;
      } else {
        best.add_right(column);
      }
    }
    const int at = g.pool.y_at(part.image, p, part.columns.begin + window, vector * kChannels);
    store_channels(g, y + at, best.value, active);
    if (!active) continue;
    Vector<std::uint8_t, kChannels> places;
    for (int l = 0; l < kChannels; ++l) places[l] = static_cast<std::uint8_t>(best.place(l));
    store_vector<kChannels>(argmax + at, places);
  }
}

template <class T>
__global__ void __launch_bounds__(kMostThreads, 2)
    lrn_pool_walk_forward(const __grid_constant__ WalkGeometry g, const T* x, T* y,
                          std::uint8_t* argmax) {
  auto& s = block_shared<ForwardSmem>();
  const PlanePart part(g.rows, g.columns);
  const Lane lane(g);
  const int column = g.pool.columns.start(part.columns.begin) + lane.column;
  const bool active = lane.active && column >= 0 && column < g.pool.columns.in &&
                      column < g.pool.columns.start(part.columns.end - 1) + kWindow;
  const T* const below = x + g.pool.x_at(part.image, 0, max(column, 0), lane.vector * kChannels);
  const int pitch = g.pool.columns.in * g.pool.c;
  int row = g.pool.rows.start(part.rows.begin);
  const int end = min(g.pool.rows.in, g.pool.rows.start(part.rows.end - 1) + kWindow);
  const auto next_row = [&] {
    const Floats v = load_channels(g, below + row * pitch, active && row >= 0 && row < end);
    ++row;
    return v;
  };
  Floats ahead = next_row();
  const auto normalised = [&] {
    Floats v = ahead;
    ahead = next_row();  // on its way while this one is used
    const Floats d = denominators(g, lane, v);
#pragma unroll
    for (int l = 0; l < kChannels; ++l) v[l] *= inverse_three_quarters(d[l]).beta;
    return v;
  };

  Floats above = normalised();  // row 0 of the next window
  for (int p = part.rows.begin; p < part.rows.end; ++p) {
    const Range inside = g.pool.rows.inside(p);
    Best best{{}, Best::everywhere(inside.begin)};
#pragma unroll
    for (int l = 0; l < kChannels; ++l) best.value[l] = -std::numeric_limits<float>::infinity();
    if (inside.begin == 0) best.add_below(above, 0);
#pragma unroll
    for (int r = 1; r < kWindow; ++r) {
      above = normalised();
      if (r >= inside.begin && r < inside.end) best.add_below(above, r);
    }
    Columns& columns = s.columns[p % 2];
    if (active) columns.put(lane.column * g.vectors + lane.vector, best);
    __syncthreads();  // the row visible; nobody reads the other buffer any more
    join_columns(g, part, p, columns, y, argmax);
  }
}

constexpr int kMostWindows = (kMostWarps / kStride + 1) * kMostChannels;  // elements of a slot
constexpr int kSlots = 3;

template <class T>
struct BackwardSmem {
  alignas(16) T dy[kSlots][kMostWindows];
  alignas(16) std::uint8_t winner[kSlots][kMostWindows];
};

/// The row of windows p of the strip on its way into its slot.
template <class T>
__device__ __forceinline__ void start_row(const WalkGeometry& g, BackwardSmem<T>& s, int image,
                                          int p, const Range& windows, const T* dy,
                                          const std::uint8_t* argmax) {
  constexpr int kPer = kPerAccess<T>;
  if (p >= 0 && p < g.pool.rows.out) {
    const int from = g.pool.y_at(image, p, windows.begin, 0), slot = p % kSlots;
    const int count = (windows.end - windows.begin) * g.pool.c;
    const auto step = static_cast<int>(blockDim.x);
    for (int e = static_cast<int>(threadIdx.x) * kPer; e < count; e += step * kPer) {
      async_copy<16>(&s.dy[slot][e], dy + from + e);
    }
    for (int e = static_cast<int>(threadIdx.x) * 8; e < count; e += step * 8) {
      async_copy<8>(&s.winner[slot][e], argmax + from + e);
    }
  }
  async_commit();
}

/// sum += dy of the window (p, q) for the channels whose winner is `own`.
template <class T>
__device__ __forceinline__ void add_won(Floats& sum, const BackwardSmem<T>& s, int p, int at,
                                        int own) {
  const auto winner = load_vector<kChannels>(&s.winner[p % kSlots][at]);
  const auto dy = load_floats<kChannels>(&s.dy[p % kSlots][at]);
#pragma unroll
  for (int l = 0; l < kChannels; ++l) {
    if (winner[l] == own) sum[l] += dy[l];
  }
}

template <class T>
__global__ void __launch_bounds__(kMostThreads, 2)
    lrn_pool_walk_backward(const __grid_constant__ WalkGeometry g, const T* x,
                           const std::uint8_t* argmax, const T* dy, T* dx) {
  auto& s = block_shared<BackwardSmem<T>>();
  const PlanePart part(g.rows, g.columns);  // of pairs of rows
  const Lane lane(g);
  const WindowAxis& rows = g.pool.rows;
  const WindowAxis& columns = g.pool.columns;
  const Range windows = {columns.holding(part.columns.begin).begin,
                         columns.holding(part.columns.end - 1).end};
  const int column = part.columns.begin + lane.column;
  const bool active = lane.active && column < part.columns.end;
  // The column is number `in_last` of its last window, and number 2 of the one before if that is 0.
  const int last = columns.window_from(column + columns.begin);
  const int in_last = column + columns.begin - last * kStride;
  const bool has_last = active && last < columns.out;
  const bool has_other = active && in_last == 0 && last > 0 && last - 1 < columns.out;
  const int at = (last - windows.begin) * g.pool.c + lane.vector * kChannels;
  const int first_element = g.pool.x_at(part.image, 0, column, lane.vector * kChannels);
  const int pitch = columns.in * g.pool.c;

  int row = part.rows.begin * kStride - rows.begin;
  const int end = min(rows.in, part.rows.end * kStride - rows.begin);
  const auto next_row = [&](int i) {
    return load_channels(g, x + first_element + i * pitch, active && i >= 0 && i < end);
  };
  start_row(g, s, part.image, part.rows.begin - 1, windows, dy, argmax);
  start_row(g, s, part.image, part.rows.begin, windows, dy, argmax);
  Floats ahead = next_row(row);
  for (int pair = part.rows.begin; pair < part.rows.end; ++pair) {
    async_wait<0>();
    __syncthreads();  // rows `pair` and before are there; nobody reads the third slot any more
    if (pair + 1 < part.rows.end) start_row(g, s, part.image, pair + 1, windows, dy, argmax);
#pragma unroll 1
    for (int r = 0; r < kStride; ++r, ++row) {
      const Floats own = ahead;
      ahead = next_row(row + 1);  // on its way while this one is used
      if (row < 0 || row >= rows.in) continue;
      Floats direct{};
      if (r == 0 && pair > 0 && pair - 1 < rows.out) {
        const int code = (kWindow - 1) * kWindow;
        if (has_other) add_won(direct, s, pair - 1, at - g.pool.c, code + kWindow - 1);
        if (has_last) add_won(direct, s, pair - 1, at, code + in_last);
      }
      if (pair < rows.out) {
        if (has_other) add_won(direct, s, pair, at - g.pool.c, r * kWindow + kWindow - 1);
        if (has_last) add_won(direct, s, pair, at, r * kWindow + in_last);
      }
      const Floats d = denominators(g, lane, own);
      Floats t;
#pragma unroll
      for (int l = 0; l < kChannels; ++l) {
        const InversePowers power = inverse_three_quarters(d[l]);
        direct[l] *= power.beta;
        t[l] = direct[l] * own[l] * power.one;
      }
      Floats sum = window_sums(lane, t, [](float v, float so_far) { return so_far + v; });
#pragma unroll
      for (int l = 0; l < kChannels; ++l) {
        sum[l] = fma(-2 * g.a * kBeta * own[l], sum[l], direct[l]);
        if (g.mask && !(own[l] > 0)) sum[l] = 0.0F;
      }
      store_channels(g, dx + first_element + row * pitch, sum, active);
    }
  }
  async_wait<0>();
}

/// Columns of x of a strip.
int strip_columns(const LrnPoolProblem& p) { return kMostWarps * (32 / (p.pool.c / kChannels)); }

/// Parts of a plane's rows, so that there are blocks enough.
int row_parts(const LrnPoolProblem& p, const Cut& columns) {
  const std::int64_t blocks = std::int64_t{p.pool.n} * columns.parts;
  return static_cast<int>((kBlocks + blocks - 1) / blocks);
}

void run_walk_forward(const LrnPoolProblem& p, const LrnPoolForward::Args& a, StreamView stream) {
  by_type(a.x, [&]<class T>(T) {
    auto* const argmax = a.argmax.as<std::uint8_t>();
    if (!allow_vectors(a.x.as<T>(), a.y.as<T>()) || !is_aligned(argmax, kChannels)) {
      run_lrn_pool_rolling(p, a, stream);
      return;
    }
    const Cut columns(p.pool.q(), (strip_columns(p) - kWindow) / kStride + 1);
    const WalkGeometry g(p, columns, cut_into(p.pool.p(), row_parts(p, columns), kLeastRows));
    launch(lrn_pool_walk_forward<T>,
           g.launch_of((columns.size - 1) * kStride + kWindow, sizeof(ForwardSmem)), stream, g,
           a.x.as<T>(), a.y.as<T>(), argmax);
  });
}

void run_walk_backward(const LrnPoolProblem& p, const LrnPoolBackward::Args& a, StreamView stream) {
  by_type(a.x, [&]<class T>(T) {
    const auto* const argmax = a.argmax.as<std::uint8_t>();
    if (!allow_vectors(a.x.as<T>(), a.dy.as<T>(), a.dx.as<T>()) || !is_aligned(argmax, kChannels)) {
      run_lrn_pool_rolling(p, a, stream);
      return;
    }
    const Cut columns(p.pool.w, strip_columns(p));
    const int pairs = (p.pool.h + p.pool.ph.begin + kStride - 1) / kStride;
    const WalkGeometry g(p, columns, cut_into(pairs, row_parts(p, columns), kLeastRows));
    launch(lrn_pool_walk_backward<T>, g.launch_of(columns.size, sizeof(BackwardSmem<T>)), stream, g,
           a.x.as<T>(), argmax, a.dy.as<T>(), a.dx.as<T>());
  });
}

Verdict can_walk(const LrnPoolProblem& p) {
  const PoolProblem& pool = p.pool;
  if (p.lrn.within) return Verdict::no("normalises within maps");
  if (p.lrn.size != 2 * kReach + 1) return Verdict::no("normalises over other than five channels");
  if (p.lrn.beta != kBeta) return Verdict::no("another beta than 0.75");
  if (p.lrn.k < std::numeric_limits<float>::min()) return Verdict::no("k is 0");
  if (pool.r != kWindow || pool.s != kWindow || pool.u != kStride || pool.v != kStride) {
    return Verdict::no("pools other windows than 3 x 3, two apart");
  }
  if (pool.c > kMostChannels) return Verdict::no("more than 256 channels");
  if (pool.c / p.lrn.groups % kChannels != 0) {
    return Verdict::no("channels of a group are no multiple of 8");
  }
  return {};
}

Verdict can_walk_forward(const LrnPoolProblem& p, const DeviceInfo&) {
  if (const Verdict v = can_walk(p); !v) return v;
  return covers({}, p.epilogue);
}
Verdict can_walk_backward(const LrnPoolProblem& p, const DeviceInfo&) {
  if (const Verdict v = can_walk(p); !v) return v;
  return covers({.mask = true}, p.epilogue);
}

}  // namespace

Algorithm<LrnPoolForward> lrn_pool_forward_walking() {
  return make_algorithm<LrnPoolForward>({.name = "walking",
                                         .run = run_walk_forward,
                                         .can_run = can_walk_forward,
                                         .exact_on_integers = false});
}
Algorithm<LrnPoolBackward> lrn_pool_backward_walking() {
  return make_algorithm<LrnPoolBackward>({.name = "walking",
                                          .run = run_walk_backward,
                                          .can_run = can_walk_backward,
                                          .exact_on_integers = false});
}

}  // namespace fovea::FOVEA_TARGET
