// lrn_pool.cu - LRN across channels and max pooling of it in one pass, NHWC (lrn_pool.h).
// Forward   block -> some rows of y of one image, from a strip of columns, all channels. It walks
//           down: each row of x is staged and normalised once, into one of r slots in shared
//           memory; then a thread takes windows of four channels each, or of one, neighbours in
//           a warp being neighbouring channels.
// Backward  block -> some rows of x, from a strip of columns, all channels. It walks down: the rows
//           of windows that hold a row of x are kept in slots, dy and winners; pieces of whole
//           pixels then go as in lrn_across.cu, with the sum of dy of the windows won as LRN's dy.
// Reuse     what lies between the two ops stays in shared memory: of 22 bytes a cell of x that they
//           move forward and back one after the other (3 x 3 windows, stride 2), 14.5 are left.
// Bytes     forward 4 a cell of x and 5 a window, backward 8 and 5, and what neighbouring blocks
//           both read: a row in 2 * kWindowRows for overlapping windows, 5 % of x; backward one row
//           of windows in kCellRows / 2, 4 % of the whole. A strip is as wide as the plane unless
//           that does not fit. In bf16 forward 2 and 3, backward 4 and 3: x, y and their gradients
//           are bf16, staged too; what is normalised, t and all sums are fp32.
// Limits -> LRN across channels; a window's and a pixel's channels fit into shared memory: 2048
//           channels backward, with 3 x 3 windows 1728 forward on AlexNet's tile.
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/cuda/tile/fast_divide.h>
#include <fovea/kernels/device/shared.h>
#include <fovea/kernels/cuda/lrn.cuh>
#include <fovea/kernels/cuda/lrn_pool.cuh>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace fovea::FOVEA_TARGET {
namespace {

constexpr int kWindowRows = 8;  // least rows of y of a block, where there are so many
constexpr int kCellRows = 8;    // the same of x, backward

template <class T, int Cells, int Piece, int Blocks>
struct ForwardTile {
  using Element = T;
  static constexpr int kCells = Cells;    // normalised floats: r rows of the strip
  static constexpr int kPiece = Piece;    // elements of x normalised at a time, whole pixels
  static constexpr int kBlocks = Blocks;  // on an SM of capability 9.0
  struct Smem {
    alignas(16) T x[Piece];
    alignas(16) float rows[Cells];
  };
};
template <class T>  // 32 KiB; a block more would spill registers
using SmallForward = ForwardTile<T, 6144, 2048, sizeof(T) == sizeof(float) ? 5 : 4>;
template <class T>  // 97 KiB, what sm_86 and sm_89 have for a block
using LargeForward = ForwardTile<T, 20736, 4096, 2>;

template <class T>
struct BackwardTile {
  static constexpr int kWindows = 6912;  // two rows of AlexNet's first pooling and more
  static constexpr int kPiece = 2048;
  static constexpr int kBlocks = 3;
  struct Smem {  // 58 KiB, in bf16 40
    alignas(16) T x[kPiece];
    alignas(16) float t[kPiece];       // g x d^(-beta-1)
    alignas(16) float direct[kPiece];  // g d^-beta
    alignas(16) T dy[kWindows];
    alignas(16) std::uint8_t winner[kWindows];
  };
};

struct LrnPoolGeometry {
  PoolGeometry pool;
  ChannelWindows lrn;
  Cut columns, rows;  // of y forward, of x backward
  FastDivide c;
  int pitch;  // of a slot: elements of a row of the strip
  int slots;
  bool mask;
};

// Normalises `width` elements of a row of x, whole pixels, into a slot.
template <class Tile, int W>
__device__ __forceinline__ void normalise_row(const LrnPoolGeometry& g, typename Tile::Smem& s,
                                              const typename Tile::Element* x, float* slot,
                                              int width) {
  const int piece = Tile::kPiece / g.pool.c * g.pool.c;
  for (int first = 0; first < width; first += piece) {
    const int count = min(piece, width - first);
    stage<kStaged<W, typename Tile::Element>>(s.x, x + first, count);
    __syncthreads();  // x visible
    for (int e = static_cast<int>(threadIdx.x) * W; e < count; e += kLrnThreads * W) {
      store_vector<W>(slot + first + e, g.lrn.normalised<W>(s.x, e));
    }
    __syncthreads();  // x read, the slot's piece visible
  }
}

// The windows of row p of y; ties and NaN as in max_pool.cu.
template <int W, class T>
__device__ __forceinline__ void pool_row(const LrnPoolGeometry& g, const PlanePart& part, int p,
                                         const float* slots, int left, T* y, std::uint8_t* argmax) {
  const Range rows = g.pool.rows.inside(p);
  const int top = g.pool.rows.start(p);
  const int count = (part.columns.end - part.columns.begin) * g.pool.c;
  const int out = g.pool.y_at(part.image, p, part.columns.begin, 0);
  const int first_slot = (top + rows.begin) % g.slots;
  for (int e = static_cast<int>(threadIdx.x) * W; e < count; e += kLrnThreads * W) {
    const auto column = static_cast<int>(g.c.quotient(static_cast<unsigned>(e)));
    const int channel = e - column * g.pool.c;
    const int q = part.columns.begin + column;
    const Range columns = g.pool.columns.inside(q);
    const int start = (g.pool.columns.start(q) - left) * g.pool.c + channel;
    Vector<float, W> best;
    Vector<std::uint8_t, W> place;
    for (int l = 0; l < W; ++l) {
      best[l] = -std::numeric_limits<float>::infinity();
      place[l] = static_cast<std::uint8_t>(rows.begin * g.pool.columns.size + columns.begin);
    }
    int slot = first_slot;
    for (int r = rows.begin; r < rows.end; ++r) {
      const float* row = slots + slot * g.pitch + start;
      slot = slot + 1 == g.slots ? 0 : slot + 1;
      for (int s = columns.begin; s < columns.end; ++s) {
        const auto v = load_vector<W>(row + s * g.pool.c);
        const auto code = static_cast<std::uint8_t>(r * g.pool.columns.size + s);
        for (int l = 0; l < W; ++l) {
          if (v[l] <= best[l] || best[l] != best[l]) continue;  // not above, or a NaN has won
          best[l] = v[l];
          place[l] = code;
        }
      }
    }
    store_floats<W>(y + out + e, best);
    store_vector<W>(argmax + out + e, place);
  }
}

template <class Tile, int W>
__global__ void __launch_bounds__(kLrnThreads, Tile::kBlocks)
    lrn_pool_forward_kernel(LrnPoolGeometry g, const typename Tile::Element* x,
                            typename Tile::Element* y, std::uint8_t* argmax) {
  auto& s = block_shared<typename Tile::Smem>();
  const PlanePart part(g.rows, g.columns);
  const int left = max(0, g.pool.columns.start(part.columns.begin));
  const int right =
      min(g.pool.columns.in, g.pool.columns.start(part.columns.end - 1) + g.pool.columns.size);
  int next = 0;  // the first row of x that has no slot yet
  for (int p = part.rows.begin; p < part.rows.end; ++p) {
    const int top = g.pool.rows.start(p);
    for (next = max(next, top); next < min(top + g.pool.rows.size, g.pool.rows.in); ++next) {
      normalise_row<Tile, W>(g, s, x + g.pool.x_at(part.image, next, left, 0),
                             s.rows + next % g.slots * g.pitch, (right - left) * g.pool.c);
    }
    pool_row<W>(g, part, p, s.rows, left, y, argmax);
    __syncthreads();  // slots read before they are filled again
  }
}

// The sum of dy of the windows that W elements from (row, column, channel) of x on won.
template <int W, class T>
__device__ __forceinline__ Vector<float, W> won(const LrnPoolGeometry& g,
                                                const typename BackwardTile<T>::Smem& s,
                                                const Range& holding, int first_window, int row,
                                                int column, int channel) {
  const Range windows = g.pool.columns.holding(column);
  Vector<float, W> sum{};
  for (int p = holding.begin; p < holding.end; ++p) {
    const int slot = p % g.slots * g.pitch + channel;
    const int code = (row - g.pool.rows.start(p)) * g.pool.columns.size;
    for (int q = windows.begin; q < windows.end; ++q) {
      const int at = slot + (q - first_window) * g.pool.c;
      const int own = code + column - g.pool.columns.start(q);
      const auto winner = load_vector<W>(s.winner + at);
      const auto dy = load_floats<W>(s.dy + at);
      for (int l = 0; l < W; ++l) {
        if (winner[l] == own) sum[l] += dy[l];
      }
    }
  }
  return sum;
}

template <int W, class T>
__global__ void __launch_bounds__(kLrnThreads, BackwardTile<T>::kBlocks)
    lrn_pool_backward_kernel(LrnPoolGeometry g, const T* x, const std::uint8_t* argmax, const T* dy,
                             T* dx) {
  constexpr int kCopied = kStaged<W, T>;
  auto& s = block_shared<typename BackwardTile<T>::Smem>();
  const PlanePart part(g.rows, g.columns);
  const int c = g.pool.c;
  const int first_window = g.pool.columns.holding(part.columns.begin).begin;
  const int windows = g.pool.columns.holding(part.columns.end - 1).end - first_window;
  const int width = (part.columns.end - part.columns.begin) * c;
  const int piece = BackwardTile<T>::kPiece / c * c;
  int next = 0;  // the first row of windows that has no slot yet
  for (int row = part.rows.begin; row < part.rows.end; ++row) {
    const Range holding = g.pool.rows.holding(row);
    for (next = max(next, holding.begin); next < holding.end; ++next) {
      const int from = g.pool.y_at(part.image, next, first_window, 0);
      const int slot = next % g.slots * g.pitch;
      stage<kCopied>(s.dy + slot, dy + from, windows * c);
      stage<kCopied>(s.winner + slot, argmax + from, windows * c);
    }
    const int line = g.pool.x_at(part.image, row, part.columns.begin, 0);
    for (int first = 0; first < width; first += piece) {
      const int count = min(piece, width - first);
      stage<kCopied>(s.x, x + line + first, count);
      __syncthreads();  // x, dy and winners visible
      for (int e = static_cast<int>(threadIdx.x) * W; e < count; e += kLrnThreads * W) {
        const auto column = static_cast<int>(g.c.quotient(static_cast<unsigned>(first + e)));
        const auto gradient = won<W, T>(g, s, holding, first_window, row,
                                        part.columns.begin + column, first + e - column * c);
        const auto d = g.lrn.denominators<W>(s.x, e);
        const auto own = load_floats<W>(s.x + e);
        Vector<float, W> direct, t;
        for (int l = 0; l < W; ++l) {
          const InversePowers power = inverse_powers(d[l], g.lrn.beta);
          direct[l] = gradient[l] * power.beta;
          t[l] = direct[l] * own[l] * power.one;
        }
        store_vector<W>(s.direct + e, direct);
        store_vector<W>(s.t + e, t);
      }
      __syncthreads();  // t visible; winners read
      for (int e = static_cast<int>(threadIdx.x) * W; e < count; e += kLrnThreads * W) {
        auto v = g.lrn.gradients<W>(s.x, s.t, s.direct, e);
        const auto own = load_floats<W>(s.x + e);
        for (int l = 0; l < W; ++l) {
          if (g.mask && !(own[l] > 0)) v[l] = 0.0F;
        }
        store_floats<W>(dx + line + first + e, v);
      }
      __syncthreads();  // x and t read before the next piece
    }
  }
}

/// Columns of y whose windows' normalised cells fit, r rows of them; below 1: none.
template <class Tile>
int forward_columns(const LrnPoolProblem& p) {
  if (p.pool.c > Tile::kPiece) return 0;
  const int cells = Tile::kCells / (p.pool.r * p.pool.c);
  return cells < p.pool.s ? 0 : (cells - p.pool.s) / p.pool.v + 1;
}

/// Rows of windows that hold one row of x.
int rows_holding(const PoolProblem& p) { return (p.r + p.u - 1) / p.u; }

/// Columns of x such that the windows that hold them fit.
int backward_columns(const LrnPoolProblem& p) {
  using Tile = BackwardTile<float>;  // of either type
  if (p.pool.c > Tile::kPiece) return 0;
  const int windows = Tile::kWindows / (rows_holding(p.pool) * p.pool.c);
  return windows * p.pool.v - p.pool.s + 1;
}

template <class Tile, int W>
void forward_by(const LrnPoolProblem& p, const LrnPoolForward::Args& a, StreamView stream) {
  using T = typename Tile::Element;
  const Cut columns(p.pool.q(), forward_columns<Tile>(p));
  const int wide = (columns.size - 1) * p.pool.v + p.pool.s;
  const LrnPoolGeometry g{.pool = PoolGeometry(p.pool),
                          .lrn = ChannelWindows(p.lrn),
                          .columns = columns,
                          .rows = cut_into(p.pool.p(), p.pool.p() / kWindowRows, 1),
                          .c = FastDivide(static_cast<unsigned>(p.pool.c)),
                          .pitch = wide * p.pool.c,
                          .slots = p.pool.r,
                          .mask = false};
  const Launch l{
      .grid = {static_cast<unsigned>(std::int64_t{p.pool.n} * g.columns.parts * g.rows.parts)},
      .block = {kLrnThreads},
      .smem = sizeof(typename Tile::Smem)};
  launch(lrn_pool_forward_kernel<Tile, W>, l, stream, g, a.x.as<T>(), a.y.as<T>(),
         a.argmax.as<std::uint8_t>());
}

template <int W, class T>
void backward_by(const LrnPoolProblem& p, const LrnPoolBackward::Args& a, StreamView stream) {
  const Cut columns(p.pool.w, backward_columns(p));
  const int windows = (columns.size + p.pool.s - 2) / p.pool.v + 1;
  const LrnPoolGeometry g{.pool = PoolGeometry(p.pool),
                          .lrn = ChannelWindows(p.lrn),
                          .columns = columns,
                          .rows = cut_into(p.pool.h, p.pool.h / kCellRows, 1),
                          .c = FastDivide(static_cast<unsigned>(p.pool.c)),
                          .pitch = windows * p.pool.c,
                          .slots = rows_holding(p.pool),
                          .mask = p.epilogue.mask};
  const Launch l{
      .grid = {static_cast<unsigned>(std::int64_t{p.pool.n} * g.columns.parts * g.rows.parts)},
      .block = {kLrnThreads},
      .smem = sizeof(typename BackwardTile<T>::Smem)};
  launch(lrn_pool_backward_kernel<W, T>, l, stream, g, a.x.as<T>(), a.argmax.as<std::uint8_t>(),
         a.dy.as<T>(), a.dx.as<T>());
}

}  // namespace

