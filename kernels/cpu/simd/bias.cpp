// bias.cpp - bias and its gradient.
//
// The gradient sums columns. Rows are cut into parts by the problem alone, never by the number of
// threads: each part's sums go to the workspace, and are added in the order of the parts.
#include <fovea/kernels/cpu/simd/parts.h>
#include <fovea/kernels/cpu/simd/vec.h>

#include <algorithm>

namespace fovea::simd {
namespace {

struct AddBiasLoop {
  template <class T>
  static void run(std::int64_t begin, std::int64_t end, int channels, const T* x, const float* b,
                  T* y) {
    for (std::int64_t row = begin; row < end; ++row) {
#pragma GCC ivdep
      for (int c = 0; c < channels; ++c) {
        const std::int64_t i = row * channels + c;
        y[i] = narrowed<T>(widened(x[i]) + b[c]);
      }
    }
  }
};

template <class T>
void add_bias_rows(const BiasProblem& p, const AddBias::Args& args, Isa isa) {
  const T* x = args.x.as<T>();
  const float* b = args.b.as<float>();
  run_parts<AddBiasLoop>(isa, p.rows, rows_per_grain(p.channels), p.channels, x, b, args.y.as<T>());
}

constexpr std::int64_t kMostParts = 64;

std::int64_t rows_per_part(const BiasProblem& p) {
  const std::int64_t even = (p.rows + kMostParts - 1) / kMostParts;
  return std::max(even, rows_per_grain(p.channels));
}
std::int64_t parts_of(const BiasProblem& p) {
  return (p.rows + rows_per_part(p) - 1) / rows_per_part(p);
}

// sums[c] = sum of rows [begin, end) of column c.
struct ColumnSumsLoop {
  // kVectors vectors of columns at a time, held in registers.
  template <class V, int kVectors, class T>
  static void block(std::int64_t begin, std::int64_t end, int channels, const T* dy, float* sums) {
    typename V::Floats sum[kVectors] = {};
    for (std::int64_t row = begin; row < end; ++row) {
      for (int v = 0; v < kVectors; ++v) sum[v] += load<V>(dy + row * channels + v * V::kLanes);
    }
    for (int v = 0; v < kVectors; ++v) store<V>(sums + v * V::kLanes, sum[v]);
  }

  template <class Widest, class T>
  static void run(std::int64_t begin, std::int64_t end, int channels, const T* dy, float* sums) {
    constexpr int kBlock = 8 * Widest::kLanes;
    int c = 0;
    for (; c + kBlock <= channels; c += kBlock) {
      block<Widest, 8>(begin, end, channels, dy + c, sums + c);
    }
    for_each_vector<Widest>(channels - c, [&]<class V>(int i) {
      block<V, 1>(begin, end, channels, dy + c + i, sums + c + i);
    });
  }
};

template <class T>
void bias_gradient(const BiasProblem& p, const BiasGradient::Args& args, Isa isa) {
  const T* dy = args.dy.as<T>();
  float* partial = static_cast<float*>(args.context.workspace);
  const std::int64_t parts = parts_of(p), step = rows_per_part(p);
  parallel(parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t part = begin; part < end; ++part) {
      run_vectors_as<ColumnSumsLoop>(isa, part * step, std::min(p.rows, (part + 1) * step),
                                     p.channels, dy, partial + part * p.channels);
    }
  });
  run_vectors_as<ColumnSumsLoop>(isa, std::int64_t{0}, parts, p.channels, partial,
                                 args.db.as<float>());
}

}  // namespace

void add_bias(Registry& registry, Isa isa) {
  add_loops<AddBias>(registry, isa, &AddBias::Args::y, add_bias_rows<float>, add_bias_rows<bf16>);
  add_loops<BiasGradient>(registry, isa, &BiasGradient::Args::dy, bias_gradient<float>,
                          bias_gradient<bf16>, [](const BiasProblem& p) {
                            return static_cast<std::size_t>(checked_mul(parts_of(p), p.channels)) *
                                   sizeof(float);
                          });
}

}  // namespace fovea::simd
