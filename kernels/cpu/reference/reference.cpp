#include <fovea/kernels/cpu/reference/parts.h>
#include <fovea/kernels/cpu/reference/reference.h>

#include <algorithm>

namespace fovea {
namespace reference {

void column_sums(std::int64_t rows, int columns, const float* in, float* out, bool accumulate) {
  constexpr int kTile = 64;
  parallel((columns + kTile - 1) / kTile, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t tile = begin; tile < end; ++tile) {
      const std::int64_t first = tile * kTile;
      const int width = static_cast<int>(std::min<std::int64_t>(kTile, columns - first));
      double sum[kTile] = {};
      for (std::int64_t row = 0; row < rows; ++row) {
        for (int c = 0; c < width; ++c) sum[c] += in[row * columns + first + c];
      }
      for (int c = 0; c < width; ++c) {
        out[first + c] = static_cast<float>(sum[c] + (accumulate ? out[first + c] : 0.0F));
      }
    }
  });
}

}  // namespace reference

void add_reference_algorithms(Registry& registry) {
  reference::add_conv(registry);
  reference::add_linear(registry);
  reference::add_pool(registry);
  reference::add_lrn(registry);
  reference::add_lrn_pool(registry);
  reference::add_elementwise(registry);
  reference::add_loss(registry);
  reference::add_update(registry);
  reference::add_input(registry);
  reference::add_fold_weights(registry);
}

}  // namespace fovea
