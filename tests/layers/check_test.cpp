// check_test.cpp - `check:A,B` in a training step finds broken convolutions that are added the way
// a user adds one, and says where.
#include <fovea/kernels/registry/added.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/tests/support/broken_convolutions.h>
#include <gtest/gtest.h>

#include "tiny_net.h"

namespace fovea::test {
namespace {

// 9 x 9 pictures, an odd height; padding, two groups.
Recipe net_of_every_trap() {
  return Recipe::parse(R"(
name = "traps"
[input]
height = 9
width = 9
channels = 1
mean = "none"
scale = "255"
[train]
batch = 2
learning_rate = 0.05
[[layer]]
type = "conv"
name = "conv1"
filters = 4
size = 3
pad = 1
init = "he"
[[layer]]
type = "tanh"
[[layer]]
type = "conv"
name = "conv2"
filters = 4
size = 3
groups = 2
init = "he"
[[layer]]
type = "tanh"
[[layer]]
type = "linear"
name = "fc"
deviation = 0.2
)",
                       "traps");
}

std::vector<float> trained(const ConvAlgorithm& mine, const std::string& engines) {
  Registry registry = default_registry();
  add_convolution(registry, mine);
  ExecutorOptions o;
  if (mine.devices == Devices::emulated) o.device = Device::emulated();
  o.policy.engines = parse_engines(engines);
  const Recipe recipe = net_of_every_trap();
  Executor e(recipe, 3, Preprocessing::none(recipe.input), registry, o);
  const auto training = e.add_training(2);
  e.allocate();
  e.initialise(3);
  std::vector<std::uint8_t> images;
  for (int i = 0; i < 2 * 81; ++i) images.push_back(static_cast<std::uint8_t>(20 + i * 53 % 230));
  const std::vector<std::int32_t> labels = {0, 2};
  for (std::uint64_t step = 0; step < 2; ++step) {
    e.enqueue(training, {images, labels, {}}, state_of(step, 2));
  }
  return e.weights();
}

std::string found(const ConvAlgorithm& mine, const std::string& engines) {
  try {
    trained(mine, engines);
  } catch (const CheckFailed& e) {
    return e.what();
  }
  return "";
}

TEST(EngineCheck, LetsARightAddedKernelTrain) {
  const ConvAlgorithm mine = right_convolution();
  EXPECT_EQ(found(mine, "check:mine,reference,reference"), "");
  EXPECT_EQ(trained(mine, "check:mine,reference,reference"), trained(mine, "mine,reference"));
}

// Forward on NCHW and KCRS, on any host device.
ConvAlgorithm on_nchw(Devices devices) {
  ConvAlgorithm a;
  a.name = "mine";
  a.layout = Layout::nchw;
  a.devices = devices;
  a.run = [](const ConvArgs& args) {
    args.stream.enqueue([args] {
      const ConvProblem& p = args.problem;
      const float *x = args.x, *w = args.w;
      float* y = args.y;
      for (int e = 0; e < p.n * p.k * p.p() * p.q(); ++e) {
        const int j = e % p.q(), i = e / p.q() % p.p(), k = e / p.q() / p.p() % p.k;
        const int n = e / p.q() / p.p() / p.k, first = k / p.k_per_group() * p.c_per_group();
        y[e] = 0;
        for (int t = 0; t < p.c_per_group() * p.r * p.s; ++t) {
          const int c = t / p.s / p.r, row = i * p.u - p.ph.begin + t / p.s % p.r;
          const int column = j * p.v - p.pw.begin + t % p.s;
          if (row < 0 || row >= p.h || column < 0 || column >= p.w) continue;
          y[e] += x[((n * p.c + first + c) * p.h + row) * p.w + column] *
                  w[k * p.c_per_group() * p.r * p.s + t];
        }
      }
    });
  };
  return a;
}

TEST(EngineCheck, LetsAnAddedKernelOnNchwTrain) {
  EXPECT_EQ(found(on_nchw(Devices::cpu), "check:mine,reference,reference"), "");
  const ConvAlgorithm emulated = on_nchw(Devices::emulated);
  EXPECT_EQ(found(emulated, "check:mine,fovea,fovea"), "");
  // Recorded and replayed, conversions and all.
  EXPECT_EQ(trained(emulated, "mine,fovea"), trained(emulated, "check:mine,fovea,fovea"));
  EXPECT_NE(trained(emulated, "mine,fovea"), trained(emulated, "fovea")) << "it did not run";
}

TEST(EngineCheck, FindsEachBrokenKernel) {
  for (const Broken& b : broken_convolutions()) {
    SCOPED_TRACE(b.what);
    const bool race = b.algorithm.devices == Devices::emulated;
    const std::string device = race ? "emulated" : "cpu";
    const std::string what =
        found(b.algorithm, race ? "check:mine,fovea,fovea" : "check:mine,reference,reference");
    const auto holds = [&](const std::string& part) {
      EXPECT_NE(what.find(part), std::string::npos) << "not there: " << part << "\n" << what;
    };
    const bool second = b.what == "second group";
    holds(second ? "layer conv2, conv forward n2c4h9k4r3g2 (mine:mine): check: y[0,0,0,2] is "
                 : "layer conv1, conv forward n2c1h9k4r3ph1 (mine:mine): check: y[0,");
    if (b.what == "last row of odd heights") holds("y[0,8,0,0] is 0, by reference:");
    if (b.what == "zeros") holds("y[0,0,0,0] is 0, by reference:");
    if (b.what == "padding as edge") holds("y[0,0,0,0] is ");
    if (race) holds(", under threads reversed");
    holds("; again: fovea compare --device " + device +
          " --problem 'conv:" + (second ? "n2c4h9k4r3g2" : "n2c1h9k4r3ph1") +
          "' --pass forward --math fp32 --algo 'mine:mine'");
  }
}

TEST(EngineCheck, DoesNotFindTheRaceInTheUsualOrder) {
  for (const Broken& b : broken_convolutions()) {
    if (b.algorithm.devices != Devices::emulated) continue;
    ConvAlgorithm right = right_convolution();
    right.devices = Devices::emulated;
    right.run = [run = right.run](const ConvArgs& a) { a.stream.enqueue([run, a] { run(a); }); };
    EXPECT_EQ(trained(b.algorithm, "mine,fovea"), trained(right, "mine,fovea"))
        << "so that the other orders are what finds it";
  }
}

}  // namespace
}  // namespace fovea::test
