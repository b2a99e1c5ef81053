// card.h - what a card could do at best, for the floor that counted work implies. Internal.
#pragma once

#include <fovea/kernels/compare/row.h>

namespace fovea::compare {

/// Limits of a card a second.
struct Card {
  std::string_view name;
  double multiply_adds;   // fp32, on the CUDA cores
  double tensor_flops;    // tf32
  double global_sectors;  // 32 bytes between L1 and registers: 128 bytes an SM and clock
  double shared_cycles;   // one an SM and clock
  double memory_bytes;
};

/// NVIDIA H100 SXM5 80 GB: 132 SMs of 128 fp32 lanes at 1.98 GHz, 494.7 TFLOPS in tf32, HBM3
/// of 3.35 TB/s. NVIDIA, "H100 Tensor Core GPU Architecture", v1.04 (2023), tables 1 and 2.
inline constexpr Card kNamedCard{"H100 SXM",       132 * 128 * 1.98e9, 494.7e12,
                                 132 * 4 * 1.98e9, 132 * 1.98e9,       3.35e12};

/// The resource of the card that needs longest for the work; `bytes`: operands, read or written
/// once.
Floor floor_on(const Card& card, const Counted& c, std::int64_t bytes);

}  // namespace fovea::compare
