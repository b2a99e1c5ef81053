// mma.h - a warp's matrix operations on the tensor cores (PTX mma.sync and ldmatrix, capability
// 8.0): d[16,8] += a[16,k] * b[k,8] with fp32 sums, k = 8 for tf32 and 16 for bf16. All 32 lanes
// call together, and each holds a part of the matrices, by the PTX ISA's "Matrix Fragments":
//
//   lane l: g = l / 4, t = l % 4
//   a[r]  row g + 8 (r % 2), k = t + 4 (r / 2)        tf32: one value, r = 0..3
//         row g + 8 (r % 2), k = 2 t + 8 (r / 2) on   bf16: two values, the lower half first
//   b[r]  column g,          k = t + 4 r              tf32, r = 0..1
//         column g,          k = 2 t + 8 r on         bf16: two values
//   d[i]  row g + 8 (i / 2), column 2 t + i % 2       i = 0..3
//
// tf32 operands come from to_tf32(): the tensor core drops the bits below without rounding.
#pragma once

#include <fovea/core/dtype.h>
#include <fovea/kernels/device/element.h>
#include <fovea/kernels/device/target.h>

#ifdef FOVEA_EMULATED
#include <fovea/kernels/emulator/mma.h>
#endif

#include <cstdint>
#include <source_location>

namespace fovea::FOVEA_TARGET {

/// Row and column of d[i] in the 16 x 8 result.
__host__ __device__ constexpr int mma_row(int lane, int i) { return lane / 4 + 8 * (i / 2); }
__host__ __device__ constexpr int mma_column(int lane, int i) { return 2 * (lane % 4) + i % 2; }

/// fp32 -> tf32 in a register, to nearest, ties away from zero.
__device__ __forceinline__ std::uint32_t to_tf32(float v) {
#ifdef FOVEA_EMULATED
  return std::bit_cast<std::uint32_t>(round_tf32(v));
#else
  std::uint32_t r;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(v));
  return r;
#endif
}

#ifdef FOVEA_EMULATED

/// d += a * b on tf32, k = 8.
inline void mma_m16n8k8(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                        std::source_location at = std::source_location::current()) {
  emulator::mma<emulator::Tf32>(d, a, b, at);
}

/// d += a * b on bf16, k = 16.
inline void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                         std::source_location at = std::source_location::current()) {
  emulator::mma<emulator::Bf16>(d, a, b, at);
}

/// Loads kMatrices (1, 2, 4) matrices of 8 x 8 16-bit elements from shared memory. Lane 8 m + i
/// gives the address of row i of matrix m, 16 bytes aligned to 16. r[m]: elements 2 t and 2 t + 1
/// of row g; with kTranspose of column g.
template <int kMatrices, bool kTranspose = false>
void ldmatrix(std::uint32_t (&r)[kMatrices], const void* row,
              std::source_location at = std::source_location::current()) {
  static_assert(kMatrices == 1 || kMatrices == 2 || kMatrices == 4);
  const void* const rows[1] = {row};
  emulator::ldmatrix<kMatrices, kTranspose>(r, rows, 1, at);
}

/// Matrix operations whose results nobody reads before finish(). A card starts each where it
/// stands; the emulator carries them out together, as a meeting of 32 lanes costs it more than the
/// products do.
class MmaBatch {
 public:
  void m16n8k8(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
               std::source_location at = std::source_location::current()) {
    batch_.add<emulator::Tf32>(d, a, b, at);
  }
  void m16n8k16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                std::source_location at = std::source_location::current()) {
    batch_.add<emulator::Bf16>(d, a, b, at);
  }
  void finish(std::source_location at = std::source_location::current()) { batch_.run(at); }

 private:
  emulator::MmaBatch batch_;
};

#else

/// d += a * b on tf32, k = 8.
__device__ __forceinline__ void mma_m16n8k8(float (&d)[4], const std::uint32_t (&a)[4],
                                            const std::uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/// d += a * b on bf16, k = 16.
__device__ __forceinline__ void mma_m16n8k16(float (&d)[4], const std::uint32_t (&a)[4],
                                             const std::uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/// Loads kMatrices (1, 2, 4) matrices of 8 x 8 16-bit elements from shared memory. Lane 8 m + i
/// gives the address of row i of matrix m, 16 bytes aligned to 16. r[m]: elements 2 t and 2 t + 1
/// of row g; with kTranspose of column g.
template <int kMatrices, bool kTranspose = false>
__device__ __forceinline__ void ldmatrix(std::uint32_t (&r)[kMatrices], const void* row) {
  static_assert(kMatrices == 1 || kMatrices == 2 || kMatrices == 4);
  const auto p = static_cast<unsigned>(__cvta_generic_to_shared(row));
  if constexpr (kMatrices == 1 && !kTranspose) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];"
                 : "=r"(r[0])
                 : "r"(p)
                 : "memory");
  } else if constexpr (kMatrices == 1) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];"
                 : "=r"(r[0])
                 : "r"(p)
                 : "memory");
  } else if constexpr (kMatrices == 2 && !kTranspose) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(p)
                 : "memory");
  } else if constexpr (kMatrices == 2) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(p)
                 : "memory");
  } else if constexpr (!kTranspose) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(p)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(p)
                 : "memory");
  }
}

/// Matrix operations whose results nobody reads before finish(). A card starts each where it
/// stands; the emulator carries them out together, as a meeting of 32 lanes costs it more than the
/// products do.
class MmaBatch {
 public:
  __device__ __forceinline__ void m16n8k8(float (&d)[4], const std::uint32_t (&a)[4],
                                          const std::uint32_t (&b)[2]) {
    mma_m16n8k8(d, a, b);
  }
  __device__ __forceinline__ void m16n8k16(float (&d)[4], const std::uint32_t (&a)[4],
                                           const std::uint32_t (&b)[2]) {
    mma_m16n8k16(d, a, b);
  }
  __device__ __forceinline__ void finish() {}
};

#endif

}  // namespace fovea::FOVEA_TARGET
