// cudnn_test.cpp - engine `cudnn` on the fake cuDNN: meaning, variants, errors, ownership, and the
// library that is not there.
#include <fovea/core/stream.h>
#include <fovea/kernels/cudnn/algorithms.h>
#include <fovea/kernels/cudnn/cudnn.h>
#include <fovea/kernels/cudnn/engine_config.h>
#include <fovea/kernels/ops/accuracy.h>
#include <fovea/kernels/ops/launch.h>
#include <fovea/kernels/registry/in_nchw.h>
#include <fovea/tests/kernels/cudnn/fake_cudnn.h>
#include <fovea/tests/kernels/cudnn/in_bf16.h>
#include <fovea/tests/support/problem_lists.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace fovea::test {
namespace {

cudnn::CublasLtApi no_cublaslt() { throw Unsupported("cuBLASLt is not part of this test"); }

// The fake computes on the host, so that a cpu stream and its memory serve.
const DeviceInfo& host() {
  static const DeviceInfo info = device_info(Device::cpu());
  return info;
}

class Cudnn : public testing::Test {
 protected:
  Cudnn() {
    fake_cudnn() = {};
    start_afresh();
  }
  /// Algorithms that remember nothing.
  void start_afresh() {
    const auto engine = std::make_shared<cudnn::Engine>(fake_cudnn_api, no_cublaslt);
    registry_ = {};
    cudnn::add_conv(registry_, engine);
    cudnn::add_pool(registry_, engine);
    cudnn::add_lrn(registry_, engine);
    cudnn::add_softmax(registry_, engine);
  }
  void TearDown() override {
    registry_ = {};
    EXPECT_EQ(fake_cudnn().complaints, std::vector<std::string>{});
    EXPECT_EQ(fake_cudnn().descriptors, 0) << "descriptors leaked";
    EXPECT_EQ(fake_cudnn().handles, 0) << "handles leaked";
  }

  template <class Op>
  const Algorithm<Op>& in(Math math) {
    for (const Algorithm<Op>& a : registry_.list<Op>()) {
      if (a.math == math) return a;
    }
    throw InvalidArgument("no such algorithm");
  }

  /// Every algorithm of the op against the reference, on the small problems of a list; how many
  /// ran. The fake is slow.
  template <class Op>
  int compare(const std::string& list) {
    int ran = 0;
    for (const Algorithm<Op>& a : registry_.list<Op>()) {
      if (a.math == Math::bf16) continue;
      for (const auto& p : problems<Op>(list)) {
        if constexpr (requires { p.flops(); }) {
          if (p.flops() > 1'000'000) continue;
        }
        if (!a.can_run(p, host())) continue;
        SCOPED_TRACE(std::string(name_of(a.math)) + " " + to_string(p));
        const Case<Op> in = make_case<Op>(p, Values::integers, 1, a.math);
        const Case<Op> reference = run_reference(in);
        expect_right(a, variants_of(a, p, host(), {}).front(), host(), in, reference,
                     Values::integers, {.again = false});
        if (HasFailure()) return ran;
        ++ran;
      }
    }
    return ran;
  }