// The small tile where it takes the plane at its width, or the large one cannot.
void run_lrn_pool_rolling(const LrnPoolProblem& p, const LrnPoolForward::Args& a,
                          StreamView stream) {
  by_type(a.x, [&]<class T>(T) {
    const bool vectors = windows_of_four<T>(p.lrn) && allow_vectors(a.x.as<T>(), a.y.as<T>()) &&
                         is_aligned(a.argmax.as<std::uint8_t>(), 4);
    if (forward_columns<SmallForward<T>>(p) >= p.pool.q()) {
      (vectors ? forward_by<SmallForward<T>, 4> : forward_by<SmallForward<T>, 1>)(p, a, stream);
    } else {
      (vectors ? forward_by<LargeForward<T>, 4> : forward_by<LargeForward<T>, 1>)(p, a, stream);
    }
  });
}

void run_lrn_pool_rolling(const LrnPoolProblem& p, const LrnPoolBackward::Args& a,
                          StreamView stream) {
  by_type(a.x, [&]<class T>(T) {
    const bool vectors = windows_of_four<T>(p.lrn) &&
                         allow_vectors(a.x.as<T>(), a.dy.as<T>(), a.dx.as<T>()) &&
                         is_aligned(a.argmax.as<std::uint8_t>(), kPerAccess<T>);
    (vectors ? backward_by<4, T> : backward_by<1, T>)(p, a, stream);
  });
}

