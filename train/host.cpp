#include <fovea/train/host.h>

namespace fovea {

std::string vector_instructions() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f")) return "AVX-512";
  if (__builtin_cpu_supports("avx2")) return "AVX2";
#endif
  return {};
}

}  // namespace fovea
