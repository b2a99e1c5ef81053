// input.cu - uint8 pictures to normalised values: crop, mirror, padding, folding; input.h has it.
// Block  -> 1024 consecutive values of one image, in bf16 2048, whose crop is drawn once, by
//           thread 0.
// Thread -> 4 neighbouring values, in bf16 8, and one 16-byte store where an image has a multiple
//           of them and the address allows; else as many values 256 apart, each warp writing one
//           piece of memory. Pixels are read byte by byte: a crop begins anywhere, a mirrored one
//           runs backwards.
// Bytes  -> 1 read and 4 written per value, in bf16 2, the least possible; mean and scale come from
//           L1.
#include <fovea/core/philox.h>
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/device/shared.h>
#include <fovea/kernels/cuda/pointwise.cuh>

namespace fovea::FOVEA_TARGET {
namespace {

template <class T>
constexpr int kPerBlock = kPointwiseThreads* kPerAccess<T>;  // values

/// Where a crop lies in its picture.
struct Crop {
  int top, left, mirrored;
};

struct InputGeometry {
  InputProblem p;
  int per_image;      // values
  unsigned blocks;    // of an image
  bool mean_of_cell;  // mean is [out_h,out_w,c], not [c]
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

/// What the net sees: row, column, channel; may lie outside where it is folded.
struct Cell {
  int i, j, c;
};

/// Value e of an image of such a width.
__device__ Cell cell_of(unsigned e, unsigned width, unsigned channels) {
  const unsigned pixel = e / channels;
  const unsigned i = pixel / width;
  return {static_cast<int>(i), static_cast<int>(pixel - i * width),
          static_cast<int>(e - pixel * channels)};
}

/// Value e of an image.
template <bool Folded>
__device__ Cell cell_of(const InputProblem& p, int e) {
  const auto channels = static_cast<unsigned>(p.c);
  if constexpr (!Folded) {
    return cell_of(static_cast<unsigned>(e), static_cast<unsigned>(p.out_w), channels);
  }
  const InputFold& f = p.fold;
  const auto by = static_cast<unsigned>(f.by);
  const Cell block =
      cell_of(static_cast<unsigned>(e), static_cast<unsigned>(f.columns), by * by * channels);
  const Cell inside = cell_of(static_cast<unsigned>(block.c), by, channels);
  return {block.i * f.by + inside.i - f.top, block.j * f.by + inside.j - f.left, inside.c};
}

template <bool Folded>
__device__ float value_of(const InputGeometry& g, const Crop& crop, int e,
                          const std::uint8_t* picture, const float* mean, const float* scale) {
  const auto [i, j, c] = cell_of<Folded>(g.p, e);
  if (Folded && (i < 0 || i >= g.p.out_h || j < 0 || j >= g.p.out_w)) return 0;
  const int row = i + crop.top;
  const int column = crop.left + (crop.mirrored != 0 ? g.p.out_w - 1 - j : j);
  if (row < 0 || row >= g.p.h || column < 0 || column >= g.p.w) return 0;
  const int cell = Folded ? (i * g.p.out_w + j) * g.p.c + c : e;
  const float v = picture[(row * g.p.w + column) * g.p.c + c];
  return (v - mean[g.mean_of_cell ? cell : c]) * scale[c];
}

template <bool Folded, int W, class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    cast_images(InputGeometry g, const StepState* state, const std::uint8_t* x, const float* mean,
                const float* scale, T* y) {
  auto& crop = block_shared<Crop>();
  const int image = static_cast<int>(blockIdx.x / g.blocks);
  if (threadIdx.x == 0) {
    const Crop drawn = crop_of(g.p, state, image);
    crop.top = drawn.top;
    crop.left = drawn.left;
    crop.mirrored = drawn.mirrored;
  }
  __syncthreads();  // the crop is visible
  const std::uint8_t* picture = x + static_cast<std::int64_t>(image) * g.p.h * g.p.w * g.p.c;
  T* out = y + static_cast<std::int64_t>(image) * g.per_image;
  int e =
      static_cast<int>(blockIdx.x % g.blocks) * kPerBlock<T> + static_cast<int>(threadIdx.x) * W;
  for (int part = 0; part < kPerAccess<T> / W; ++part, e += kPointwiseThreads * W) {
    if (e >= g.per_image) return;  // W divides it
    Vector<float, W> v;
    for (int l = 0; l < W; ++l) v[l] = value_of<Folded>(g, crop, e + l, picture, mean, scale);
    store_floats<W>(out + e, v);
  }
}

template <bool Folded, class T>
void run_cast(const InputProblem& p, const InputCast::Args& a, T* y, StreamView stream) {
  const auto per_image = static_cast<int>(p.y_shape().elements() / p.n);
  const InputGeometry g{p, per_image, ceil_div(per_image, kPerBlock<T>), a.mean.elements() != p.c};
  const Launch l{.grid = {static_cast<unsigned>(p.n) * g.blocks},
                 .block = {kPointwiseThreads},
                 .smem = sizeof(Crop)};
  by_width<T>(per_image, allow_vectors(y), [&]<int W>(Width<W>) {
    launch(cast_images<Folded, W, T>, l, stream, g, a.context.state, a.x.as<std::uint8_t>(),
           a.mean.as<float>(), a.scale.as<float>(), y);
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
