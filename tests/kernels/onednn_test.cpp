// onednn_test.cpp - engine `onednn` where the shared harness does not look: every variant against
// the reference engine, allocations in run(), numbers of threads, two prepared objects at once.
#include <fovea/core/thread_pool.h>
#include <fovea/kernels/cpu/onednn/onednn.h>
#include <fovea/kernels/cpu/reference/reference.h>
#include <gtest/gtest.h>

#include <omp.h>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <thread>
#include <vector>

namespace {

// What operator new gave out since `counting` was set, oneDNN's own included.
std::atomic<bool> counting{false};
std::atomic<std::size_t> allocated_bytes{0};

void* counted(std::size_t bytes) {
  if (counting) allocated_bytes += bytes;
  if (void* p = std::malloc(bytes > 0 ? bytes : 1)) return p;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes); }
void* operator new[](std::size_t bytes) { return counted(bytes); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }

namespace fovea {
namespace {

/// Integers in [-3, 3] from a seed.
Tensor integers(const Shape& shape, std::uint32_t seed, StreamView stream) {
  std::vector<float> v(static_cast<std::size_t>(shape.elements()));
  std::uint32_t bits = seed * 2654435761U + 12345U;
  for (float& e : v) {
    bits = bits * 1664525U + 1013904223U;
    e = static_cast<float>((bits >> 16) % 7) - 3.0F;
  }
  return from_host(v, shape, stream);
}

/// The tensors of one pass: inputs first, outputs after them. Outputs start with integers too, so
/// that +acc has something to add to.
struct Tensors {
  std::vector<Tensor> inputs, outputs;
};

template <class Problem>
Shape bias_shape(const Problem& p) {
  return {p.y_shape()[p.y_shape().rank() - 1]};
}

template <class Op>
Tensors tensors_of(const typename Op::Problem& p, StreamView s) {
  Tensors t;
  if constexpr (Op::kPass == Pass::forward) {
    t.inputs = {integers(p.x_shape(), 1, s), integers(p.w_shape(), 2, s),
                integers(bias_shape(p), 3, s)};
    t.outputs = {integers(p.y_shape(), 4, s)};
  } else if constexpr (Op::kPass == Pass::dgrad) {
    t.inputs = {integers(p.y_shape(), 1, s), integers(p.w_shape(), 2, s),
                integers(p.x_shape(), 3, s)};
    t.outputs = {integers(p.x_shape(), 4, s)};
  } else {
    t.inputs = {integers(p.x_shape(), 1, s), integers(p.y_shape(), 2, s)};
    t.outputs = {integers(p.w_shape(), 3, s), integers(bias_shape(p), 4, s)};
  }
  return t;
}

template <class Op>
typename Op::Args args_of(const Tensors& t, void* workspace) {
  typename Op::Args a;
  if constexpr (Op::kPass == Pass::wgrad) {
    a = {t.inputs[0].view(), t.inputs[1].view(), t.outputs[0].view(), t.outputs[1].view(), {}};
  } else {
    a = {t.inputs[0].view(), t.inputs[1].view(), t.inputs[2].view(), t.outputs[0].view(), {}};
  }
  a.context.workspace = workspace;
  return a;
}

/// One prepared problem with its tensors and workspace.
template <class Op>
struct Ready {
  Ready(const Algorithm<Op>& a, const typename Op::Problem& p, const Variant& v)
      : prepared{a.prepare(p, v, device_info(Device::cpu()))},
        tensors{tensors_of<Op>(p, stream)},
        workspace(Shape{static_cast<std::int64_t>(prepared->workspace_bytes()) + 64}, DType::u8,
                  stream),
        args{args_of<Op>(tensors, workspace.data())} {
    prepared->bind(args);
  }
  void run() {
    prepared->run(args, stream);
    stream.view().synchronize();
  }
  std::vector<float> results() const {
    std::vector<float> all;
    for (const Tensor& t : tensors.outputs) {
      const std::vector<float> v = to_host(t, stream);
      all.insert(all.end(), v.begin(), v.end());
    }
    return all;
  }

