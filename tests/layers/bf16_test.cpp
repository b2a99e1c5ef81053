// bf16_test.cpp - nets in math mode bf16: which values lie in bf16, the weights' copies after each
// step, memory to the byte. By the reference, whose bf16 is its fp32 rounded.
#include <fovea/core/error.h>
#include <fovea/core/resource_adaptors.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/layers/fuse.h>
#include <fovea/train/memory.h>

#include <gtest/gtest.h>

#include <algorithm>

#include "tiny_net.h"

namespace fovea::test {
namespace {

ExecutorOptions in_bf16(const std::string& engines = "reference") {
  ExecutorOptions o{.math = Math::bf16};
  o.policy.engines = parse_engines(engines);
  return o;
}

struct Bf16Net {
  Executor executor;
  Executor::PlanId training;

  explicit Bf16Net(const ExecutorOptions& o, const Recipe& recipe = tiny_recipe())
      : executor{recipe, 3, Preprocessing::none(recipe.input), default_registry(), o},
        training{executor.add_training(kTinyBatch)} {
    executor.allocate();
    executor.initialise(3);
  }
};

std::vector<bf16> rounded(const std::vector<float>& v) {
  std::vector<bf16> r(v.size());
  std::ranges::transform(v, r.begin(), to_bf16);
  return r;
}

// x w + b -> loss, of three classes.
Value linear_net(Graph& g) {
  const Value x = g.activation({2, 3});
  const Value w = g.param({.name = "w", .shape = {3, 3}, .init = {}});
  const Value b = g.param({.name = "b", .shape = {3}, .init = {}});
  const Value y = g.add_bias(g.linear(x, w), b);
  return g.softmax_loss(y, g.input("labels", {2}, DType::i32));
}

TEST(GraphInBf16, ActivationsAndWeightsAreReadInBf16AndTheLossKeepsItsOwn) {
  Graph g(Math::bf16);
  g.add_backward(linear_net(g));
  g.add_update(0.9F);
  const auto operands = [&](std::string_view kind, Pass pass) {
    std::string types;
    for (const Node& n : g.nodes()) {
      if (n.op->kind() != kind || n.op->pass() != pass) continue;
      for (const auto& list : {n.inputs, n.outputs}) {
        for (const Value& v : list)
          types += (v ? std::string(name_of(g.info(v).dtype)) : "-") + " ";
      }
    }
    return types;
  };
  EXPECT_EQ(operands("gemm", Pass::forward), "bf16 bf16 - bf16 ");
  EXPECT_EQ(operands("bias", Pass::forward), "bf16 f32 bf16 ");
  EXPECT_EQ(operands("softmax_loss", Pass::forward), "bf16 i32 f32 f32 ");
  EXPECT_EQ(operands("softmax_loss", Pass::dgrad), "f32 i32 bf16 ");
  EXPECT_EQ(operands("bias", Pass::wgrad), "bf16 f32 ");
  EXPECT_EQ(operands("gemm", Pass::wgrad), "bf16 bf16 bf16 - ");
  EXPECT_EQ(operands("finite_check", Pass::forward), "f32 u8 ");
  EXPECT_EQ(operands("sgd", Pass::forward), "f32 u8 f32 f32 bf16 ");
  for (const ParameterSpec& p : g.parameters()) EXPECT_EQ(p.read_in_bf16, p.name == "w") << p.name;
  const ParameterLayout layout(g.parameters());
  EXPECT_EQ(layout.segments()[0].bf16_gradient, 1);
  EXPECT_EQ(layout.segments()[1].bf16_gradient, 0);
}

TEST(GraphInBf16, OneParameterUsedTwiceHasOneCopyAndOneGradient) {
  Graph g(Math::bf16);
  const Value w = g.param({.name = "w", .shape = {3, 3}, .init = {}});
  const Value y = g.linear(g.linear(g.activation({2, 3}), w), w);
  g.add_backward(g.softmax_loss(y, g.input("labels", {2}, DType::i32)));
  int copies = 0, gradients = 0;
  for (int id = 0; id < g.value_count(); ++id) {
    copies += g.info(g.value(id)).role == Role::copy;
    if (g.info(g.value(id)).role != Role::gradient) continue;
    ++gradients;
    EXPECT_EQ(g.info(g.value(id)).dtype, DType::bf16);
  }
  EXPECT_EQ(copies, 1);
  EXPECT_EQ(gradients, 1);
}

TEST(GraphInBf16, AParameterThatLearnsInTwoTypesIsRefused) {
  Graph g(Math::bf16);
  const Value w = g.param({.name = "w", .shape = {3}, .init = {}});
  const Value x = g.add_bias(g.activation({1, 3}), w);
  const Value y = g.linear(x, g.reshape(w, {1, 3}));
  EXPECT_THROW(g.add_backward(g.softmax_loss(y, g.input("labels", {1}, DType::i32))),
               InvalidArgument);
}

TEST(GraphInBf16, InFp32NothingIsCopied) {
  Graph g;
  g.add_backward(linear_net(g));
  g.add_update(0.9F);
  for (int id = 0; id < g.value_count(); ++id) {
    const ValueInfo& v = g.info(g.value(id));
    EXPECT_NE(v.dtype, DType::bf16) << v.name;
    EXPECT_NE(v.role, Role::copy) << v.name;
    EXPECT_NE(v.role, Role::copies) << v.name;
  }
}

TEST(PlanInBf16, CopiesAreTheWeightsRoundedAfterEveryStep) {
  Bf16Net net(in_bf16());
  Executor& e = net.executor;
  EXPECT_EQ(e.copies(), rounded(e.weights())) << "as initialised";
  for (std::uint64_t step = 0; step < 4; ++step) {
    const std::vector<bf16> before = e.copies();
    e.enqueue(net.training, tiny_batch(kTinyBatch, step).input(), state_of(step, kTinyBatch));
    EXPECT_EQ(e.copies(), rounded(e.weights())) << "after step " << step;
    EXPECT_NE(e.copies(), before) << "step " << step << " changed nothing: the test says nothing";
  }
  std::vector<float> other = e.weights();
  for (float& w : other) w *= 1.01F;
  e.set_weights(other);
  EXPECT_EQ(e.copies(), rounded(other)) << "as set";
  EXPECT_TRUE(
      Executor(tiny_recipe(), 3, Preprocessing::none(tiny_recipe().input), default_registry(), {})
          .copies()
          .empty());
}

// Biases' gradients lie in f32 between those of weights in bf16: each is found at its place.
TEST(PlanInBf16, GradientsAreThoseOfFp32WithinBf16) {
  Recipe recipe = tiny_recipe();
  std::erase_if(recipe.layers, [](const LayerRecipe& l) { return l.type == "dropout"; });
  ExecutorOptions wide = in_bf16();
  wide.math = Math::fp32;
  Bf16Net narrow(in_bf16(), recipe), exact(wide, recipe);
  for (Bf16Net* net : {&narrow, &exact}) {
    net->executor.enqueue(net->training, tiny_batch(kTinyBatch, 1).input(),
                          state_of(0, kTinyBatch));
  }
  const std::vector<float> got = narrow.executor.gradients(), want = exact.executor.gradients();
  const ParameterLayout& layout = exact.executor.layout();
  for (std::size_t p = 0; p < exact.executor.parameters().size(); ++p) {
    const ParameterSpec& spec = exact.executor.parameters()[p];
    const auto first = static_cast<std::size_t>(layout.offset(static_cast<int>(p)));
    double largest = 0, furthest = 0;
    for (std::size_t i = first; i < first + static_cast<std::size_t>(spec.shape.elements()); ++i) {
      largest = std::max(largest, std::abs(double{want[i]}));
      furthest = std::max(furthest, std::abs(double{got[i]} - double{want[i]}));
      if (!spec.name.ends_with(".weight")) continue;
      EXPECT_EQ(to_float(to_bf16(got[i])), got[i]) << i;
    }
    EXPECT_GT(largest, 0) << spec.name;
    // A dozen roundings by 2^-8 on the way, most of which cancel.
    EXPECT_LT(furthest, 0.05 * largest) << spec.name;
    EXPECT_GT(furthest, 0) << spec.name << ": was it computed in bf16?";
  }
}

TEST(PlanInBf16, LostNumbersStopTheUpdateAndTheCopies) {
  Bf16Net net(in_bf16());
  std::vector<float> w = net.executor.weights();
  w[0] = std::numeric_limits<float>::quiet_NaN();
  net.executor.set_weights(w);
  const std::vector<bf16> before = net.executor.copies();
  net.executor.enqueue(net.training, tiny_batch(kTinyBatch, 4).input(), state_of(0, kTinyBatch));
  EXPECT_TRUE(net.executor.read_metrics(0, 1)[0].nonfinite);
  EXPECT_EQ(net.executor.copies(), before);
}

TEST(PlanInBf16, PlannedMemoryIsWhatIsTakenToTheByteAndActivationsTakeHalf) {
  std::size_t arenas[2] = {};
  for (const Math math : {Math::fp32, Math::bf16}) {
    StatisticsResource counted(default_resource(Device::cpu()));
    ExecutorOptions o = in_bf16();
    o.math = math;
    o.memory = &counted;
    Bf16Net net(o);
    EXPECT_EQ(counted.statistics().current_bytes, net.executor.planned_bytes());
    const std::uint64_t before = counted.statistics().allocations;
    train_steps(net.executor, net.training, 3, kTinyBatch);
    EXPECT_EQ(counted.statistics().allocations, before) << "a step allocates";
    std::size_t activations = 0;
    for (const PlanValue& v : net.executor.plan(net.training).values()) {
      if (v.role == Role::activation) activations += v.bytes;
    }
    arenas[math == Math::bf16] = activations;
    std::size_t parameters = 0, of_all = 0;
    for (const LayerMemory& l : memory_by_layer(net.executor, net.training)) {
      parameters += l.parameters;
    }
    for (const ParameterSpec& p : net.executor.parameters()) {
      of_all += static_cast<std::size_t>(p.shape.elements());
    }
    EXPECT_EQ(parameters, of_all * (math == Math::bf16 ? 14 : 12)) << name_of(math);
  }
  // Places of maxima (u8), probabilities and metrics are no shorter.
  const double share = static_cast<double>(arenas[1]) / static_cast<double>(arenas[0]);
  EXPECT_GT(share, 0.5);
  EXPECT_LT(share, 0.56);
}

TEST(PlanInBf16, KeptValuesAreReadAsFloats) {
  Executor e(tiny_recipe(), 3, Preprocessing::none(tiny_recipe().input), default_registry(),
             in_bf16());
  const auto prediction = e.add_prediction(kTinyBatch, {"logits"});
  e.allocate();
  e.initialise(3);
  const TinyBatch batch = tiny_batch(kTinyBatch, 1);
  e.enqueue(prediction, {.images = batch.images, .labels = {}, .targets = {}},
            state_of(0, kTinyBatch));
  const TensorView logits = e.plan(prediction).tensor("logits");
  ASSERT_EQ(logits.dtype, DType::bf16);
  ASSERT_EQ(e.plan(prediction).tensor("probabilities").dtype, DType::f32);
  const std::vector<float> read = e.read(prediction, "logits");
  ASSERT_EQ(read.size(), 3U * kTinyBatch);
  for (std::size_t i = 0; i < read.size(); ++i) EXPECT_EQ(read[i], to_float(logits.as<bf16>()[i]));
  EXPECT_NE(read.front(), read.back());
  std::vector<float> short_of_one(read.size() - 1);
  EXPECT_THROW(e.read(prediction, "logits", short_of_one), InvalidArgument);
}

TEST(PlanInBf16, FusedOrNotAndCheckedItIsTheSameNet) {
  Bf16Net plain(in_bf16());
  Bf16Net checked(in_bf16("check:reference,reference"));
  EXPECT_EQ(train_steps(plain.executor, plain.training, 3, kTinyBatch),
            train_steps(checked.executor, checked.training, 3, kTinyBatch));
}

TEST(PlanInBf16, SimdAgreesWithTheReferenceOpByOp) {
  Bf16Net plain(in_bf16("simd,reference"));
  Bf16Net checked(in_bf16("check:simd,reference,reference"));
  EXPECT_EQ(train_steps(plain.executor, plain.training, 3, kTinyBatch),
            train_steps(checked.executor, checked.training, 3, kTinyBatch));
}

std::string refusal(const ExecutorOptions& o) {
  try {
    Executor e(tiny_recipe(), 3, Preprocessing::none(tiny_recipe().input), default_registry(), o);
    e.add_training(kTinyBatch);
  } catch (const Unsupported& e) {
    return e.what();
  }
  return "";
}

ExecutorOptions by_default() { return {.math = Math::bf16}; }

TEST(PlanInBf16, OneDnnAgreesWithTheReferenceOpByOp) {
  if (const std::string why = refusal(by_default()); !why.empty()) GTEST_SKIP() << why;
  Bf16Net plain(by_default());
  Bf16Net checked(in_bf16("check:onednn,reference,simd,reference"));
  EXPECT_EQ(train_steps(plain.executor, plain.training, 3, kTinyBatch),
            train_steps(checked.executor, checked.training, 3, kTinyBatch));
}

// simd has no products in bf16, onednn no input, the reference is no default in this mode.
TEST(PlanInBf16, WithoutTheReferenceANetOnTheCpuIsRefusedWithWhatWouldDo) {
  const std::string products = refusal(in_bf16("simd"));
  EXPECT_TRUE(products.starts_with("layer conv1: ")) << products;
  EXPECT_NE(products.find(" in bf16 on cpu (simd:image_lanes: computes in fp32)"),
            std::string::npos)
      << products;
  const std::string others = refusal(in_bf16("onednn"));
  EXPECT_TRUE(others.starts_with("layer input: ")) << others;
  EXPECT_TRUE(others.ends_with("; add one that can to the list: simd")) << others;
  // By default only where oneDNN's products want a wider CPU.
  const std::string narrow = refusal(by_default());
  EXPECT_TRUE(narrow.empty() || narrow.ends_with("a CPU with AVX-512; simd: has no algorithm for "
                                                 "it); add one that can to the list: reference"))
      << narrow;
}

}  // namespace
}  // namespace fovea::test
