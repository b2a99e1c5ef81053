// fovea_step_test.cpp - the ops of a training step that depend on StepState: dropout, losses,
// the ring of metrics, the update and the check before it.
#include <fovea/core/dtype.h>
#include <fovea/tests/kernels/against_reference.h>

namespace fovea::test {
namespace {

TEST(FoveaDropout, MatchesTheReferenceToTheBit) {
  for (const std::int64_t per_image : {1, 6, 7, 300}) {
    StepState state{.seed = 9, .step = 4, .first_row = 3};
    const DropoutProblem p{5, per_image, 0.4F, 1 / 0.6F, 2};
    const Shape shape{5, per_image};
    expect_reference<Dropout>(p, 0, [&](const auto& call, int shift) {
      Operand x(reals(5 * per_image, 1), shift), y(nothing(5 * per_image), shift);
      call({x.view(shape), y.view(shape), {nullptr, &state}});
      return y.values();
    });
  }
}

TEST(FoveaDropout, ReachesTheEndOfAPartThatBeginsInsideACall) {
  // 1023 elements behind 3 others of a first call: 257 calls, one more than fours of elements.
  StepState state{.seed = 9, .step = 4, .first_row = 1};
  expect_reference<Dropout>({1, 1023, 0.5F, 1, 2}, 0, [&](const auto& call, int shift) {
    Operand x(reals(1023, 1), shift), y(nothing(1023), shift);
    call({x.view({1, 1023}), y.view({1, 1023}), {nullptr, &state}});
    return y.values();
  });
}

TEST(FoveaDropout, KeepsADrawThatEqualsTheRate) {
  StepState state{.seed = 9, .step = 4};
  const float draw = uniform(Philox{9, stream_key(Purpose::dropout, 2, 4)}(0)[1]);
  results<Dropout>({1, 4, draw, 2, 2}, [&](const auto& call, int shift) {
    Operand x({1, 1, 1, 1}, shift);
    call({x.view({1, 4}), x.view({1, 4}), {nullptr, &state}});
    EXPECT_EQ(x.values()[1], 2.0F);
    return x.values();
  });
}

/// Dropout of `images` of 7 elements each, cut into parts of the given sizes.
std::vector<float> dropped_in_parts(const std::vector<std::int64_t>& parts) {
  constexpr std::int64_t kPerImage = 7;
  Registry fovea;
  emu::add_algorithms(fovea);
  std::vector<float> all;
  StepState state{.seed = 1, .step = 2};
  for (const std::int64_t images : parts) {
    const Call<Dropout> call(fovea.list<Dropout>().front(), {images, kPerImage, 0.5F, 1, 3},
                             Device::emulated());
    Operand x(std::vector<float>(static_cast<std::size_t>(images * kPerImage), 1.0F));
    const Shape shape{images, kPerImage};
    call({x.view(shape), x.view(shape), {nullptr, &state}});
    const std::vector<float> part = x.values();
    all.insert(all.end(), part.begin(), part.end());
    state.first_row += static_cast<std::uint64_t>(images);
  }
  return all;
}

TEST(FoveaDropout, IsTheSameForAnySplitOfTheBatch) {
  const std::vector<float> whole = dropped_in_parts({9});
  EXPECT_EQ(whole, dropped_in_parts({4, 5}));
  EXPECT_EQ(whole, dropped_in_parts({1, 2, 3, 3}));
  const auto kept = std::count(whole.begin(), whole.end(), 1.0F);
  EXPECT_GT(kept, 15);
  EXPECT_LT(kept, 48);
}

// Rows in registers and longer ones, of 16 bytes an access and of single scores.
const LossProblem kLosses[] = {{1, 1}, {5, 10}, {6, 4}, {3, 1000}, {300, 7}, {2, 1028}, {2, 1025}};

TEST(FoveaSoftmax, MatchesTheReference) {
  for (const LossProblem& p : kLosses) {
    const std::int64_t count = std::int64_t{p.n} * p.c;
    expect_reference<Softmax>(p, kFewRoundings, [&](const auto& call, int shift) {
      Operand x(reals(count, 1), shift), y(nothing(count), shift);
      call({x.view({p.n, p.c}), y.view({p.n, p.c}), {}});
      return y.values();
    });
  }
}

/// Metrics and probabilities of softmax with cross entropy on integers, which tie.
template <class Call>
std::vector<float> softmax_loss(const LossProblem& p, const Call& call, int shift,
                                StepState* state) {
  const Shape shape{p.n, p.c};
  Operand x(integers(shape.elements(), 1), shift), y(nothing(shape.elements()), shift);
  Operand metrics(nothing(4), shift);
  std::vector<std::int32_t> labels(static_cast<std::size_t>(p.n));
  for (int i = 0; i < p.n; ++i) labels[static_cast<std::size_t>(i)] = i * 5 % p.c;
  if (state != nullptr) {  // labels behind the valid rows mean nothing
    for (int i = state->valid; i < p.n; ++i) labels[static_cast<std::size_t>(i)] = -1;
  }
  call({x.view(shape),
        {labels.data(), DType::i32, {p.n}},
        y.view(shape),
        metrics.view({4}),
        {nullptr, state}});
  std::vector<float> all = metrics.values();
  const std::vector<float> probability = y.values();
  all.insert(all.end(), probability.begin(), probability.end());
  return all;
}

TEST(FoveaSoftmaxLoss, MatchesTheReferenceForAnyNumberOfValidRows) {
  for (const LossProblem& p : kLosses) {
    for (const int valid : {0, 1, p.n - 1, p.n}) {
      StepState state{.valid = valid};
      expect_reference<SoftmaxLoss>(p, kFewRoundings, [&](const auto& call, int shift) {
        return softmax_loss(p, call, shift, &state);
      });
      EXPECT_EQ(state.nonfinite, 0U);
    }
    expect_reference<SoftmaxLoss>(p, kFewRoundings, [&](const auto& call, int shift) {
      return softmax_loss(p, call, shift, nullptr);
    });
  }
}

TEST(FoveaSoftmaxLoss, GradientMatchesTheReference) {
  for (const LossProblem& p : kLosses) {
    StepState state{.valid = (p.n + 1) / 2};
    const Shape shape{p.n, p.c};
    std::vector<std::int32_t> labels(static_cast<std::size_t>(p.n), p.c - 1);
    expect_reference<SoftmaxLossBackward>(p, kFewRoundings, [&](const auto& call, int shift) {
      Operand y(reals(shape.elements(), 1), shift), dx(nothing(shape.elements()), shift);
      call({y.view(shape), {labels.data(), DType::i32, {p.n}}, dx.view(shape), {nullptr, &state}});
      return dx.values();
    });
  }
}

TEST(FoveaSoftmaxLoss, SaysThatALossIsNotFinite) {
  StepState state{.valid = 2};
  const LossProblem p{2, 3};
  results<SoftmaxLoss>(p, [&](const auto& call, int shift) {
    state.nonfinite = 0;
    std::int32_t labels[] = {1, 2};
    Operand x({1, 2, 3, 1, std::nanf(""), 2}, shift), y(nothing(6), shift), m(nothing(4), shift);
    call({x.view({2, 3}),
          {labels, DType::i32, {2}},
          y.view({2, 3}),
          m.view({4}),
          {nullptr, &state}});
    EXPECT_EQ(state.nonfinite, 1U);
    return std::vector<float>{m.values()[3]};
  });
}

TEST(FoveaMse, MatchesTheReferenceForAnyNumberOfValidRows) {
  for (const LossProblem& p : kLosses) {
    const Shape shape{p.n, p.c};
    for (const int valid : {0, 1, p.n}) {
      StepState state{.valid = valid};
      expect_reference<MseLoss>(p, kFewRoundings, [&](const auto& call, int shift) {
        Operand x(reals(shape.elements(), 1), shift), t(reals(shape.elements(), 2), shift);
        Operand metrics(nothing(4), shift);
        call({x.view(shape), t.view(shape), metrics.view({4}), {nullptr, &state}});
        return metrics.values();
      });
      expect_reference<MseLossBackward>(p, kFewRoundings, [&](const auto& call, int shift) {
        Operand x(reals(shape.elements(), 1), shift), t(reals(shape.elements(), 2), shift);
        Operand dx(nothing(shape.elements()), shift);
        call({x.view(shape), t.view(shape), dx.view(shape), {nullptr, &state}});
        return dx.values();
      });
    }
  }
}

TEST(FoveaRecord, FillsOneSlotOfTheRing) {
  const LossProblem p{3, 0};
  for (const std::uint32_t nonfinite : {0U, 1U}) {
    StepState state{.slot = 1, .nonfinite = nonfinite};
    expect_reference<RecordMetrics>(p, 0, [&](const auto& call, int shift) {
      Operand metrics({1, 2, 3, 4}, shift), ring(std::vector<float>(15, -1), shift);
      call({metrics.view({4}), ring.view({3, 5}), {nullptr, &state}});
      const std::vector<float> r = ring.values();
      EXPECT_EQ(std::vector<float>(r.begin() + 5, r.begin() + 10),
                (std::vector<float>{1, 2, 3, 4, static_cast<float>(nonfinite)}));
      EXPECT_EQ(std::count(r.begin(), r.end(), -1.0F), 10);
      return r;
    });
  }
}

/// Three parameters: one of a whole block, one frozen, one short; elements behind a parameter's
/// length are padding.
struct Parameters {
  static constexpr std::int64_t kCount = 1024 + 64 + 128;
  std::vector<Segment> table = {
      {0, 1024, 1, 0.01F, 0, 0}, {1024, 50, 1, 0, 1, 0}, {1088, 67, 2, 0, 0, 0}};
  UpdateProblem problem{kCount, 3, 0.9F};

