// update.cpp - SGD with momentum over all parameters, and the check before it.
#include <fovea/kernels/cpu/simd/parts.h>

#include <algorithm>
#include <atomic>
#include <bit>

namespace fovea::simd {
namespace {

// Places of a block that a loop works on.
struct Places {
  std::int64_t begin, end;
};

struct SgdLoop {
  // Of one parameter, whose gradients are G. `copies` are the weights again where there are none.
  template <class G, class C>
  static void step(const Places& at, float momentum, float rate, float decay, const G* g, float* w,
                   float* v, C* copies) {
#pragma GCC ivdep
    for (std::int64_t i = at.begin; i < at.end; ++i) {
      v[i] = momentum * v[i] - rate * (decay * w[i] + widened(g[i]));
      w[i] += v[i];
      copies[i] = narrowed<C>(w[i]);
    }
  }

  // Elements [begin, end) of the block: the parts of each parameter that lie in it.
  template <class C>
  static void run(std::int64_t begin, std::int64_t end, const Segment* segments, int count,
                  float momentum, float learning_rate, const float* g, float* w, float* v,
                  C* copies) {
    for (int s = 0; s < count; ++s) {
      const Segment& segment = segments[s];
      if (segment.frozen != 0) continue;
      const std::int64_t first = segment.offset;
      const Places at{std::max(begin, first) - first,
                      std::min(end, first + segment.length) - first};
      const auto update = [&](const auto* gradient) {
        step(at, momentum, learning_rate * segment.rate, segment.decay, gradient, w + first,
             v + first, copies + first);
      };
      if (segment.bf16_gradient != 0) {
        update(reinterpret_cast<const bf16*>(g + first));
      } else {
        update(g + first);
      }
    }
  }
};

const Segment* table_of(const TensorView& segments) {
  return reinterpret_cast<const Segment*>(segments.as<std::uint8_t>());
}

void sgd(const UpdateProblem& p, const SgdUpdate::Args& args, Isa isa) {
  const StepState& state = state_of(args.context, "sgd");
  if (state.nonfinite != 0) return;
  const float* g = args.gradient.as<float>();
  float* w = args.weights.as<float>();
  const auto update = [&](auto* copies) {
    run_parts<SgdLoop>(isa, p.count, kGrain, table_of(args.segments), p.segments, p.momentum,
                       state.learning_rate, g, w, args.velocity.as<float>(), copies);
  };
  if (args.copies) {
    update(args.copies.as<bf16>());
  } else {
    update(w);
  }
}

std::int64_t padded(std::int64_t length) {
  return (length + kParameterAlignment - 1) / kParameterAlignment * kParameterAlignment;
}

struct FiniteLoop {
  // Whether the exponent of one of them is all ones: infinite or NaN.
  template <class T>
  static bool any_bad(const T* g, const Places& at) {
    constexpr std::uint32_t kExponent = 0x7f800000U;
    std::uint32_t found = 0;
    for (std::int64_t i = at.begin; i < at.end; ++i) {
      const auto bits = std::bit_cast<std::uint32_t>(widened(g[i]));
      found |= (bits & kExponent) == kExponent ? 1U : 0U;
    }
    return found != 0;
  }

  // Places [begin, end) of the block. One in bf16 holds two elements, up to the parameter's length;
  // all others count as f32, padding too.
  static void run(std::int64_t begin, std::int64_t end, const Segment* segments, int count,
                  const float* g, std::atomic<bool>* bad) {
    const bool descending = segments[0].offset > segments[count - 1].offset;
    bool found = false;
    std::int64_t done = begin;
    for (int i = 0; i < count; ++i) {
      const Segment& s = segments[descending ? count - 1 - i : i];
      const Places at{std::max(begin, s.offset), std::min(end, s.offset + padded(s.length))};
      if (s.bf16_gradient == 0 || at.begin >= at.end) continue;
      const Places halves{2 * (at.begin - s.offset), std::min(s.length, 2 * (at.end - s.offset))};
      found = found || any_bad(g, {done, at.begin}) ||
              any_bad(reinterpret_cast<const bf16*>(g + s.offset), halves);
      done = at.end;
    }
    if (found || any_bad(g, {done, end})) bad->store(true, std::memory_order_relaxed);
  }
};

void finite_check(const UpdateProblem& p, const FiniteCheck::Args& args, Isa isa) {
  StepState& state = state_of(args.context, "finite_check");
  const float* g = args.gradient.as<float>();
  std::atomic<bool> bad{false};
  run_parts<FiniteLoop>(isa, p.count, kGrain, table_of(args.segments), p.segments, g, &bad);
  if (bad) state.nonfinite = 1;
}

}  // namespace

void add_update(Registry& registry, Isa isa) {
  add_loops<SgdUpdate>(registry, isa, &SgdUpdate::Args::gradient, sgd, sgd);
  add_loops<FiniteCheck>(registry, isa, &FiniteCheck::Args::gradient, finite_check, finite_check);
}

}  // namespace fovea::simd