  Registry registry_;
};

TEST_F(Cudnn, ConvolutionsMeanWhatFoveaMeans) {
  EXPECT_GT(compare<ConvForward>("edge"), 20);
  EXPECT_GT(compare<ConvDgrad>("edge"), 20);
  EXPECT_GT(compare<ConvWgrad>("edge"), 10);
}

TEST_F(Cudnn, ConvolutionsOnNchwMeanTheSameWhereTheyAreConverted) {
  Registry on_nchw;
  cudnn::add_conv(on_nchw, std::make_shared<cudnn::Engine>(fake_cudnn_api, no_cublaslt),
                  Layout::nchw);
  registry_ = {};
  add_converted(on_nchw, registry_);
  EXPECT_EQ(in<ConvForward>(Math::fp32).name, "graph_nchw");
  EXPECT_GT(compare<ConvForward>("edge"), 20);
  EXPECT_GT(compare<ConvDgrad>("edge"), 20);
  EXPECT_GT(compare<ConvWgrad>("edge"), 10);
}

TEST_F(Cudnn, PlanesMeanWhatFoveaMeans) {
  EXPECT_GT(compare<AvgPoolForward>("edge"), 2);
  EXPECT_GT(compare<AvgPoolBackward>("edge"), 2);
  EXPECT_GT(compare<LrnForward>("edge"), 2);
  EXPECT_GT(compare<LrnBackward>("edge"), 2);
  EXPECT_GT(compare<Softmax>("edge") + compare<Softmax>("random"), 0);
}

TEST_F(Cudnn, ConvolutionsInBf16MeanWhatFoveaMeans) {
  for (const char* text : {"n2c6h9w7k8r3ph1:0g2", "n1c3h14k4r5u3"}) {
    ConvProblem p = parse_conv(text);
    SCOPED_TRACE(text);
    expect_right_in_bf16(in<ConvWgrad>(Math::bf16), "", host(), p);
    p.epilogue = {.bias = true, .relu = true};
    expect_right_in_bf16(in<ConvForward>(Math::bf16), "", host(), p);
    p.epilogue = {.mask = true};
    expect_right_in_bf16(in<ConvDgrad>(Math::bf16), "", host(), p);
  }
}

TEST_F(Cudnn, DeclinesWhatItDoesNotExpress) {
  const auto why = [&]<class Op>(std::type_identity<Op>, const char* problem) {
    return in<Op>(Math::fp32).can_run(parse_conv(problem), host()).why_not;
  };
  EXPECT_NE(why(std::type_identity<ConvForward>(), "n1c1h3k1r3+tanh").find("+tanh"),
            std::string::npos);
  EXPECT_NE(why(std::type_identity<ConvDgrad>(), "n1c1h3k1r3+acc").find("+acc"), std::string::npos);
  EXPECT_NE(why(std::type_identity<ConvWgrad>(), "n1c1h3k1r3+db").find("+db"), std::string::npos);
  EXPECT_EQ(fake_cudnn().opened, 0) << "cuDNN was opened to decline an epilogue";
  const auto lrn = [&](LrnProblem p) {
    return in<LrnForward>(Math::fp32).can_run(p, host()).why_not;
  };
  const LrnProblem p = parse_lrn("n1c8h2");
  EXPECT_EQ(lrn(p), "");
  const auto with = [p](auto set) {
    LrnProblem changed = p;
    set(changed);
    return changed;
  };
  EXPECT_NE(lrn(with([](LrnProblem& q) { q.groups = 2; })), "");
  EXPECT_NE(lrn(with([](LrnProblem& q) { q.size = 17; })), "");
  EXPECT_NE(lrn(with([](LrnProblem& q) { q.k = 0; })), "");
  EXPECT_NE(lrn(with([](LrnProblem& q) { q.within = true; })), "");
}

const ConvProblem kSmall = parse_conv("n1c2h4k3r3ph1");

TEST_F(Cudnn, VariantsAreTheProposalsInOrderEachOnce) {
  fake_cudnn().proposals = {
      {CUDNN_HEUR_MODE_A, {{.engine = 7, .knobs = {{12, 0}, {2, 4}}}, {.engine = 3}}},
      {CUDNN_HEUR_MODE_B, {{.engine = 3}, {.engine = 7, .knobs = {{2, 5}}}}},
      {CUDNN_HEUR_MODE_FALLBACK, {{.engine = 0}}}};
  EXPECT_EQ(in<ConvForward>(Math::fp32).variants(kSmall, host(), {}),
            (std::vector<Variant>{"eng7 k2=4 k12=0", "eng3", "eng7 k2=5", "eng0"}));
}

TEST_F(Cudnn, AsksHeuristicsOnceForAProblem) {
  const Algorithm<ConvForward>& a = in<ConvForward>(Math::fp32);
  EXPECT_TRUE(a.can_run(kSmall, host()));
  EXPECT_EQ(fake_cudnn().questions, 3) << "modes A, B and fallback";
  a.variants(kSmall, host(), {});
  a.prepare(kSmall, "", host());
  EXPECT_EQ(fake_cudnn().questions, 3);
  EXPECT_TRUE(a.can_run(parse_conv("n2c2h4k3r3ph1"), host()));
  EXPECT_EQ(fake_cudnn().questions, 6);
}

TEST_F(Cudnn, NotesDecideByMathAndDeterminism) {
  fake_cudnn().proposals[CUDNN_HEUR_MODE_A] = {
      {.engine = 1, .notes = {CUDNN_NUMERICAL_NOTE_TENSOR_CORE}},
      {.engine = 2, .notes = {CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS}},
      {.engine = 3,
       .notes = {CUDNN_NUMERICAL_NOTE_WINOGRAD, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC}},
      {.engine = 4, .notes = {CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION}},
      {.engine = 5, .notes = {CUDNN_NUMERICAL_NOTE_FFT}}};
  const auto variants = [&](Math math, bool deterministic) {
    return in<ConvWgrad>(math).variants(kSmall, host(), {.deterministic = deterministic});
  };
  using V = std::vector<Variant>;
  EXPECT_EQ(variants(Math::fp32, true), (V{"eng5"}));
  EXPECT_EQ(variants(Math::fp32, false), (V{"eng3", "eng5"}));
  EXPECT_EQ(variants(Math::tf32, true), (V{"eng1", "eng2", "eng5"}));
  EXPECT_EQ(variants(Math::bf16, false), (V{"eng1", "eng2", "eng3", "eng5"}));
  EXPECT_FALSE(in<ConvWgrad>(Math::fp32).prepare(kSmall, "eng3", host())->deterministic());
  EXPECT_TRUE(in<ConvWgrad>(Math::fp32).prepare(kSmall, "eng5", host())->deterministic());
  EXPECT_THROW(in<ConvWgrad>(Math::fp32).prepare(kSmall, "eng1", host()), InvalidArgument);
}

TEST_F(Cudnn, LimitsDecideAboutEnginesThatAreNotDeterministic) {
  fake_cudnn().proposals[CUDNN_HEUR_MODE_A] = {
      {.engine = 3, .notes = {CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC}}};
  const Algorithm<ConvWgrad>& a = in<ConvWgrad>(Math::fp32);
  EXPECT_TRUE(a.can_run(kSmall, host()));
  const Verdict strict = offers(a, kSmall, host(), {});
  EXPECT_FALSE(strict);
  EXPECT_NE(strict.why_not.find("may differ from run to run"), std::string::npos) << strict.why_not;
  EXPECT_THROW(a.prepare(kSmall, "", host()), Unsupported);
  EXPECT_TRUE(offers(a, kSmall, host(), {.deterministic = false}));
  EXPECT_EQ(variants_of(a, kSmall, host(), {.deterministic = false}), std::vector<Variant>{"eng3"});
  EXPECT_FALSE(a.prepare(kSmall, "eng3", host())->deterministic());
}

TEST_F(Cudnn, DeclinesWithoutAnEngineOfThePrecision) {
  fake_cudnn().proposals[CUDNN_HEUR_MODE_A] = {
      {.engine = 1, .notes = {CUDNN_NUMERICAL_NOTE_TENSOR_CORE}}};
  EXPECT_FALSE(in<ConvWgrad>(Math::fp32).can_run(kSmall, host()));
  EXPECT_TRUE(in<ConvWgrad>(Math::tf32).can_run(kSmall, host()));
}

TEST_F(Cudnn, OnlyEnginesThatTransformHaveAWiderBound) {
  using Notes = std::vector<cudnnBackendNumericalNote_t>;
  const auto factor = [&](Math math, const Notes& notes) {
    fake_cudnn().proposals[CUDNN_HEUR_MODE_A] = {{.engine = 5, .notes = notes}};
    const Algorithm<ConvForward>& a = in<ConvForward>(math);
    return error_factor(*a.prepare(kSmall, "eng5", host()), a.error_factor);
  };
  for (const auto note :
       {CUDNN_NUMERICAL_NOTE_FFT, CUDNN_NUMERICAL_NOTE_WINOGRAD,
        CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4, CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6,
        CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13}) {
    EXPECT_EQ(factor(Math::fp32, {CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP, note}), 32) << note;
  }
  EXPECT_EQ(factor(Math::fp32, {}), 1);
  EXPECT_EQ(factor(Math::fp32, {CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP}), 1);
  EXPECT_EQ(factor(Math::tf32, {CUDNN_NUMERICAL_NOTE_TENSOR_CORE}), 1);
  EXPECT_EQ(factor(Math::bf16, {CUDNN_NUMERICAL_NOTE_TENSOR_CORE}), 3) << "parts of a sum in bf16";
}

TEST_F(Cudnn, OnNchwAVariantKeepsItsBound) {
  Registry on_nchw;
  cudnn::add_conv(on_nchw, std::make_shared<cudnn::Engine>(fake_cudnn_api, no_cublaslt),
                  Layout::nchw);
  registry_ = {};
  add_converted(on_nchw, registry_);
  fake_cudnn().proposals[CUDNN_HEUR_MODE_A] = {
      {.engine = 1}, {.engine = 2, .notes = {CUDNN_NUMERICAL_NOTE_WINOGRAD}}};
  const Algorithm<ConvForward>& a = in<ConvForward>(Math::fp32);
  EXPECT_EQ(error_factor(*a.prepare(kSmall, "eng1", host()), a.error_factor), 1);
  EXPECT_EQ(error_factor(*a.prepare(kSmall, "eng2", host()), a.error_factor), 32);
}

TEST_F(Cudnn, WorkspaceLimitsVariants) {
  fake_cudnn().proposals[CUDNN_HEUR_MODE_A] = {{.engine = 1, .workspace = 4096},
                                               {.engine = 2, .workspace = 100},
                                               {.engine = 3, .workspace = 2048}};
  const auto variants = [&](std::size_t bytes) {
    return in<ConvDgrad>(Math::fp32).variants(kSmall, host(), {.workspace_bytes = bytes});
  };
  EXPECT_EQ(variants(2048), (std::vector<Variant>{"eng2", "eng3"}));
  EXPECT_EQ(variants(10), (std::vector<Variant>{"eng2"})) << "none fits: the one that needs least";
  EXPECT_EQ(in<ConvDgrad>(Math::fp32).prepare(kSmall, "eng3", host())->workspace_bytes(), 2048U);
}

// Runs a convolution forward once; every tensor holds zeros.
void run_once(const Algorithm<ConvForward>& a, const ConvProblem& p, const Variant& v) {
  const auto prepared = a.prepare(p, v, host());
  const Stream stream(Device::cpu());
  const auto zeros = [&](const Shape& s) {
    return from_host(std::vector<float>(s.elements()), s, stream);
  };
  const Tensor x = zeros(p.x_shape()), w = zeros(p.w_shape()), y = zeros(p.y_shape());
  prepared->run({x.view(), w.view(), {}, y.view(), {}}, stream);
}

TEST_F(Cudnn, RunsTheEngineThatTheVariantNames) {
  fake_cudnn().proposals[CUDNN_HEUR_MODE_B] = {{.engine = 31}};
  run_once(in<ConvForward>(Math::tf32), kSmall, "eng31 k2=4 k12=-1");
  EXPECT_EQ(fake_cudnn().executions, 1);
  EXPECT_EQ(fake_cudnn().ran.engine, 31);
  EXPECT_EQ(fake_cudnn().ran.knobs, (std::vector<std::pair<int, std::int64_t>>{{2, 4}, {12, -1}}));
}

TEST(CudnnVariant, RefusesOtherTexts) {
  EXPECT_EQ(cudnn::to_string(cudnn::parse_engine_config("eng3 k12=0 k2=4")), "eng3 k2=4 k12=0");
  for (const char* text : {"", "31", "eng", "eng-1", "eng3 ", "eng3k2=4", "eng3 k2", "eng3 k2=x"}) {
    EXPECT_THROW(cudnn::parse_engine_config(text), InvalidArgument) << text;
  }
}

TEST_F(Cudnn, ErrorsSayCallProblemWordsAndRemedy) {
  fake_cudnn().failure = {.function = "cudnnBackendExecute", .words = "the planted reason"};
  try {
    run_once(in<ConvForward>(Math::tf32), kSmall, "");
    FAIL() << "nothing was thrown";
  } catch (const DeviceError& e) {
    const std::string text = e.what();
    for (const char* part :
         {"conv forward n1c2h4k3r3ph1 in tf32", "cudnnBackendExecute",
          "CUDNN_STATUS_INTERNAL_ERROR", "the planted reason", "choose another engine"}) {
      EXPECT_NE(text.find(part), std::string::npos) << part << " is missing in: " << text;
    }
  }
}

TEST_F(Cudnn, WhatCudnnDoesNotSupportIsDeclinedWithItsWords) {
  fake_cudnn().failure = {.function = "cudnnBackendFinalize",
                          .type = CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR,
                          .status = CUDNN_STATUS_NOT_SUPPORTED,
                          .words = "no such pattern"};
  const Verdict v = in<ConvForward>(Math::fp32).can_run(kSmall, host());
  EXPECT_FALSE(v);
  EXPECT_NE(v.why_not.find("cudnnBackendFinalize(operation graph)"), std::string::npos);
  EXPECT_NE(v.why_not.find("no such pattern"), std::string::npos) << v.why_not;
  EXPECT_THROW(in<ConvForward>(Math::fp32).prepare(kSmall, "eng1", host()), Unsupported);
}

// A failure anywhere leaves nothing behind: TearDown counts.
TEST_F(Cudnn, FailuresLeakNothing) {
  const ConvProblem p = parse_conv("n1c2h4k3r3ph1+bias+relu");
  fake_cudnn().proposals[CUDNN_HEUR_MODE_A] = {{.engine = 1, .knobs = {{2, 4}}}};
  for (const char* function : {"cudnnBackendCreateDescriptor", "cudnnBackendSetAttribute",
                               "cudnnBackendFinalize", "cudnnBackendGetAttribute"}) {
    for (int type = 0; type < CUDNN_BACKEND_OPERATION_BN_BWD_WEIGHTS_DESCRIPTOR; ++type) {
      start_afresh();
      fake_cudnn().failure = {.function = function, .type = type};
      EXPECT_NO_THROW(in<ConvForward>(Math::fp32).can_run(p, host()));
      try {
        in<ConvForward>(Math::fp32).prepare(p, "eng1 k2=4", host());
      } catch (const DeviceError&) {  // planted
      }
      EXPECT_EQ(fake_cudnn().descriptors, 0) << function << " of type " << type;
    }
  }
}

TEST_F(Cudnn, OpensNothingBeforeItIsAsked) {
  EXPECT_EQ(fake_cudnn().opened, 0);
  EXPECT_TRUE(in<ConvForward>(Math::fp32).can_run(kSmall, host()));
  EXPECT_TRUE(in<ConvDgrad>(Math::bf16).can_run(kSmall, host()));
  EXPECT_EQ(fake_cudnn().opened, 1);
  EXPECT_EQ(fake_cudnn().handles, 1);
}

TEST_F(Cudnn, DeclinesWhereCudnnDoesNotStart) {
  fake_cudnn().failure = {.function = "cudnnCreate", .words = "no GPU"};
  const Verdict v = in<ConvForward>(Math::fp32).can_run(kSmall, host());
  EXPECT_FALSE(v);
  EXPECT_NE(v.why_not.find("cudnnCreate"), std::string::npos) << v.why_not;
  EXPECT_NE(v.why_not.find("no GPU"), std::string::npos) << v.why_not;
}

/// An environment variable for the length of a test.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_{name} { setenv(name, value, 1); }
  ~Variable() { unsetenv(name_); }

