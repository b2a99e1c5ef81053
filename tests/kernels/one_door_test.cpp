// one_door_test.cpp - that the door finds what it is there to find: algorithms with one planted
// fault each must fail, the same without it must pass.
#include <fovea/kernels/cpu/host_algorithm.h>
#include <fovea/tests/support/one_door.h>
#include <gtest/gtest-spi.h>

#include <functional>

namespace fovea::test {
namespace {

using Body = std::function<void(const AddProblem&, const Add::Args&)>;

void right(const AddProblem& p, const Add::Args& a) {
  for (std::int64_t i = 0; i < p.count; ++i) {
    a.y.as<float>()[i] = a.a.as<float>()[i] + a.b.as<float>()[i];
  }
}

// The door with `body` in place of an algorithm.
void pass(const Body& body, Values values = Values::integers, std::size_t workspace = 0,
          const Thoroughness& thoroughness = {.again = false, .in_place = false}) {
  const auto bytes = [workspace](const AddProblem&) { return workspace; };
  const Algorithm<Add> algorithm = host_algorithm<Add>("test", "planted", body, {}, bytes);
  const Case<Add> in = make_case<Add>({100}, values, 1);
  expect_right(algorithm, "", DeviceInfo{}, in, run_reference(in), values, thoroughness);
}

TEST(OneDoor, LetsTheRightOnePass) {
  pass(right, Values::integers, 0, {});
  pass(right, Values::reals, 0, {});
}

TEST(OneDoor, FindsOneWrongElement) {
  const Body wrong = [](const AddProblem& p, const Add::Args& a) {
    right(p, a);
    a.y.as<float>()[57] += 1;
  };
  EXPECT_NONFATAL_FAILURE(pass(wrong), "1 of 100 elements differ, first at [57]");
}

TEST(OneDoor, FindsAnElementLeftOut) {
  const Body wrong = [](const AddProblem& p, const Add::Args& a) { right({p.count - 1}, a); };
  EXPECT_NONFATAL_FAILURE(pass(wrong), "at [99]");
}

TEST(OneDoor, FindsAWriteBehindTheEnd) {
  const Body wrong = [](const AddProblem& p, const Add::Args& a) {
    right(p, a);
    a.y.as<float>()[p.count] = 0;
  };
  EXPECT_NONFATAL_FAILURE(pass(wrong), "y: written outside");
}

TEST(OneDoor, FindsAReadBehindTheEnd) {
  const Body wrong = [](const AddProblem& p, const Add::Args& a) {
    right(p, a);
    a.y.as<float>()[0] = a.a.as<float>()[p.count];
  };
  EXPECT_NONFATAL_FAILURE(pass(wrong), "nan instead of");
}

TEST(OneDoor, FindsAChangedInput) {
  const Body wrong = [](const AddProblem& p, const Add::Args& a) {
    right(p, a);
    a.b.as<float>()[3] = 12345;
  };
  EXPECT_NONFATAL_FAILURE(pass(wrong), "input b was changed");
}

TEST(OneDoor, FindsMoreWorkspaceThanStated) {
  const Body wrong = [](const AddProblem& p, const Add::Args& a) {
    right(p, a);
    static_cast<float*>(a.context.workspace)[4] = 0;
  };
  EXPECT_NONFATAL_FAILURE(pass(wrong, Values::integers, 16), "workspace: written outside");
}

TEST(OneDoor, FindsASecondRunThatDiffers) {
  const auto runs = std::make_shared<int>(0);
  const Body wrong = [runs](const AddProblem& p, const Add::Args& a) {
    right(p, a);
    if (++*runs == 2) a.y.as<float>()[0] += 1;
  };
  EXPECT_NONFATAL_FAILURE(pass(wrong, Values::integers, 0, {.again = true, .in_place = false}),
                          "second run");
}

TEST(OneDoor, FindsAnOutputThatMayNotShareItsInputsMemory) {
  const Body wrong = [](const AddProblem& p, const Add::Args& a) {
    std::fill_n(a.y.as<float>(), p.count, 0.0F);
    right(p, a);
  };
  EXPECT_NONFATAL_FAILURE(pass(wrong, Values::integers, 0, {.again = false, .in_place = true}),
                          "in place");
}

TEST(OneDoor, FindsASumInLessThanFp32) {
  const Body wrong = [](const AddProblem& p, const Add::Args& a) {
    right(p, a);
    for (std::int64_t i = 0; i < p.count; ++i) {
      a.y.as<float>()[i] = round_tf32(a.y.as<float>()[i]);
    }
  };
  EXPECT_NONFATAL_FAILURE(pass(wrong, Values::reals), "elements differ");
}

TEST(OneDoor, DoesNotTrustAResultOfMostlyZeros) {
  Case<Add> c = run_reference(make_case<Add>({100}, Values::integers, 1));
  const auto add = Typed<Add>::subject(c.problem);
  EXPECT_EQ(why_not_telling(*add, c), "");
  std::ranges::fill(c.tensors[2].as<float>().first(80), 0.0F);
  EXPECT_EQ(why_not_telling(*add, c), "y: too many zeros to tell right from wrong");
}

}  // namespace
}  // namespace fovea::test
