#include <fovea/kernels/cpu/simd/parts.h>
#include <fovea/kernels/cpu/simd/simd.h>

namespace fovea {

Isa best_isa() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) {
    return Isa::avx512;
  }
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return avx2 ? Isa::avx2 : Isa::baseline;
}

void add_simd_algorithms(Registry& registry, Isa isa) {
  simd::add_conv(registry, isa);
  simd::add_elementwise(registry, isa);
  simd::add_bias(registry, isa);
  simd::add_dropout(registry, isa);
  simd::add_max_pool(registry, isa);
  simd::add_average_pool(registry, isa);
  simd::add_lrn(registry, isa);
  simd::add_softmax(registry, isa);
  simd::add_mse(registry, isa);
  simd::add_update(registry, isa);
  simd::add_input(registry, isa);
}

}  // namespace fovea
