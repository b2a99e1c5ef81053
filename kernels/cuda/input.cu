// input.cu - uint8 pictures to normalised values: crop, mirror, padding, folding; input.h has it.
// Block  -> some lines of one image's result (folded: of blocks of `by` rows), whose crop is drawn
//           once, by thread 0. The bytes they come from, and mean and scale of the channels, are
//           brought to shared memory 16 at a time; a crop begins anywhere, a mirrored one runs
//           backwards. Lines too long for that are read byte by byte.
// Thread -> 4 neighbouring values, in bf16 8, and one 16-byte store where they divide a block's and
//           the address allows; else one, a warp's side by side.
// Bytes  -> 1 read and 4 written per value, in bf16 2, the least possible.
#include <fovea/core/philox.h>
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/cuda/tile/fast_divide.h>
#include <fovea/kernels/device/math.h>
#include <fovea/kernels/device/shared.h>
#include <fovea/kernels/cuda/pointwise.cuh>

#include <algorithm>
#include <numeric>

namespace fovea::FOVEA_TARGET {
namespace {

constexpr int kPerWord = kPerAccess<std::uint8_t>;
constexpr int kStagedBytes = 8192;   // of a block
constexpr int kStagedChannels = 64;  // whose mean and scale are

/// Where a crop lies in its picture.
struct Crop {
  int top, left, mirrored;
};

struct Smem {
  Crop crop;
  float mean[kStagedChannels], scale[kStagedChannels];
  alignas(kPerWord) std::uint8_t bytes[kStagedBytes];
};

struct InputGeometry {
  InputProblem p;
  int lines, line;                // of an image's result, and values in one
  int of_block;                   // lines
  unsigned blocks;                // of an image
  bool mean_of_cell;              // mean is [out_h,out_w,c], not [c]
  bool staged;                    // bytes, mean of channels and scale
  int words;                      // staged of a picture's row, at most
  FastDivide channels, width;     // of the net's picture
  FastDivide block, columns, by;  // folded: values of a block, blocks across, cells across one
};

struct InputPointers {
  const StepState* state;
  const std::uint8_t* x;
  const float *mean, *scale;
};

__device__ Crop crop_of(const InputProblem& p, const StepState* state, int image) {
  const int rows = p.h + 2 * p.pad - p.out_h;  // room, in the padded picture
  const int columns = p.w + 2 * p.pad - p.out_w;
  Crop crop{0, 0, p.mirror ? 1 : 0};
  switch (p.view) {
    case View::random: {
      const Philox philox{state->seed, stream_key(Purpose::crop, 0, state->step)};
      const Bits4 bits = philox(state->first_row + static_cast<std::uint64_t>(image));
      crop.top = static_cast<int>(uniform_below(bits.v[0], static_cast<std::uint32_t>(rows + 1)));
      crop.left =
          static_cast<int>(uniform_below(bits.v[1], static_cast<std::uint32_t>(columns + 1)));
      crop.mirrored = p.mirror && (bits.v[2] & 1U) != 0 ? 1 : 0;
      break;
    }
    case View::centre:
      crop.top = rows / 2;
      crop.left = columns / 2;
      break;
    case View::top_left:
      break;
    case View::top_right:
      crop.left = columns;
      break;
    case View::bottom_left:
      crop.top = rows;
      break;
    case View::bottom_right:
      crop.top = rows;
      crop.left = columns;
      break;
  }
  crop.top -= p.pad;
  crop.left -= p.pad;
  return crop;
}

/// The rectangle of a picture from which a block's values come; it may reach over its rows.
class Rectangle {
 public:
  __device__ Rectangle(const InputGeometry& g, const Crop& crop, const std::uint8_t* picture,
                       int first_line)
      : picture_{picture},
        pitch_{g.p.w * g.p.c},
        stride_{g.words * kPerWord},
        row_{first_line * g.p.fold.by - g.p.fold.top + crop.top},
        begin_{max(crop.left, 0) * g.p.c},
        length_{min(crop.left + g.p.out_w, g.p.w) * g.p.c - begin_} {}

