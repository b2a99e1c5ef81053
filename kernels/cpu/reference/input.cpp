// input.cpp - pictures to numbers by their definition (input.h).
#include <fovea/core/philox.h>
#include <fovea/kernels/cpu/reference/parts.h>

#include <algorithm>

namespace fovea::reference {
namespace {

struct Crop {
  int top = 0, left = 0;
  bool mirrored = false;
};

Crop crop_of(const InputProblem& p, const Context& context, int image) {
  const int free_rows = p.h + 2 * p.pad - p.out_h;
  const int free_columns = p.w + 2 * p.pad - p.out_w;
  const auto at = [&](int row, int column) { return Crop{row - p.pad, column - p.pad, p.mirror}; };
  switch (p.view) {
    case View::random: {
      const StepState& state = state_of(context, "input");
      const Philox random{state.seed, stream_key(Purpose::crop, 0, state.step)};
      const Bits4 bits = random(state.first_row + static_cast<std::uint64_t>(image));
      const auto below = [](std::uint32_t b, int count) {
        return static_cast<int>(uniform_below(b, static_cast<std::uint32_t>(count)));
      };
      Crop crop = at(below(bits[0], free_rows + 1), below(bits[1], free_columns + 1));
      crop.mirrored = p.mirror && bits[2] % 2 == 1;
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

// Where value c of row i and column j of an image lies; -1: nowhere, as no folded pixel has it.
std::int64_t place(const InputProblem& p, int i, int j, int c) {
  if (p.fold.by == 1) return (std::int64_t{i} * p.out_w + j) * p.c + c;
  const InputFold& f = p.fold;
  const int row = i + f.top, column = j + f.left;
  if (row / f.by >= f.rows || column / f.by >= f.columns) return -1;
  const std::int64_t pixel = std::int64_t{row / f.by} * f.columns + column / f.by;
  return ((pixel * f.by + row % f.by) * f.by + column % f.by) * p.c + c;
}

void cast(const InputProblem& p, const InputCast::Args& args, Floats& floats) {
  const std::uint8_t* x = args.x.as<std::uint8_t>();
  const float* mean = floats.in(args.mean);
  const float* scale = floats.in(args.scale);
  float* y = floats.out(args.y);
  const bool mean_image = args.mean.elements() != p.c;
  const std::int64_t of_image = p.y_shape().elements() / p.n;
  if (p.fold.by != 1) std::fill_n(y, p.n * of_image, 0.0F);  // the convolution's padding
  parallel(p.n, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t m = begin; m < end; ++m) {
      const Crop crop = crop_of(p, args.context, static_cast<int>(m));
      for (int i = 0; i < p.out_h; ++i) {
        for (int j = 0; j < p.out_w; ++j) {
          const int row = crop.top + i;
          const int column = crop.left + (crop.mirrored ? p.out_w - 1 - j : j);
          const bool inside = row >= 0 && row < p.h && column >= 0 && column < p.w;
          const std::int64_t pixel = std::int64_t{i} * p.out_w + j;
          for (int c = 0; c < p.c; ++c) {
            double v = 0;
            if (inside) {
              const double stored = x[((m * p.h + row) * p.w + column) * p.c + c];
              v = (stored - mean[mean_image ? pixel * p.c + c : c]) * scale[c];
            }
            const std::int64_t at = place(p, i, j, c);
            if (at >= 0) y[m * of_image + at] = static_cast<float>(v);
          }
        }
      }
    }
  });
}

}  // namespace

void add_input(Registry& registry) { add_loops<InputCast>(registry, cast); }

}  // namespace fovea::reference