  Stream stream{Device::cpu()};
  std::unique_ptr<Prepared<typename Op::Args>> prepared;
  Tensors tensors;
  Tensor workspace;
  typename Op::Args args;
};

Registry onednn_registry() {
  Registry r;
  add_onednn_algorithms(r);
  return r;
}

template <class Op>
std::vector<float> expected(const typename Op::Problem& p) {
  static const Registry reference = [] {
    Registry r;
    add_reference_algorithms(r);
    return r;
  }();
  Ready<Op> ready(reference.list<Op>().front(), p, "");
  ready.run();
  return ready.results();
}

/// Compares every variant of every algorithm with the reference; returns how many ran.
template <class Op>
int compare_all(const typename Op::Problem& p) {
  const Registry registry = onednn_registry();
  const DeviceInfo device = device_info(Device::cpu());
  const std::vector<float> want = expected<Op>(p);
  float largest = 1;
  for (const float w : want) largest = std::max(largest, std::abs(w));
  int ran = 0;
  for (const Algorithm<Op>& a : registry.list<Op>()) {
    if (!verdict(a, p, device, Math::fp32)) continue;
    for (const Variant& v : variants_of(a, p, device, {})) {
      SCOPED_TRACE(std::string(Op::kName) + " " + std::string(name_of(Op::kPass)) + " " +
                   to_string(p) + " by " + a.name + " '" + v + "'");
      Ready<Op> ready(a, p, v);
      ready.run();
      const std::vector<float> got = ready.results();
      const float bound = a.exact_on_integers && !p.epilogue.tanh ? 0.0F : 2e-5F * largest;
      int wrong = 0;
      for (std::size_t i = 0; i < want.size(); ++i) {
        if (!(std::abs(got[i] - want[i]) <= bound)) ++wrong;
      }
      EXPECT_EQ(wrong, 0) << "of " << want.size();
      ++ran;
    }
  }
  return ran;
}

TEST(OneDnn, DeclinesWhatItComputesWrong) {
  const DeviceInfo device = device_info(Device::cpu());
  const Registry registry = onednn_registry();
  for (const auto& a : registry.list<ConvWgrad>()) {
    EXPECT_FALSE(verdict(a, parse_conv("n1c3h8k4r1u2"), device, Math::fp32)) << a.name;
  }
  EXPECT_EQ(compare_all<ConvWgrad>(parse_conv("n1c3h8k4r1u2")), 0);
  EXPECT_GT(compare_all<ConvWgrad>(parse_conv("n1c3h8k4r1")), 0);
}

class OneDnnConv : public testing::TestWithParam<const char*> {};

TEST_P(OneDnnConv, EqualsTheReference) {
  ConvProblem p = parse_conv(GetParam());
  const auto with = [&](Epilogue e) {
    p.epilogue = e;
    return p;
  };
  for (const Epilogue& e :
       {Epilogue{}, Epilogue{.bias = true}, Epilogue{.relu = true},
        Epilogue{.bias = true, .relu = true}, Epilogue{.bias = true, .tanh = true}}) {
    EXPECT_GT(compare_all<ConvForward>(with(e)), 0);
  }
  for (const Epilogue& e : {Epilogue{}, Epilogue{.mask = true}, Epilogue{.acc = true},
                            Epilogue{.mask = true, .acc = true}}) {
    EXPECT_GT(compare_all<ConvDgrad>(with(e)), 0);
  }
  for (const Epilogue& e : {Epilogue{}, Epilogue{.db = true}, Epilogue{.acc = true},
                            Epilogue{.acc = true, .db = true}}) {
    EXPECT_GT(compare_all<ConvWgrad>(with(e)), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Problems, OneDnnConv,
                         testing::Values("n2c1h28k16r5ph2", "n2c3h35k24r11u4ph2",
                                         "n2c16h14k48r5ph2g2", "n2c64h13k64r3ph1",
                                         "n3c48h7k64r3ph1", "n2c5h9w7k6r3s2ph1:0pw0:1",
                                         "n2c6h12k8r3dh2dw3ph2", "n2c8h9k8r3ph1g8", "n1c8h8k4r1u2",
                                         "n1c32h6k32r3ph2:1", "n2c6h14k16r5", "n1c2h3k2r5ph4u3",
                                         "n2c12h10k20r4u2v3ph1g4"));

class OneDnnLinear : public testing::TestWithParam<const char*> {};

TEST_P(OneDnnLinear, EqualsTheReference) {
  LinearProblem p = parse_linear(GetParam());
  const auto with = [&](Epilogue e) {
    p.epilogue = e;
    return p;
  };
  for (const Epilogue& e :
       {Epilogue{}, Epilogue{.bias = true}, Epilogue{.relu = true}, Epilogue{.tanh = true},
        Epilogue{.bias = true, .relu = true}, Epilogue{.bias = true, .tanh = true}}) {
    EXPECT_GT(compare_all<LinearForward>(with(e)), 0);
  }
  for (const Epilogue& e : {Epilogue{}, Epilogue{.mask = true}, Epilogue{.acc = true},
                            Epilogue{.mask = true, .acc = true}}) {
    EXPECT_GT(compare_all<LinearDgrad>(with(e)), 0);
  }
  for (const Epilogue& e : {Epilogue{}, Epilogue{.db = true}, Epilogue{.acc = true},
                            Epilogue{.acc = true, .db = true}}) {
    EXPECT_GT(compare_all<LinearWgrad>(with(e)), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Problems, OneDnnLinear,
                         testing::Values("m1n1k1", "m5n3k7", "m32n10k84", "m128n120k400",
                                         "m64n256k1024", "m3n1000k33"));

/// Threads of the shared pool for the length of a test.
class SharedThreads {
 public:
  explicit SharedThreads(int threads) { ThreadPool::set_shared_threads(threads); }
  ~SharedThreads() { ThreadPool::set_shared_threads(0); }
};

template <class Op>
const Algorithm<Op>& algorithm(const Registry& registry, const std::string& name) {
  for (const Algorithm<Op>& a : registry.list<Op>()) {
    if (a.name == name) return a;
  }
  throw InvalidArgument("onednn has no algorithm " + name);
}

template <class Op>
std::vector<float> run_once(const Algorithm<Op>& a, const typename Op::Problem& p) {
  Ready<Op> ready(a, p, variants_of(a, p, device_info(Device::cpu()), {}).front());
  ready.run();
  return ready.results();
}

TEST(OneDnnThreads, DoNotChangeExactResults) {
  const Registry registry = onednn_registry();
  const ConvProblem forward = parse_conv("n5c3h9k8r3ph1+bias+relu");
  const ConvProblem gradient = parse_conv("n5c3h9k8r3ph1+db+acc");
  const LinearProblem linear = parse_linear("m6n7k9+bias");
  for (const int threads : {1, 2, 3, 8}) {
    const SharedThreads pool(threads);
    SCOPED_TRACE(threads);
    EXPECT_EQ(run_once(algorithm<ConvForward>(registry, "direct"), forward),
              expected<ConvForward>(forward));
    EXPECT_EQ(run_once(algorithm<ConvWgrad>(registry, "direct"), gradient),
              expected<ConvWgrad>(gradient));
    EXPECT_EQ(run_once(algorithm<LinearForward>(registry, "matmul"), linear),
              expected<LinearForward>(linear));
  }
}

TEST(OneDnnThreads, RepeatWinogradToTheBit) {
  const Registry registry = onednn_registry();
  const ConvProblem p = parse_conv("n7c24h11k32r3ph1+db");
  const SharedThreads pool(3);
  const auto& winograd = algorithm<ConvWgrad>(registry, "winograd");
  ASSERT_TRUE(verdict(winograd, p, device_info(Device::cpu()), Math::fp32));
  EXPECT_EQ(run_once(winograd, p), run_once(winograd, p));
}

TEST(OneDnnThreads, LeaveTheProcessAsItWas) {
  const Registry registry = onednn_registry();
  const int before = omp_get_max_threads();
  for (const char* text : {"n4c3h9k8r3ph1", "n1c3h9k8r3ph1", "n8c32h14k32r5ph2"}) {
    compare_all<ConvForward>(parse_conv(text));
    EXPECT_EQ(omp_get_max_threads(), before) << text;
  }
}

TEST(OneDnnThreads, RunTwoPreparedProblemsAtOnce) {
  const Registry registry = onednn_registry();
  const ConvProblem small = parse_conv("n4c16h12k16r3ph1+bias+relu");
  const ConvProblem large = parse_conv("n6c16h16k32r5ph2+bias");
  const auto want_small = expected<ConvForward>(small), want_large = expected<ConvForward>(large);
  const auto& direct = algorithm<ConvForward>(registry, "direct");
  Ready<ConvForward> a(direct, small, ""), b(direct, large, "");
  const auto repeat = [](Ready<ConvForward>& ready) {
    for (int i = 0; i < 20; ++i) ready.run();
  };
  std::thread other([&] { repeat(b); });
  repeat(a);
  other.join();
  EXPECT_EQ(a.results(), want_small);
  EXPECT_EQ(b.results(), want_large);
}

// fovea's side of run() allocates nothing. oneDNN keeps a table of arguments for the length of a
// call, some hundred bytes; scratchpads of its own would be many times that.
template <class Op>
void expect_steady(const std::string& name, const typename Op::Problem& p) {
  const Registry registry = onednn_registry();
  const Algorithm<Op>& a = algorithm<Op>(registry, name);
  ASSERT_TRUE(verdict(a, p, device_info(Device::cpu()), Math::fp32));
  Ready<Op> ready(a, p, "");
  for (int i = 0; i < 3; ++i) ready.run();
  allocated_bytes = 0;
  counting = true;
  ready.run();
  counting = false;
  EXPECT_LE(allocated_bytes, 8192U) << name << " " << to_string(p);
  testing::Test::RecordProperty(name, static_cast<int>(allocated_bytes));
}

TEST(OneDnnSteadyState, AllocatesOnlyTablesOfArguments) {
  const SharedThreads pool(2);
  expect_steady<ConvForward>("direct", parse_conv("n4c16h12k16r3ph1+bias+relu"));
  expect_steady<ConvDgrad>("direct", parse_conv("n4c16h12k16r3ph1+mask+acc"));
  expect_steady<ConvWgrad>("direct", parse_conv("n4c16h12k16r3ph1+db"));
  expect_steady<ConvForward>("winograd", parse_conv("n4c16h12k16r5ph2+bias+relu"));
  expect_steady<ConvDgrad>("winograd", parse_conv("n4c16h12k16r5ph2+mask"));
  expect_steady<ConvWgrad>("winograd", parse_conv("n4c16h12k16r5ph2+db"));
  expect_steady<LinearForward>("matmul", parse_linear("m16n32k64+bias+relu"));
  expect_steady<LinearDgrad>("matmul", parse_linear("m16n32k64+mask"));
  expect_steady<LinearWgrad>("matmul", parse_linear("m16n32k64+db"));
}

/// Every output that a NaN in x reaches is NaN, after ReLU too: the loss must see it.
template <class Op>
void expect_nan_passes(const typename Op::Problem& p) {
  const Registry registry = onednn_registry();
  const DeviceInfo device = device_info(Device::cpu());
  for (const Algorithm<Op>& a : registry.list<Op>()) {
    if (!verdict(a, p, device, Math::fp32)) continue;
    for (const Variant& v : variants_of(a, p, device, {})) {
      Ready<Op> ready(a, p, v);
      ready.tensors.inputs[0].template as<float>()[0] = std::nanf("");
      ready.run();
      EXPECT_TRUE(std::isnan(ready.results()[0])) << a.name << " '" << v << "' " << to_string(p);
    }
  }
}

TEST(OneDnnRelu, KeepsNaN) {
  expect_nan_passes<ConvForward>(parse_conv("n8c16h14k16r5ph2+bias+relu"));
  expect_nan_passes<ConvForward>(parse_conv("n3c1h14k16r5ph2+relu"));
  expect_nan_passes<LinearForward>(parse_linear("m8n16k16+bias+relu"));
}

TEST(OneDnnErrors, NameTheVariantsThatThereAre) {
  const Registry registry = onednn_registry();
  const auto& direct = algorithm<ConvForward>(registry, "direct");
  EXPECT_THROW(direct.prepare(parse_conv("n1c1h4k1r3"), "nchw", device_info(Device::cpu())),
               InvalidArgument);
}

TEST(OneDnnVersion, IsThatOfTheLibrary) { EXPECT_EQ(onednn_version().find('.'), 1U); }

}  // namespace
}  // namespace fovea