  template <class Call>
  std::vector<float> update(const Call& call, int shift, StepState* state) {
    Operand g(reals(kCount, 1), shift), w(reals(kCount, 2), shift), v(reals(kCount, 3), shift);
    const TensorView segments{
        table.data(), DType::u8, {static_cast<std::int64_t>(table.size() * sizeof(Segment))}};
    const Shape shape{kCount};
    call({g.view(shape), segments, w.view(shape), v.view(shape), {}, {nullptr, state}});
    std::vector<float> all = w.values();
    const std::vector<float> velocity = v.values();
    all.insert(all.end(), velocity.begin(), velocity.end());
    return all;
  }
};

TEST(FoveaUpdate, MatchesTheReferenceAndLeavesFrozenAndPaddingAlone) {
  Parameters parameters;
  StepState state{.learning_rate = 0.1F};
  expect_reference<SgdUpdate>(parameters.problem, kFewRoundings, [&](const auto& call, int shift) {
    const std::vector<float> after = parameters.update(call, shift, &state);
    const std::vector<float> w = reals(Parameters::kCount, 2), v = reals(Parameters::kCount, 3);
    for (std::size_t i = 0; i < w.size(); ++i) {
      const bool left_alone = (i >= 1024 && i < 1088) || i >= 1088 + 67;
      EXPECT_EQ(after[i] == w[i], left_alone) << "weight " << i;
      EXPECT_EQ(after[i + w.size()] == v[i], left_alone) << "velocity " << i;
    }
    return after;
  });
}

// More elements than the largest grid has: threads go on, into the same parameter and into others.
TEST(FoveaUpdate, GoesOnBehindTheGrid) {
  constexpr std::int64_t kGrid = 1056 * 256 * 4, kCount = kGrid + 512;
  std::vector<Segment> table = {{0, 100, 1, 0.01F, 0, 0},
                                {128, kGrid, 2, 0, 0, 0},
                                {128 + kGrid, 70, 1, 0, 1, 0},
                                {256 + kGrid, 129, 3, 0.5F, 0, 0}};
  const std::vector<float> g = reals(kCount, 1);
  Operand gradients(g), weights(reals(kCount, 2)), velocity(reals(kCount, 3));
  std::vector<float> w = weights.values(), v = velocity.values();
  StepState state{.learning_rate = 0.1F};
  const UpdateProblem p{kCount, static_cast<int>(table.size()), 0.9F};
  for (const Segment& s : table) {
    for (std::int64_t e = s.offset; e < s.offset + s.length && s.frozen == 0; ++e) {
      const auto i = static_cast<std::size_t>(e);
      const float rate = state.learning_rate * s.rate;
      v[i] = std::fma(p.momentum, v[i], -rate * std::fma(s.decay, w[i], g[i]));
      w[i] += v[i];
    }
  }
  Registry fovea;
  emu::add_algorithms(fovea);
  const Shape shape{kCount};
  const auto bytes = static_cast<std::int64_t>(table.size() * sizeof(Segment));
  const Call<SgdUpdate> update(fovea.list<SgdUpdate>().front(), p, Device::emulated());
  update({gradients.view(shape),
          {table.data(), DType::u8, {bytes}},
          weights.view(shape),
          velocity.view(shape),
          {},
          {nullptr, &state}});
  EXPECT_TRUE(weights.values() == w);
  EXPECT_TRUE(velocity.values() == v);
}

TEST(FoveaUpdate, TakesTheTableInEitherOrder) {
  Parameters ascending, descending;
  std::reverse(descending.table.begin(), descending.table.end());
  StepState state{.learning_rate = 0.1F};
  const auto update = [&](Parameters& p) {
    return results<SgdUpdate>(
        p.problem, [&](const auto& call, int shift) { return p.update(call, shift, &state); });
  };
  EXPECT_EQ(update(ascending).second, update(descending).second);
}

TEST(FoveaUpdate, DoesNothingAfterSomethingNotFinite) {
  Parameters parameters;
  StepState state{.learning_rate = 0.1F, .nonfinite = 1};
  std::vector<float> before = reals(Parameters::kCount, 2);
  const std::vector<float> v = reals(Parameters::kCount, 3);
  before.insert(before.end(), v.begin(), v.end());
  const auto [expected, got] = results<SgdUpdate>(
      parameters.problem,
      [&](const auto& call, int shift) { return parameters.update(call, shift, &state); });
  EXPECT_EQ(got, before);
}

/// Three parameters, of which those named lie in bf16: `length` elements in the first half of their
/// slots, NaN in the rest. All values are such as bf16 holds.
struct NarrowParameters : Parameters {
  NarrowParameters(bool first, bool second, bool third) {
    table[0].bf16_gradient = first ? 1 : 0;
    table[1].bf16_gradient = second ? 1 : 0;
    table[2].bf16_gradient = third ? 1 : 0;
  }