 private:
  const char* name_;
};

TEST(CudnnLibrary, MissingIsDeclinedWithTheFix) {
  const Variable cudnn("FOVEA_CUDNN", "/nowhere/libcudnn.so.9");
  const Variable cublaslt("FOVEA_CUBLASLT", "/nowhere/libcublasLt.so");
  Registry registry;
  add_cudnn_algorithms(registry);
  registry.for_each([]<class Op>(const std::vector<Algorithm<Op>>& list) {
    if constexpr (std::is_same_v<typename Op::Problem, ConvProblem>) {
      ASSERT_FALSE(list.empty());
      for (const Algorithm<Op>& a : list) {
        const Verdict v = a.can_run(kSmall, host());
        EXPECT_FALSE(v);
        EXPECT_NE(v.why_not.find("/nowhere/libcudnn.so.9"), std::string::npos) << v.why_not;
        EXPECT_NE(v.why_not.find("FOVEA_CUDNN"), std::string::npos) << v.why_not;
      }
    }
  });
  const CudnnStatus status = cudnn_status();
  EXPECT_FALSE(status.works);
  EXPECT_NE(status.text.find("FOVEA_CUDNN"), std::string::npos) << status.text;
  EXPECT_NE(status.text.find("FOVEA_CUBLASLT"), std::string::npos) << status.text;
}

TEST(CudnnLibrary, AnotherLibraryIsNotTakenForIt) {
  const Variable cudnn("FOVEA_CUDNN", "libc.so.6");
  EXPECT_THROW(cudnn::load_cudnn(), Unsupported);
}

}  // namespace
}  // namespace fovea::test
