// cublaslt_test.cpp - the fully connected layer of engine `cudnn` on the fake cuBLASLt.
#include <fovea/kernels/cudnn/algorithms.h>
#include <fovea/kernels/cudnn/matmul.h>
#include <fovea/tests/kernels/cudnn/fake_cublaslt.h>
#include <fovea/tests/kernels/cudnn/in_bf16.h>
#include <fovea/tests/support/problem_lists.h>
#include <gtest/gtest.h>

namespace fovea::test {
namespace {

cudnn::CudnnApi no_cudnn() { throw Unsupported("cuDNN is not part of this test"); }

const DeviceInfo& host() {
  static const DeviceInfo info = device_info(Device::cpu());
  return info;
}

class CublasLt : public testing::Test {
 protected:
  CublasLt() {
    fake_cublaslt() = {};
    cudnn::add_linear(registry_, std::make_shared<cudnn::Engine>(no_cudnn, fake_cublaslt_api));
  }
  void TearDown() override {
    registry_ = {};
    EXPECT_EQ(fake_cublaslt().complaints, std::vector<std::string>{});
    EXPECT_EQ(fake_cublaslt().objects, 0) << "descriptors or handles leaked";
  }
  template <class Op>
  const Algorithm<Op>& in(Math math) {
    for (const Algorithm<Op>& a : registry_.list<Op>()) {
      if (a.math == math) return a;
    }
    throw InvalidArgument("no such algorithm");
  }
  template <class Op>
  int compare() {
    int ran = 0;
    const Algorithm<Op>& a = in<Op>(Math::fp32);
    for (const LinearProblem& p : problems<Op>("edge")) {
      if (!a.can_run(p, host())) continue;
      SCOPED_TRACE(to_string(p));
      const Case<Op> c = make_case<Op>(p, Values::integers, 1, a.math);
      expect_right(a, "", host(), c, run_reference(c), Values::integers, {});
      if (HasFailure()) return ran;
      ++ran;
    }
    return ran;
  }
  Registry registry_;
};

TEST_F(CublasLt, ProductsMeanWhatFoveaMeans) {
  EXPECT_GT(compare<LinearForward>(), 5);
  EXPECT_GT(compare<LinearDgrad>(), 5);
  EXPECT_GT(compare<LinearWgrad>(), 5);
}

TEST_F(CublasLt, ProductsInBf16MeanWhatFoveaMeans) {
  LinearProblem p = parse_linear("m5n7k12");
  expect_right_in_bf16(in<LinearDgrad>(Math::bf16), "", host(), p);
  p.epilogue = {.bias = true, .relu = true};
  expect_right_in_bf16(in<LinearForward>(Math::bf16), "", host(), p);
  p.epilogue = {.db = true};
  expect_right_in_bf16(in<LinearWgrad>(Math::bf16), "", host(), p);
}

const LinearProblem kSmall = parse_linear("m2n3k4");

TEST_F(CublasLt, DeclinesWhatItDoesNotExpress) {
  const auto why = [&]<class Op>(std::type_identity<Op>, const char* problem) {
    return in<Op>(Math::fp32).can_run(parse_linear(problem), host()).why_not;
  };
  EXPECT_NE(why(std::type_identity<LinearForward>(), "m2n3k4+tanh"), "");
  EXPECT_NE(why(std::type_identity<LinearDgrad>(), "m2n3k4+mask"), "");
  EXPECT_NE(why(std::type_identity<LinearWgrad>(), "m2n3k4+db+acc"), "");
  EXPECT_EQ(why(std::type_identity<LinearWgrad>(), "m2n3k4+db"), "");
}

TEST_F(CublasLt, MathIsTheComputeType) {
  for (const Math math : {Math::fp32, Math::tf32, Math::bf16}) {
    EXPECT_TRUE(in<LinearForward>(math).can_run(kSmall, host()));
  }
  EXPECT_EQ(fake_cublaslt().types,
            (std::vector<cublasComputeType_t>{CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_32F_FAST_TF32,
                                              CUBLAS_COMPUTE_32F}));
}

// Parts of a split, and what was there before, would be added as bf16.
TEST_F(CublasLt, SumsStayFp32InBf16) {
  EXPECT_TRUE(in<LinearWgrad>(Math::fp32).can_run(kSmall, host()));
  EXPECT_EQ(fake_cublaslt().reductions, CUBLASLT_REDUCTION_SCHEME_MASK);
  EXPECT_TRUE(in<LinearWgrad>(Math::bf16).can_run(kSmall, host()));
  EXPECT_EQ(fake_cublaslt().reductions, CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE);
  LinearProblem added = kSmall;
  added.epilogue.acc = true;
  EXPECT_TRUE(in<LinearWgrad>(Math::fp32).can_run(added, host()));
  EXPECT_FALSE(in<LinearWgrad>(Math::bf16).can_run(added, host()));
}

TEST_F(CublasLt, VariantsNameAlgorithmsAndRunThem) {
  fake_cublaslt().proposals = {{{CUBLASLT_ALGO_CONFIG_ID, 66},
                                {CUBLASLT_ALGO_CONFIG_TILE_ID, 20},
                                {CUBLASLT_ALGO_CONFIG_SPLITK_NUM, 3},
                                {CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID, 2}},
                               {{CUBLASLT_ALGO_CONFIG_ID, 5}}};
  fake_cublaslt().workspace = 512;
  const Algorithm<LinearWgrad>& a = in<LinearWgrad>(Math::fp32);
  const std::vector<Variant> v = a.variants(kSmall, host(), {.workspace_bytes = 4096});
  EXPECT_EQ(fake_cublaslt().workspace_limit, 4096U);
  EXPECT_EQ(v, (std::vector<Variant>{
                   "algo66 tile20 stages0 split3 sum0 swizzle0 custom0 inner0 cluster2",
                   "algo5 tile0 stages0 split0 sum0 swizzle0 custom0 inner0 cluster0"}));
  EXPECT_EQ(a.prepare(kSmall, v[0], host())->workspace_bytes(), 512U);
  const Case<LinearWgrad> c = make_case<LinearWgrad>(kSmall, Values::integers, 1, a.math);
  expect_right(a, v[0], host(), c, run_reference(c), Values::integers, {});
  EXPECT_EQ(fake_cublaslt().ran[CUBLASLT_ALGO_CONFIG_ID], 66U);
  EXPECT_EQ(fake_cublaslt().ran[CUBLASLT_ALGO_CONFIG_SPLITK_NUM], 3U);
  EXPECT_EQ(fake_cublaslt().ran[CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID], 2U);
}

TEST_F(CublasLt, RefusesOtherVariants) {
  for (const char* text : {"algo", "eng3", "algo1 tile2",
                           "algo5 tile0 stages0 split0 sum0 swizzle0 custom0 inner0 cluster0 x",
                           "algo-5 tile0 stages0 split0 sum0 swizzle0 custom0 inner0 cluster0"}) {
    EXPECT_THROW(in<LinearForward>(Math::fp32).prepare(kSmall, text, host()), InvalidArgument)
        << text;
  }
}

TEST_F(CublasLt, FailuresSayWhereAndLeakNothing) {
  fake_cublaslt().fails = "cublasLtMatmulAlgoGetHeuristic";
  const Verdict v = in<LinearForward>(Math::bf16).can_run(kSmall, host());
  EXPECT_FALSE(v);
  EXPECT_NE(v.why_not.find("cublasLtMatmulAlgoGetHeuristic: the fake's words"), std::string::npos)
      << v.why_not;
  fake_cublaslt().proposals.clear();
  fake_cublaslt().fails.clear();
  EXPECT_FALSE(in<LinearForward>(Math::fp32).can_run(kSmall, host()));
  fake_cublaslt().fails = "cublasLtMatmulAlgoCheck";
  try {
    in<LinearForward>(Math::tf32)
        .prepare(kSmall, "algo5 tile0 stages0 split0 sum0 swizzle0 custom0 inner0 cluster0",
                 host());
    FAIL() << "nothing was thrown";
  } catch (const Unsupported& e) {
    EXPECT_NE(std::string(e.what()).find("gemm forward m2n3k4 in tf32: cublasLtMatmulAlgoCheck"),
              std::string::npos)
        << e.what();
  }
}

}  // namespace
}  // namespace fovea::test
