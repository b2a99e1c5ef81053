// input.cpp - pictures to numbers: row by row, mean and scale laid out as a row of the output.
#include <fovea/core/philox.h>
#include <fovea/kernels/cpu/simd/parts.h>

#include <algorithm>

namespace fovea::simd {
namespace {

struct Crop {
  int top = 0, left = 0;
  bool mirrored = false;
};

Crop crop_of(const InputProblem& p, const StepState* state, std::int64_t image) {
  const int free_rows = p.h + 2 * p.pad - p.out_h;
  const int free_columns = p.w + 2 * p.pad - p.out_w;
  const auto at = [&](int row, int column) { return Crop{row - p.pad, column - p.pad, p.mirror}; };
  switch (p.view) {
    case View::random: {
      const Philox random{state->seed, stream_key(Purpose::crop, 0, state->step)};
      const Bits4 bits = random(state->first_row + static_cast<std::uint64_t>(image));
      const auto below = [](std::uint32_t b, int count) {
        return static_cast<int>(uniform_below(b, static_cast<std::uint32_t>(count)));
      };
      Crop crop = at(below(bits[0], free_rows + 1), below(bits[1], free_columns + 1));
      crop.mirrored = p.mirror && (bits[2] & 1U) != 0;
      return crop;
    }
    case View::centre:
      return at(free_rows / 2, free_columns / 2);
    case View::top_left:
      return at(0, 0);
    case View::top_right:
      return at(0, free_columns);
    case View::bottom_left:
      return at(free_rows, 0);
    case View::bottom_right:
      return at(free_rows, free_columns);
  }
  return {};
}

// One row of the output: mean and scale hold a value for each of its elements. Rows are short, so
// vectors by hand.
struct RowLoop {
  // Output columns [begin, end) come from the picture's row `x`, at `first` for column `begin`,
  // going right, or left where mirrored.
  template <class Widest, class T>
  static void run(const std::uint8_t* x, std::int64_t first, bool mirrored, int begin, int end,
                  int channels, const float* mean, const float* scale, T* y) {
    if (!mirrored) {
      const std::uint8_t* in = x + first * channels;
      const int at = begin * channels;
      for_each_vector<Widest>((end - begin) * channels, [&]<class V>(int i) {
        const auto v = as_floats<V>(load_bytes<V>(in + i));
        store<V>(y + at + i, (v - load<V>(mean + at + i)) * load<V>(scale + at + i));
      });
      return;
    }
    for (int j = begin; j < end; ++j) {
      const std::uint8_t* in = x + (first - (j - begin)) * channels;
      for (int c = 0; c < channels; ++c) {
        const int at = j * channels + c;
        y[at] = narrowed<T>((static_cast<float>(in[c]) - mean[at]) * scale[at]);
      }
    }
  }
};

template <class T>
void cast_image(const InputProblem& p, Isa isa, const Crop& crop, const std::uint8_t* x,
                const float* mean, std::int64_t mean_stride, const float* scale, T* y) {
  const std::int64_t row_elements = std::int64_t{p.out_w} * p.c;
  // Columns of the output whose source lies in the picture, and the source of the first.
  const int source = crop.mirrored ? crop.left + p.out_w - 1 : crop.left;
  const int begin = std::clamp(crop.mirrored ? source - (p.w - 1) : -source, 0, p.out_w);
  const int end = std::clamp(crop.mirrored ? source + 1 : p.w - source, begin, p.out_w);
  const std::int64_t first = crop.mirrored ? source - begin : source + begin;
  for (int i = 0; i < p.out_h; ++i) {
    T* out = y + i * row_elements;
    const int row = crop.top + i;
    if (row < 0 || row >= p.h) {
      std::fill_n(out, row_elements, T{});
      continue;
    }
    std::fill_n(out, std::int64_t{begin} * p.c, T{});
    run_vectors_as<RowLoop>(isa, x + std::int64_t{row} * p.w * p.c, first, crop.mirrored, begin,
                            end, p.c, mean + i * mean_stride, scale, out);
    std::fill_n(out + std::int64_t{end} * p.c, std::int64_t{p.out_w - end} * p.c, T{});
  }
}

template <class T>
void cast(const InputProblem& p, const InputCast::Args& args, Isa isa) {
  const std::uint8_t* x = args.x.as<std::uint8_t>();
  const float* mean = args.mean.as<float>();
  const float* scale = args.scale.as<float>();
  T* y = args.y.as<T>();
  const StepState* state = p.view == View::random ? &state_of(args.context, "input") : nullptr;
  const std::int64_t row_elements = std::int64_t{p.out_w} * p.c;
  // A row of scales, and one of means where there is no mean image.
  float* scale_row = static_cast<float*>(args.context.workspace);
  float* mean_row = scale_row + row_elements;
  const bool mean_image = args.mean.elements() != p.c;
  for (std::int64_t i = 0; i < row_elements; ++i) {
    scale_row[i] = scale[i % p.c];
    if (!mean_image) mean_row[i] = mean[i % p.c];
  }
  const float* means = mean_image ? mean : mean_row;
  const std::int64_t mean_stride = mean_image ? row_elements : 0;
  const std::int64_t pictures = rows_per_grain(p.out_h * row_elements);
  parallel(p.n, pictures, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t m = begin; m < end; ++m) {
      cast_image(p, isa, crop_of(p, state, m), x + m * p.h * p.w * p.c, means, mean_stride,
                 scale_row, y + m * p.out_h * row_elements);
    }
  });
}

}  // namespace

void add_input(Registry& registry, Isa isa) {
  add_loops<InputCast>(
      registry, isa, &InputCast::Args::y, cast<float>, cast<bf16>,
      [](const InputProblem& p) {
        return static_cast<std::size_t>(p.out_w) * static_cast<std::size_t>(p.c) * 2 *
               sizeof(float);
      },
      [](const InputProblem& p, const DeviceInfo&) {
        return p.fold.by == 1 ? Verdict{} : Verdict::no("does not fold");
      });
}

}  // namespace fovea::simd