  std::vector<float> gradients() const {
    std::vector<float> g = reals(kCount, 1);
    for (float& v : g) v = to_float(to_bf16(v));
    for (const Segment& s : table) {
      if (s.bf16_gradient == 0) continue;
      const auto length = static_cast<std::size_t>(s.length);
      float* slots = g.data() + s.offset;
      std::vector<bf16> narrow(2 * length, to_bf16(std::nanf("")));
      std::transform(slots, slots + s.length, narrow.begin(), to_bf16);
      std::memcpy(slots, narrow.data(), narrow.size() * sizeof(bf16));
    }
    return g;
  }

  /// Weights, velocity, and copies where there are any.
  template <class Call>
  std::vector<float> update(const Call& call, int shift, bool copied) {
    StepState state{.learning_rate = 0.1F};
    Operand g(gradients(), shift), w(reals(kCount, 2), shift), v(reals(kCount, 3), shift);
    std::vector<bf16> copies(static_cast<std::size_t>(kCount + shift), kUntouched);
    const Shape shape{kCount};
    const TensorView narrow{copies.data() + shift, DType::bf16, shape};
    const TensorView segments{
        table.data(), DType::u8, {static_cast<std::int64_t>(table.size() * sizeof(Segment))}};
    call({g.view(shape),
          segments,
          w.view(shape),
          v.view(shape),
          copied ? narrow : TensorView{},
          {nullptr, &state}});
    std::vector<float> all = w.values();
    const std::vector<float> velocity = v.values();
    all.insert(all.end(), velocity.begin(), velocity.end());
    for (auto i = static_cast<std::size_t>(shift); copied && i < copies.size(); ++i) {
      all.push_back(to_float(copies[i]));
    }
    return all;
  }

