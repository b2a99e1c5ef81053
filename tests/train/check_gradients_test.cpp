// check_gradients_test.cpp - right gradients pass; a wrong one is found and named.
#include <fovea/kernels/registry/registry.h>
#include <fovea/train/check_gradients.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tiny.h"

namespace fovea {
namespace {

TEST(CheckGradients, ATinyNetIsRight) {
  const auto rows = check_gradients(test::tiny_recipe(), 3, {.batch = 3});
  EXPECT_EQ(rows.size(), 6U + 7U);  // parameters, and the input of each layer
  for (const GradientCheck& r : rows) {
    EXPECT_TRUE(r.right) << r.layer << " " << r.what << ": " << r.error;
  }
}

// One layer of each kind that has a gradient and no kinks beside ReLU's.
Recipe kinds_recipe() {
  return Recipe::parse(R"(
name = "kinds"
[input]
height = 9
width = 9
channels = 3
[[layer]]
type = "conv"
name = "conv1"
filters = 8
size = 3
init = "he"
[[layer]]
type = "tanh"
name = "tanh1"
[[layer]]
type = "lrn"
name = "norm1"
size = 5
alpha = 0.1
[[layer]]
type = "avgpool"
name = "pool1"
size = 3
stride = 2
[[layer]]
type = "conv"
name = "conv2"
filters = 8
size = 3
pad = 1
groups = 2
init = "he"
[[layer]]
type = "add"
name = "sum2"
with = "pool1"
[[layer]]
type = "linear"
name = "fc3"
init = "he"
)",
                       "kinds");
}

TEST(CheckGradients, EveryKindOfLayerIsRight) {
  for (const GradientCheck& row : check_gradients(kinds_recipe(), 4, {.batch = 3})) {
    EXPECT_TRUE(row.right) << row.layer << " " << row.what << ": " << row.error;
  }
}

// The gradient of LRN times 1.1: what a wrong kernel looks like.
class TenPercentMore final : public Prepared<LrnBackward::Args> {
 public:
  explicit TenPercentMore(std::unique_ptr<Prepared<LrnBackward::Args>> right)
      : right_{std::move(right)} {}
  std::size_t workspace_bytes() const override { return right_->workspace_bytes(); }
  void bind(const LrnBackward::Args& args) override { right_->bind(args); }
  void run(const LrnBackward::Args& args, StreamView stream) override {
    right_->run(args, stream);
    float* dx = args.dx.as<float>();
    for (std::int64_t i = 0; i < args.dx.elements(); ++i) dx[i] *= 1.1F;
  }

 private:
  std::unique_ptr<Prepared<LrnBackward::Args>> right_;
};

TEST(CheckGradients, AWrongGradientIsFoundAndNamed) {
  Registry registry = default_registry();
  const auto& known = registry.list<LrnBackward>();
  const auto reference =
      std::ranges::find_if(known, [](const auto& a) { return a.engine == "reference"; });
  ASSERT_NE(reference, known.end());
  Algorithm<LrnBackward> wrong = *reference;
  wrong.engine = "wrong";
  wrong.prepare = [right = reference->prepare](const auto& problem, const Variant& v,
                                               const DeviceInfo& d) {
    return std::make_unique<TenPercentMore>(right(problem, v, d));
  };
  registry.add(wrong);
  Policy policy;
  policy.engines = parse_engines("wrong,reference");
  const auto rows =
      check_gradients(kinds_recipe(), 4, {.batch = 3, .policy = policy, .registry = &registry});
  const auto is_input = [](const GradientCheck& r) { return r.what == "input"; };
  for (const GradientCheck& r : rows) {
    if (!is_input(r)) continue;
    const bool below = r.layer == "norm1" || r.layer == "tanh1" || r.layer == "conv1";
    EXPECT_EQ(r.right, !below) << r.layer << ": " << r.error;
  }
}

}  // namespace
}  // namespace fovea
