// dropout.cpp - dropout: 256 elements at a time, which are 64 draws of four.
#include <fovea/core/philox.h>
#include <fovea/kernels/cpu/simd/parts.h>

#include <algorithm>

namespace fovea::simd {
namespace {

constexpr int kDraws = 64;  // so many that the compiler makes loops of them, not straight lines
constexpr int kElements = 4 * kDraws;

// Philox (core/philox.h) for kDraws consecutive indices, round by round over arrays: the compiler
// makes each line a vector instruction, which it does not from calls.
struct PhiloxDraws {
  std::uint32_t c0[kDraws], c1[kDraws], c2[kDraws], c3[kDraws];

  void draw(Philox random, std::uint64_t first) {
    for (int d = 0; d < kDraws; ++d) {
      const std::uint64_t index = first + static_cast<std::uint64_t>(d);
      c0[d] = static_cast<std::uint32_t>(index);
      c1[d] = static_cast<std::uint32_t>(index >> 32);
      c2[d] = static_cast<std::uint32_t>(random.stream);
      c3[d] = static_cast<std::uint32_t>(random.stream >> 32);
    }
    auto k0 = static_cast<std::uint32_t>(random.seed);
    auto k1 = static_cast<std::uint32_t>(random.seed >> 32);
    for (int round = 0; round < 10; ++round) {
      for (int d = 0; d < kDraws; ++d) {
        const std::uint64_t a = std::uint64_t{0xD2511F53U} * c0[d];
        const std::uint64_t b = std::uint64_t{0xCD9E8D57U} * c2[d];
        c0[d] = static_cast<std::uint32_t>(b >> 32) ^ c1[d] ^ k0;
        c1[d] = static_cast<std::uint32_t>(b);
        c2[d] = static_cast<std::uint32_t>(a >> 32) ^ c3[d] ^ k1;
        c3[d] = static_cast<std::uint32_t>(a);
      }
      k0 += 0x9E3779B9U;
      k1 += 0xBB67AE85U;
    }
  }
};

// uniform() of core/philox.h by a signed conversion, which every instruction set has.
inline float uniform_of(std::uint32_t bits) {
  return static_cast<float>(static_cast<std::int32_t>(bits >> 8)) * 0x1p-24F;
}

struct DropoutLoop {
  // keep[i] = 1 where element 4 * first_draw + i is kept, else 0.
  static void draw(Philox random, std::uint64_t first_draw, float rate, std::int32_t* keep) {
    PhiloxDraws draws;
    draws.draw(random, first_draw);
    const auto kept = [rate](std::uint32_t bits) { return uniform_of(bits) >= rate ? 1 : 0; };
    for (int d = 0; d < kDraws; ++d) {
      keep[4 * d] = kept(draws.c0[d]);
      keep[4 * d + 1] = kept(draws.c1[d]);
      keep[4 * d + 2] = kept(draws.c2[d]);
      keep[4 * d + 3] = kept(draws.c3[d]);
    }
  }

  // Elements [begin, end) of x; `offset` is the global index of x[0].
  template <class T>
  static void run(std::int64_t begin, std::int64_t end, Philox random, std::uint64_t offset,
                  float rate, float scale, const T* x, T* y) {
    std::int32_t keep[kElements];
    for (std::int64_t i = begin; i < end;) {
      const std::uint64_t element = offset + static_cast<std::uint64_t>(i);
      const std::int64_t skip = static_cast<std::int64_t>(element % 4);
      const std::int64_t count = std::min<std::int64_t>(kElements - skip, end - i);
      draw(random, element / 4, rate, keep);
#pragma GCC ivdep
      for (std::int64_t j = 0; j < count; ++j) {
        const float kept = scale * widened(x[i + j]);
        y[i + j] = narrowed<T>(keep[skip + j] != 0 ? kept : 0.0F);
      }
      i += count;
    }
  }
};

template <class T>
void dropout(const DropoutProblem& p, const Dropout::Args& args, Isa isa) {
  const StepState& state = state_of(args.context, "dropout");
  const T* x = args.x.as<T>();
  const Philox random{state.seed, stream_key(Purpose::dropout, p.layer, state.step)};
  const std::uint64_t offset = state.first_row * static_cast<std::uint64_t>(p.per_image);
  run_parts<DropoutLoop>(isa, p.images * p.per_image, kGrain / 8, random, offset, p.rate, p.scale,
                         x, args.y.as<T>());
}

}  // namespace

void add_dropout(Registry& registry, Isa isa) {
  add_loops<Dropout>(registry, isa, &Dropout::Args::y, dropout<float>, dropout<bf16>);
}

}  // namespace fovea::simd