  /// Brings the words that hold the bytes of its first `rows` to `to`; only what lies in x.
  __device__ void stage(const InputGeometry& g, const std::uint8_t* x, int rows,
                        std::uint8_t* to) const {
    const std::uint8_t* const x_end = x + static_cast<std::int64_t>(g.p.n) * g.p.h * pitch_;
    for (int t = static_cast<int>(threadIdx.x); t < rows * g.words; t += kPointwiseThreads) {
      const int row = t / g.words;
      if (row_ + row < 0 || row_ + row >= g.p.h) continue;
      const std::uint8_t* const begin = start_of(row);
      const std::uint8_t* const word = begin - offset_of(row) + (t - row * g.words) * kPerWord;
      std::uint8_t* const place = to + t * kPerWord;
      if (word >= begin + length_) continue;
      if (word >= x && word + kPerWord <= x_end) {
        store_vector<kPerWord>(place, load_vector<kPerWord>(word));
        continue;
      }
      for (int b = 0; b < kPerWord; ++b) {
        if (word + b >= begin && word + b < begin + length_) place[b] = word[b];
      }
    }
  }
  /// The byte `at` of the picture's `row`, both inside; `staged`: where stage() put it, or nullptr.
  __device__ __forceinline__ std::uint8_t byte(const std::uint8_t* staged, int row, int at) const {
    if (staged == nullptr) return picture_[row * pitch_ + at];
    const int own = row - row_;
    return staged[own * stride_ + offset_of(own) + at - begin_];
  }

 private:
  __device__ const std::uint8_t* start_of(int row) const {
    return picture_ + (row_ + row) * pitch_ + begin_;
  }
  /// Of its first byte in the first word.
  __device__ int offset_of(int row) const {
    return static_cast<int>(reinterpret_cast<std::uintptr_t>(start_of(row)) % kPerWord);
  }

