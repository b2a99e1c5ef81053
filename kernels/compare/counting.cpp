// counting.cpp - see counting.h and card.h.
#include <fovea/kernels/compare/card.h>
#include <fovea/kernels/compare/counting.h>
#include <fovea/kernels/emulator/counts.h>
#include <fovea/kernels/registry/registry.h>

namespace fovea::compare {

const Registry& counting_algorithms() {
  static const Registry registry = counting_registry();
  return registry;
}

Floor floor_on(const Card& card, const Counted& c, std::int64_t bytes) {
  constexpr double kFlopsOfMma = 2.0 * 16 * 8 * 8;  // m16n8k8; bf16's k16 takes as long
  Floor most;
  const auto consider = [&](const char* what, double amount, double a_second) {
    const double us = amount / a_second * 1e6;
    if (us > most.us) most = {us, what};
  };
  consider("memory", static_cast<double>(bytes), card.memory_bytes);
  consider("multiply-adds", static_cast<double>(c.multiply_adds), card.multiply_adds);
  consider("tensor cores", static_cast<double>(c.tensor_core_instructions) * kFlopsOfMma,
           card.tensor_flops);
  consider("global sectors", static_cast<double>(c.global_read_sectors + c.global_write_sectors),
           card.global_sectors);
  consider("shared memory", static_cast<double>(c.shared_cycles), card.shared_cycles);
  return most;
}

Counted counted_work(const std::function<void()>& run, std::int64_t bytes) {
  // Of a launch: so many accesses are heard in an eightieth of a second.
  constexpr std::uint64_t kMostAccesses = 500'000;
  emulator::Counts sum;
  {
    const emulator::ScopedCounting counting(sum, kMostAccesses);
    run();
  }
  Counted c{.global_read_sectors = sum.read_sectors,
            .global_read_requests = sum.read_requests,
            .global_write_sectors = sum.write_sectors,
            .global_write_requests = sum.write_requests,
            .shared_requests = sum.shared_requests,
            .shared_cycles = sum.shared_cycles,
            .bank_conflicts = sum.bank_conflicts,
            .multiply_adds = sum.multiply_adds,
            .tensor_core_instructions = sum.matrix_operations,
            .barriers = sum.barriers,
            .launches = sum.launches,
            .blocks = sum.blocks,
            .blocks_counted = sum.blocks_counted,
            .floor = {}};
  c.floor = floor_on(kNamedCard, c, bytes);
  return c;
}

}  // namespace fovea::compare