namespace {

Verdict across_channels(const LrnPoolProblem& p) {
  return p.lrn.within ? Verdict::no("normalises within maps") : Verdict{};
}

Verdict can_run_forward(const LrnPoolProblem& p, const DeviceInfo&) {
  if (const Verdict v = across_channels(p); !v) return v;
  if (forward_columns<LargeForward<float>>(p) < 1) {
    return Verdict::no("a window's channels do not fit into shared memory");
  }
  return covers({}, p.epilogue);
}

Verdict can_run_backward(const LrnPoolProblem& p, const DeviceInfo&) {
  if (const Verdict v = across_channels(p); !v) return v;
  if (backward_columns(p) < 1) {
    return Verdict::no("the windows that hold a pixel do not fit into shared memory");
  }
  return covers({.mask = true}, p.epilogue);
}

}  // namespace

Algorithm<LrnPoolForward> lrn_pool_forward() {
  return make_algorithm<LrnPoolForward>({.name = "rolling",
                                         .run = run_lrn_pool_rolling,
                                         .can_run = can_run_forward,
                                         .exact_on_integers = false});
}
Algorithm<LrnPoolBackward> lrn_pool_backward() {
  return make_algorithm<LrnPoolBackward>({.name = "rolling",
                                          .run = run_lrn_pool_rolling,
                                          .can_run = can_run_backward,
                                          .exact_on_integers = false});
}

}  // namespace fovea::FOVEA_TARGET