  const std::uint8_t* picture_;
  int pitch_, stride_;  // bytes from a row to the next, in the picture and staged
  int row_;             // the first
  int begin_, length_;  // bytes of each row
};

/// What the net sees: row, column, channel; may lie outside where it is folded.
struct Cell {
  int i, j, c;
};

/// Value e of an image of such a width.
__device__ __forceinline__ Cell cell_of(unsigned e, const FastDivide& width,
                                        const FastDivide& channels) {
  const unsigned pixel = channels.quotient(e);
  const unsigned i = width.quotient(pixel);
  return {static_cast<int>(i), static_cast<int>(width.remainder(pixel, i)),
          static_cast<int>(channels.remainder(e, pixel))};
}

/// Value e of an image.
template <bool Folded>
__device__ __forceinline__ Cell cell_of(const InputGeometry& g, int e) {
  if constexpr (!Folded) return cell_of(static_cast<unsigned>(e), g.width, g.channels);
  const InputFold& f = g.p.fold;
  const Cell block = cell_of(static_cast<unsigned>(e), g.columns, g.block);
  const Cell inside = cell_of(static_cast<unsigned>(block.c), g.by, g.channels);
  return {block.i * f.by + inside.i - f.top, block.j * f.by + inside.j - f.left, inside.c};
}

/// A block's view of its picture.
struct Source {
  Crop crop;
  Rectangle rectangle;
  const std::uint8_t* staged;
  const float *mean, *scale;  // of channels, or the mean of cells
};

/// Value e of an image; `mean`: of its cell, where a mean of cells lies as values do.
template <bool Folded>
__device__ __forceinline__ float value_of(const InputGeometry& g, const Source& s, int e,
                                          float mean) {
  const auto [i, j, c] = cell_of<Folded>(g, e);
  if (Folded && (i < 0 || i >= g.p.out_h || j < 0 || j >= g.p.out_w)) return 0;
  const int row = i + s.crop.top;
  const int column = s.crop.left + (s.crop.mirrored != 0 ? g.p.out_w - 1 - j : j);
  if (row < 0 || row >= g.p.h || column < 0 || column >= g.p.w) return 0;
  if (!g.mean_of_cell) mean = s.mean[c];
  if (Folded && g.mean_of_cell) mean = s.mean[(i * g.p.out_w + j) * g.p.c + c];
  const float v = s.rectangle.byte(s.staged, row, column * g.p.c + c);
  return (v - mean) * s.scale[c];
}

/// Brings to shared memory what a block reads.
__device__ Source source_of(const InputGeometry& g, const InputPointers& in, Smem& smem, int image,
                            int first_line) {
  if (threadIdx.x == 0) smem.crop = crop_of(g.p, in.state, image);
  __syncthreads();  // the crop is visible
  const std::int64_t first = static_cast<std::int64_t>(image) * g.p.h * g.p.w * g.p.c;
  Source s{.crop = smem.crop,
           .rectangle = {g, smem.crop, in.x + first, first_line},
           .staged = nullptr,
           .mean = in.mean,
           .scale = in.scale};
  if (!g.staged) return s;
  const int lines = min(g.of_block, g.lines - first_line);
  s.rectangle.stage(g, in.x, lines * g.p.fold.by, smem.bytes);
  if (const auto c = static_cast<int>(threadIdx.x); c < g.p.c) {
    smem.scale[c] = in.scale[c];
    if (!g.mean_of_cell) smem.mean[c] = in.mean[c];
  }
  __syncthreads();  // so are bytes, mean and scale
  s.staged = smem.bytes;
  s.scale = smem.scale;
  if (!g.mean_of_cell) s.mean = smem.mean;
  return s;
}

template <bool Folded, int W, class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    cast_images(const __grid_constant__ InputGeometry g, InputPointers in, T* y) {
  const int image = static_cast<int>(blockIdx.x / g.blocks);
  const int first_line = static_cast<int>(blockIdx.x % g.blocks) * g.of_block;
  const Source s = source_of(g, in, block_shared<Smem>(), image, first_line);
  T* const out = y + static_cast<std::int64_t>(image) * g.lines * g.line;
  const int end = min(first_line + g.of_block, g.lines) * g.line;
  for (int e = first_line * g.line + static_cast<int>(threadIdx.x) * W; e < end;
       e += kPointwiseThreads * W) {
    Vector<float, W> mean{}, v;  // W divides a block's values
    if (!Folded && g.mean_of_cell) mean = load_floats<W>(s.mean + e);
    for (int l = 0; l < W; ++l) v[l] = value_of<Folded>(g, s, e + l, mean[l]);
    store_floats<W>(out + e, v);
  }
}

/// Lines that are multiples of `width` values together, about 8 a thread, as many as fit.
InputGeometry geometry_of(const InputProblem& p, bool mean_of_cell, int width) {
  InputGeometry g{};
  g.p = p;
  g.mean_of_cell = mean_of_cell;
  g.lines = static_cast<int>(p.y_shape()[1]);
  g.line = static_cast<int>(p.y_shape()[2] * p.y_shape()[3]);
  g.words = (std::min(p.w, p.out_w) * p.c + 2 * (kPerWord - 1)) / kPerWord;
  const int unit = width / std::gcd(width, g.line);
  const int wanted = std::max(1, 8 * kPointwiseThreads / g.line / unit) * unit;
  const int fit = kStagedBytes / (g.words * kPerWord * p.fold.by) / unit * unit;
  g.staged = fit > 0 && p.c <= kStagedChannels;
  g.of_block = g.staged ? std::min(wanted, fit) : wanted;
  g.blocks = ceil_div(g.lines, g.of_block);
  const auto divide_by = [](int d) { return FastDivide(static_cast<unsigned>(d)); };
  g.channels = divide_by(p.c);
  g.width = divide_by(p.out_w);
  g.block = divide_by(p.fold.by * p.fold.by * p.c);
  g.columns = divide_by(std::max(1, p.fold.columns));
  g.by = divide_by(p.fold.by);
  return g;
}

template <bool Folded, class T>
void run_cast(const InputProblem& p, const InputCast::Args& a, T* y, StreamView stream) {
  const InputPointers in{a.context.state, a.x.as<std::uint8_t>(), a.mean.as<float>(),
                         a.scale.as<float>()};
  const bool mean_of_cell = a.mean.elements() != p.c;
  const bool vectors = allow_vectors(y) && (!mean_of_cell || allow_vectors(in.mean));
  by_width<T>(p.y_shape().elements() / p.n, vectors, [&]<int W>(Width<W>) {
    const InputGeometry g = geometry_of(p, mean_of_cell, W);
    const Launch l{.grid = {static_cast<unsigned>(p.n) * g.blocks},
                   .block = {kPointwiseThreads},
                   .smem = sizeof(Smem)};
    launch(cast_images<Folded, W, T>, l, stream, g, in, y);
  });
}

void run(const InputProblem& p, const InputCast::Args& a, StreamView stream) {
  by_type(a.y, [&]<class T>(T) {
    T* const y = a.y.as<T>();
    p.fold.by == 1 ? run_cast<false>(p, a, y, stream) : run_cast<true>(p, a, y, stream);
  });
}

}  // namespace

Algorithm<InputCast> input_cast() {
  return make_algorithm<InputCast>({.name = "crop", .run = run});
}

}  // namespace fovea::FOVEA_TARGET