  static constexpr bf16 kUntouched = to_bf16(77.0F);
};

/// Engine fovea's update.
std::vector<float> updated(NarrowParameters parameters, bool copied) {
  return results<SgdUpdate>(
             parameters.problem,
             [&](const auto& call, int shift) { return parameters.update(call, shift, copied); })
      .second;
}

TEST(FoveaUpdate, TakesGradientsInBf16) {
  const std::vector<float> expected = updated({false, false, false}, false);
  EXPECT_EQ(updated({true, true, true}, false), expected);
  EXPECT_EQ(updated({true, false, false}, false), expected);
  EXPECT_EQ(updated({false, true, true}, false), expected);
  NarrowParameters descending(false, false, true);
  std::reverse(descending.table.begin(), descending.table.end());
  EXPECT_EQ(updated(descending, false), expected);
}

TEST(FoveaUpdate, WritesCopiesInBf16AndLeavesFrozenAndPaddingAlone) {
  const std::vector<float> expected = updated({false, false, false}, false);
  for (const bool narrow : {false, true}) {
    const std::vector<float> got = updated({narrow, narrow, narrow}, true);
    const auto count = static_cast<std::size_t>(Parameters::kCount);
    ASSERT_EQ(got.size(), 3 * count);
    EXPECT_EQ(std::vector<float>(got.begin(), got.begin() + 2 * Parameters::kCount), expected);
    for (std::size_t i = 0; i < count; ++i) {
      const bool left_alone = (i >= 1024 && i < 1088) || i >= 1088 + 67;
      const bf16 copy = left_alone ? NarrowParameters::kUntouched : to_bf16(got[i]);
      ASSERT_EQ(got[2 * count + i], to_float(copy)) << "copy " << i;
    }
  }
}

/// Whether engine fovea finds something not finite in these gradients.
bool finds_something(NarrowParameters parameters, const std::vector<float>& gradients) {
  const std::vector<float> flags =
      results<FiniteCheck>(parameters.problem, [&](const auto& call, int shift) {
        StepState state;
        Operand g(gradients, shift);
        const TensorView segments{
            parameters.table.data(),
            DType::u8,
            {static_cast<std::int64_t>(parameters.table.size() * sizeof(Segment))}};
        call({g.view({Parameters::kCount}), segments, {nullptr, &state}});
        return std::vector<float>{static_cast<float>(state.nonfinite)};
      }).second;
  return flags.front() != 0;
}

TEST(FoveaFiniteCheck, LooksAtBothHalvesOfAPairAndNotAtUnusedSlots) {
  for (const bool descending : {false, true}) {
    NarrowParameters p(true, false, true);
    if (descending) std::reverse(p.table.begin(), p.table.end());
    const std::vector<float> fine = p.gradients();  // NaN in the unused halves, and behind 67
    EXPECT_FALSE(finds_something(p, fine));
    for (const float bad : {std::nanf(""), -std::numeric_limits<float>::infinity()}) {
      // bf16 element i of the parameter at `offset`: lower and upper halves, the first and the
      // last.
      constexpr std::pair<int, int> kPlaces[] = {{0, 0},    {0, 1},     {0, 1022}, {0, 1023},
                                                 {1088, 0}, {1088, 65}, {1088, 66}};
      for (const auto& [offset, i] : kPlaces) {
        std::vector<float> g = fine;
        const bf16 element = to_bf16(bad);
        std::memcpy(reinterpret_cast<char*>(g.data() + offset) + 2 * i, &element, sizeof(element));
        EXPECT_TRUE(finds_something(p, g)) << "element " << i << " of " << offset;
      }
      std::vector<float> g = fine;
      g[1024 + 49] = bad;  // of the fp32 parameter between them
      EXPECT_TRUE(finds_something(p, g));
    }
  }
}

TEST(FoveaFiniteCheck, FindsOneBadElementAnywhere) {
  constexpr std::int64_t kCount = 2112;
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity(), 1.0F}) {
    for (const std::int64_t at : {std::int64_t{0}, std::int64_t{1027}, kCount - 1}) {
      StepState state;
      results<FiniteCheck>({kCount, 1, 0.9F}, [&](const auto& call, int shift) {
        state.nonfinite = 0;
        std::vector<float> gradient(kCount, std::numeric_limits<float>::max());
        gradient[static_cast<std::size_t>(at)] = bad;
        Operand g(gradient, shift);
        Segment whole{.offset = 0, .length = kCount};
        const TensorView segments{&whole, DType::u8, {sizeof(Segment)}};
        call({g.view({kCount}), segments, {nullptr, &state}});
        EXPECT_EQ(state.nonfinite, bad == 1.0F ? 0U : 1U);
        return g.values();
      });
    }
  }
}

}  // namespace
}  // namespace fovea::test
