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
#include <fovea/kernels/device/reduce.h>
#include <fovea/kernels/device/shared.h>
#include <fovea/kernels/cuda/lrn.cuh>
#include <fovea/kernels/cuda/lrn_pool.cuh>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace fovea::FOVEA_TARGET {
namespace {

constexpr int kWindow = 3, kStride = 2;  // of pooling
constexpr int kReach = 2;                // of LRN's window to either side
constexpr float kBeta = 0.75F;           // its exponent
constexpr int kChannels = 8;             // of a thread
constexpr int kMostThreads = 512, kMostWarps = kMostThreads / 32;
constexpr int kMostChannels = 32 * kChannels;
constexpr int kLeastRows = 6;     // of y in a part
constexpr int kBlocks = 2 * 132;  // wanted, before a plane is left whole

using Floats = Vector<float, kChannels>;

struct WalkGeometry {
  PoolGeometry pool;
  float a, k;
  int vectors, group_vectors;  // of kChannels, in a pixel and in a group of LRN
  int pixels;                  // of a warp
  Cut columns, rows;           // of y forward; of x and pairs of rows of x backward
  bool mask;

  WalkGeometry(const LrnPoolProblem& p, const Cut& column_cut, const Cut& row_cut)
      : pool{p.pool},
        a{p.lrn.scale()},
        k{p.lrn.k},
        vectors{p.pool.c / kChannels},
        group_vectors{vectors / p.lrn.groups},
        pixels{32 / vectors},
        columns{column_cut},
        rows{row_cut},
        mask{p.epilogue.mask} {}

  Launch launch_of(int strip_columns, std::size_t smem) const {
    const int warps = (strip_columns + pixels - 1) / pixels;
    return {.grid = {static_cast<unsigned>(std::int64_t{pool.n} * columns.parts * rows.parts)},
            .block = {static_cast<unsigned>(32 * warps)},
            .smem = smem};
  }
};

/// This thread's place in the strip.
struct Lane {
  int vector, column;
  bool active;       // not behind the last whole pixel of a warp
  bool first, last;  // of a group of LRN: windows end here
  __device__ __forceinline__ explicit Lane(const WalkGeometry& g) {
    const auto lane = static_cast<int>(threadIdx.x) % 32;
    const int pixel = lane / g.vectors;
    vector = lane - pixel * g.vectors;
    column = static_cast<int>(threadIdx.x) / 32 * g.pixels + pixel;
    active = pixel < g.pixels;
    const int in_group = vector % g.group_vectors;
    first = in_group == 0;
    last = in_group == g.group_vectors - 1;
  }
};

/// A thread's channels at p, where `active`; all lanes call. 32 bytes of fp32 are two accesses: in
/// each, two lanes side by side take one sector together, and exchange halves.
///     lane  even   odd     even   odd          even           odd
///     load  0 - 3  4 - 7 | 8 - 11 12 - 15      keeps 0 - 3    keeps 12 - 15
///                 `-----------'  exchanged     gets 4 - 7     gets 8 - 11
template <class T>
__device__ __forceinline__ Floats load_channels(const WalkGeometry& g, const T* p, bool active) {
  Floats v{};
  if (std::is_same_v<T, bf16> || g.vectors % 2 != 0) {
    if (active) v = load_floats<kChannels>(p);
    return v;
  }
  const bool odd = threadIdx.x % 2 != 0;
  Vector<float, 4> first{}, second{};
  if (active) {
    first = load_floats<4>(p - (odd ? 4 : 0));
    second = load_floats<4>(p + (odd ? 4 : 8));
  }
#pragma unroll
  for (int l = 0; l < 4; ++l) {
    const float other = __shfl_xor_sync(kAllLanes, odd ? first[l] : second[l], 1);
    v[l] = odd ? other : first[l];
    v[4 + l] = odd ? second[l] : other;
  }
  return v;
}

/// The same way out.
template <class T>
__device__ __forceinline__ void store_channels(const WalkGeometry& g, T* p, const Floats& v,
                                               bool active) {
  if (std::is_same_v<T, bf16> || g.vectors % 2 != 0) {
    if (active) store_floats<kChannels>(p, v);
    return;
  }
  const bool odd = threadIdx.x % 2 != 0;
  Vector<float, 4> first, second;
#pragma unroll
  for (int l = 0; l < 4; ++l) {
    const float other = __shfl_xor_sync(kAllLanes, odd ? v[l] : v[4 + l], 1);
    first[l] = odd ? other : v[l];
    second[l] = odd ? v[4 + l] : other;
  }
  if (!active) return;
  store_floats<4>(p - (odd ? 4 : 0), first);
  store_floats<4>(p + (odd ? 4 : 8), second);
}

/// The sum over each channel's window, in the order of channels; all lanes call.
template <class F>
__device__ __forceinline__ Floats window_sums(const Lane& lane, const Floats& v, const F& add) {
  float all[kChannels + 2 * kReach];
#pragma unroll
  for (int i = 0; i < kReach; ++i) {
    const float before = __shfl_up_sync(kAllLanes, v[kChannels - kReach + i], 1);
    const float behind = __shfl_down_sync(kAllLanes, v[i], 1);
    all[i] = lane.first ? 0.0F : before;
    all[kReach + kChannels + i] = lane.last ? 0.0F : behind;
  }
#pragma unroll
  for (int l = 0; l < kChannels; ++l) all[kReach + l] = v[l];
  Floats sum{};
#pragma unroll
  for (int l = 0; l < kChannels; ++l) {
#pragma unroll
    for (int j = 0; j <= 2 * kReach; ++j) sum[l] = add(all[l + j], sum[l]);
  }
  return sum;
}

__device__ __forceinline__ Floats denominators(const WalkGeometry& g, const Lane& lane,
                                               const Floats& x) {
  Floats d = window_sums(lane, x, [](float v, float sum) { return fma(v, v, sum); });
#pragma unroll
  for (int l = 0; l < kChannels; ++l) d[l] = fma(g.a, d[l], g.k);
  return d;
}

/// d^-3/4 and d^-1 of a d that is at least k, and that is no denormal.
__device__ __forceinline__ InversePowers inverse_three_quarters(float d) {
  const float root = rsqrt_of_normal(d);
  return from_roots(root, rsqrt_of_normal(root));
}

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
