// tuning_test.cpp - the tuning table as text, and the tuner that times: on algorithms whose speed
// and requirements are known.
#include <fovea/core/error.h>
#include <fovea/kernels/ops/choose.h>
#include <fovea/kernels/registry/timing_tuner.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace fovea::test {
namespace {

constexpr const char* kText =
    "# fovea tuning 1\n"
    "# a remark\n"
    "\n"
    "[cpu A, 2 threads]\n"
    "conv forward n1c2h8k4r3+bias | fp32 | deterministic | any workspace | onednn:direct nhwc jit "
    "| "
    "12.5 us | fovea:naive 99.0, onednn:direct 12.5\n"
    "\n"
    "[cpu B, 8 threads]\n"
    "conv forward n1c2h8k4r3+bias | fp32 | deterministic | any workspace | simd:loops | 3.0 us | "
    "simd:loops 3.0\n";
constexpr const char* kQuestion =
    "conv forward n1c2h8k4r3+bias | fp32 | deterministic | any workspace";

TEST(TuningTable, IsTextThatReadsBackAsItIs) {
  const TuningTable t = TuningTable::parse(kText);
  EXPECT_EQ(t.text(), kText);
  EXPECT_EQ(t.complaint(), "");
  EXPECT_EQ(t.size(), 2U);
  const TuningEntry* e = t.find("cpu A, 2 threads", kQuestion);
  ASSERT_NE(e, nullptr);
  EXPECT_EQ(
      *e,
      (TuningEntry{
          "onednn", "direct", "nhwc jit", 12.5, {{"fovea:naive", 99.0}, {"onednn:direct", 12.5}}}));
  EXPECT_EQ(t.find("cpu B, 8 threads", kQuestion)->engine, "simd");
  EXPECT_EQ(t.find("cpu A, 4 threads", kQuestion), nullptr);
  EXPECT_EQ(t.find("cpu A, 2 threads", "conv forward n1c2h8k4r3+bias | bf16"), nullptr);
}

TEST(TuningTable, KnowsWhatWasTriedInVain) {
  const std::string text = "# fovea tuning 1\n[m]\n" + std::string(kQuestion) +
                           " | a:b | 12.5 us | a:b 12.5, c:d declined, e:f failed\n";
  const TuningTable t = TuningTable::parse(text);
  EXPECT_EQ(t.complaint(), "");
  const TuningEntry expected{
      "a", "b", "", 12.5, {{"a:b", 12.5}}, {{"c:d", "declined"}, {"e:f", "failed"}}};
  ASSERT_NE(t.find("m", kQuestion), nullptr);
  EXPECT_EQ(*t.find("m", kQuestion), expected);
  TuningTable again = TuningTable::parse("# fovea tuning 1\n[m]\n");
  again.put("m", kQuestion, expected);
  EXPECT_EQ(again.text(), text);
}

TEST(TuningTable, AddsToTheMachinesLinesAndReplaces) {
  TuningTable t = TuningTable::parse(kText);
  const std::string other = "gemm wgrad m1n2k3 | fp32 | deterministic | any workspace";
  t.put("cpu A, 2 threads", other, {"onednn", "matmul", "", 0.75, {}});
  t.put("cpu B, 8 threads", kQuestion, {"onednn", "winograd", "", 2, {{"onednn:winograd", 2}}});
  t.put("cpu C, 1 threads", kQuestion, {"onednn", "direct", "nhwc", 4, {{"onednn:direct", 4}}});
  std::string expected = kText;
  expected.insert(expected.find("\n[cpu B"), other + " | onednn:matmul | 0.8 us\n");
  expected.replace(expected.find("simd:loops"), std::string::npos,
                   "onednn:winograd | 2.0 us | onednn:winograd 2.0\n\n[cpu C, 1 threads]\n" +
                       std::string(kQuestion) +
                       " | onednn:direct nhwc | 4.0 us | onednn:direct 4.0\n");
  EXPECT_EQ(t.text(), expected);
  EXPECT_EQ(TuningTable::parse(t.text()).size(), 4U);
}

TEST(TuningTable, WhatWouldNotReadBackIsLeftOut) {
  TuningTable t;
  t.put("cpu", kQuestion, {"mine", "a|b", "", 1, {}});
  t.put("cpu", kQuestion, {"mine", "a b", "", 1, {}});
  t.put("cp]u\n", kQuestion, {"mine", "a", "", 1, {}});
  EXPECT_EQ(t.size(), 0U);
}

TEST(TuningTable, PassesOverWrongLinesAndKeepsThem) {
  const std::string good = std::string(kQuestion) + " | a:b\n";  // a person's word: no times
  const std::vector<std::string> wrong = {
      "rubbish",
      "\x01\x02\xff",
      "a | b | c | d | e",
      "conv forward | fp32 | deterministic | any workspace | a:b",
      "conv forward n1 | fp64 | deterministic | any workspace | a:b",
      "conv forward n1 | fp32 | sometimes | any workspace | a:b",
      "conv forward n1 | fp32 | deterministic | room | a:b",
      "conv forward n1 | fp32 | deterministic | any workspace | ab",
      "conv forward n1 | fp32 | deterministic | any workspace | :b",
      "conv forward n1 | fp32 | deterministic | any workspace | a:b | 12",
      "conv forward n1 | fp32 | deterministic | any workspace | a:b | -1 us",
      "conv forward n1 | fp32 | deterministic | any workspace | a:b | nan us",
      "conv forward n1 | fp32 | deterministic | any workspace | a:b | 1e999 us",
      "conv forward n1 | fp32 | deterministic | any workspace | a:b | 1 us | a:b",
      "conv forward n1 | fp32 | deterministic | any workspace | a:b | 1 us | a:b forgotten",
      "conv forward n1 | fp32 | deterministic | any workspace | a:b | 1 us | a:b 1 | more"};
  for (const std::string& line : wrong) {
    const std::string text = "# fovea tuning 1\n[m]\n" + line + "\n" + good;
    const TuningTable t = TuningTable::parse(text);
    EXPECT_EQ(t.size(), 1U) << line;
    EXPECT_EQ(t.complaint().substr(0, 18), "line 3 is ignored:") << line;
    EXPECT_EQ(t.text(), text);
  }
  EXPECT_EQ(TuningTable::parse("# fovea tuning 1\n" + good).size(), 0U);  // of no machine
  EXPECT_NE(TuningTable::parse("# fovea tuning 1\nx\ny\nz\n").complaint().find(", and 2 more"),
            std::string::npos);
  for (const char* foreign : {"", "\n", "{}", "# fovea tuning 2\n", "[m]\n"}) {
    EXPECT_THROW(TuningTable::parse(foreign), FormatError) << foreign;
  }
}

// What a fake algorithm does and counts.
struct Fake {
  int runs = 0, prepared = 0;
  bool saw_numbers = true;
};

// Takes `ms` milliseconds a run.
Algorithm<Scale> fake(const std::string& engine, int ms, Fake& seen, std::size_t workspace = 0,
                      const std::string& refusal = "") {
  Algorithm<Scale> a;
  a.engine = engine;
  a.name = "loops";
  a.devices = Devices::cpu;
  if (!refusal.empty()) {
    a.can_run = [refusal](const auto&, const auto&) { return Verdict::no(refusal); };
  }
  a.prepare = [ms, workspace, &seen](const auto& problem, const Variant&, const DeviceInfo&) {
    ++seen.prepared;
    return prepared<Scale>(
        problem,
        [ms, &seen](const auto&, const Scale::Args& args, StreamView) {
          ++seen.runs;
          const float* x = args.x.as<float>();
          for (std::int64_t i = 0; i < args.x.elements(); ++i) {
            seen.saw_numbers = seen.saw_numbers && x[i] >= 0.05F && x[i] < 1.0F;
          }
          std::this_thread::sleep_for(std::chrono::milliseconds(ms));
        },
        workspace);
  };
  return a;
}

// An algorithm that is ready nowhere: as a plan of cuDNN's that its library refuses.
Algorithm<Scale> never_ready(const std::string& engine, Fake& seen) {
  Algorithm<Scale> a = fake(engine, 0, seen);
  a.prepare = [&seen](const auto&, const Variant&,
                      const DeviceInfo&) -> std::unique_ptr<Prepared<Scale::Args>> {
    ++seen.prepared;
    throw DeviceError("no plan");
  };
  return a;
}

class Fastest : public testing::Test {
 protected:
  Chosen<Scale> choose_by(const std::shared_ptr<Tuner>& tuner, const ScaleProblem& problem,
                          const std::string& engines = "fastest") {
    Policy policy;
    policy.engines = parse_engines(engines);
    policy.limits = limits_;
    policy.tuner = tuner;
    const std::vector<TensorView> operands = {{nullptr, DType::f32, {problem.count}},
                                              {nullptr, DType::f32, {problem.count}}};
    return choose<Scale>(registry_, problem, device_info(Device::cpu()), Math::fp32, policy, "fc",
                         operands);
  }
  const ScaleProblem problem_{.count = 8, .factor = 2.0F};
  Registry registry_;
  Limits limits_;
  Fake slow_, fast_, last_;
};

TEST_F(Fastest, TimesOnceOnDataAndTakesTheFastest) {
  registry_.add(fake("slow", 3, slow_));
  registry_.add(fake("fast", 0, fast_));
  registry_.add(fake("reference", 0, last_));
  const auto tuner = std::make_shared<TimingTuner>();
  const auto chosen = choose_by(tuner, problem_);
  EXPECT_EQ(chosen.algorithm->engine, "fast");
  EXPECT_EQ(chosen.why.substr(0, 9), "fastest: ");
  EXPECT_NE(chosen.why.find("slow:loops"), std::string::npos) << chosen.why;
  EXPECT_GE(fast_.runs, 6);
  EXPECT_EQ(slow_.runs, 2) << "a hopeless candidate warms up and runs once";
  EXPECT_EQ(last_.runs, 0) << "the reference is no candidate";
  EXPECT_TRUE(fast_.saw_numbers && slow_.saw_numbers);

  const int runs = fast_.runs + slow_.runs;
  EXPECT_EQ(choose_by(tuner, problem_).algorithm->engine, "fast");
  EXPECT_EQ(fast_.runs + slow_.runs, runs) << "timed a second time";
  EXPECT_EQ(tuner->measured(), 1);
  EXPECT_EQ(tuner->known(), 0) << "it was this tuner that measured";
}

TEST_F(Fastest, ASecondStartTimesNothing) {
  registry_.add(fake("slow", 2, slow_));
  registry_.add(fake("fast", 0, fast_));
  std::string written;
  const auto first = std::make_shared<TimingTuner>(
      TuningTable(), [&](const TuningTable& used) { written = used.text(); });
  choose_by(first, problem_);
  const int runs = fast_.runs + slow_.runs;
  const auto second = std::make_shared<TimingTuner>(TuningTable::parse(written));
  EXPECT_EQ(choose_by(second, problem_).algorithm->engine, "fast");
  EXPECT_EQ(fast_.runs + slow_.runs, runs);
  EXPECT_EQ(second->measured(), 0);
  EXPECT_EQ(second->known(), 1);
  EXPECT_EQ(second->used().text(), written);
}

TEST_F(Fastest, APersonsWordHolds) {
  registry_.add(fake("slow", 1, slow_));
  registry_.add(fake("fast", 0, fast_));
  const auto first = std::make_shared<TimingTuner>();
  choose_by(first, problem_);
  std::string edited = first->used().text();
  const std::size_t winner = edited.find("| fast:loops |");
  ASSERT_NE(winner, std::string::npos) << edited;
  edited.replace(winner, 14, "| slow:loops |");
  const auto second = std::make_shared<TimingTuner>(TuningTable::parse(edited));
  EXPECT_EQ(choose_by(second, problem_).algorithm->engine, "slow");
  EXPECT_EQ(second->measured(), 0);
}

TEST_F(Fastest, MeasuresAgainWhatIsNotThereOrDeclinesOrIsNew) {
  registry_.add(fake("a", 1, slow_));
  registry_.add(fake("fast", 0, fast_));
  const auto first = std::make_shared<TimingTuner>();
  choose_by(first, problem_);
  const TuningTable known = TuningTable::parse(first->used().text());

  const auto again = [&](const char* what) {
    const auto tuner = std::make_shared<TimingTuner>(known);
    const auto chosen = choose_by(tuner, problem_);
    EXPECT_EQ(tuner->measured(), 1);
    EXPECT_NE(chosen.why.find("measured again: " + std::string(what)), std::string::npos)
        << chosen.why;
    return chosen.algorithm->engine;
  };
  registry_.add(fake("new", 0, last_));
  again("new:loops was not tried");
  registry_ = Registry();
  registry_.add(fake("a", 1, slow_));
  registry_.add(fake("fast", 0, fast_, 0, "is on holiday"));
  registry_.add(fake("c", 2, last_));
  again("c:loops was not tried");
  registry_ = Registry();
  registry_.add(fake("a", 1, slow_));
  registry_.add(fake("a", 1, slow_));
  EXPECT_EQ(again("fast:loops cannot run it here"), "a");
}

TEST_F(Fastest, OneCandidateIsNotTimed) {
  registry_.add(fake("fast", 0, fast_));
  const auto tuner = std::make_shared<TimingTuner>();
  const auto chosen = choose_by(tuner, problem_);
  EXPECT_EQ(chosen.why, "nothing else can run it");
  EXPECT_EQ(fast_.runs, 0);
  EXPECT_EQ(tuner->measured(), 0);
}

TEST_F(Fastest, OneCandidateIsTimedWhereTheQuestionSaysSo) {
  class AloneToo final : public Tuner {
   public:
    TuningAnswer fastest(const TuningQuestion& question) override {
      TuningQuestion q = question;
      q.alone_too = true;
      return timing.fastest(q);
    }
    TimingTuner timing;
  };
  registry_.add(fake("slow", 1, slow_));
  const auto tuner = std::make_shared<AloneToo>();
  const double us = choose_by(tuner, problem_).us;
  EXPECT_GE(us, 1000);
  const int runs = slow_.runs;
  EXPECT_GE(runs, 6);
  EXPECT_EQ(choose_by(tuner, problem_).us, us) << "known, and the same";
  EXPECT_EQ(slow_.runs, runs);
  EXPECT_EQ(tuner->timing.measured(), 1);
}

TEST_F(Fastest, ACandidateBeyondTheWorkspaceIsPassedOver) {
  registry_.add(fake("fast", 0, fast_, 4096));
  registry_.add(fake("slow", 2, slow_, 64));
  registry_.add(fake("slower", 4, last_));
  limits_.workspace_bytes = 64;
  const auto tuner = std::make_shared<TimingTuner>();
  const auto chosen = choose_by(tuner, problem_);
  EXPECT_EQ(chosen.algorithm->engine, "slow");
  EXPECT_EQ(fast_.runs, 0);
  EXPECT_NE(chosen.why.find("fast:loops: needs 4096 bytes of workspace, the limit is 64"),
            std::string::npos)
      << chosen.why;
  // Another limit is another question.
  limits_ = {};
  EXPECT_EQ(choose_by(tuner, problem_).algorithm->engine, "fast");
  EXPECT_EQ(tuner->measured(), 2);
}

TEST_F(Fastest, ASecondStartTriesNothingThatWasPassedOver) {
  Fake refused;
  registry_.add(fake("large", 0, fast_, 4096));
  registry_.add(never_ready("refused", refused));
  registry_.add(fake("slow", 2, slow_, 64));
  registry_.add(fake("slower", 4, last_));
  limits_.workspace_bytes = 64;
  std::string written;
  const auto first = std::make_shared<TimingTuner>(
      TuningTable(), [&](const TuningTable& used) { written = used.text(); });
  EXPECT_EQ(choose_by(first, problem_).algorithm->engine, "slow");
  EXPECT_NE(written.find(", large:loops declined, refused:loops failed\n"), std::string::npos)
      << written;
  const int runs = slow_.runs + last_.runs;

  const auto second = std::make_shared<TimingTuner>(TuningTable::parse(written));
  const auto chosen = choose_by(second, problem_);
  EXPECT_EQ(chosen.algorithm->engine, "slow");
  EXPECT_NE(chosen.why.find("; large:loops declined; refused:loops failed"), std::string::npos)
      << chosen.why;
  EXPECT_EQ(second->measured(), 0);
  EXPECT_EQ(second->known(), 1);
  EXPECT_EQ(slow_.runs + last_.runs, runs);
  EXPECT_EQ(fast_.prepared, 1) << "what was passed over is not even made ready again";
  EXPECT_EQ(refused.prepared, 1);

  // A line of before such a part was kept is measured once more.
  std::string old = written;
  const std::size_t part = old.find(", large:loops declined");
  old.erase(part, old.find('\n', part) - part);
  const auto third = std::make_shared<TimingTuner>(TuningTable::parse(old));
  EXPECT_NE(choose_by(third, problem_).why.find("measured again: large:loops was not tried"),
            std::string::npos);
  EXPECT_EQ(third->measured(), 1);
}

TEST_F(Fastest, TheReferenceIsALastResortByName) {
  registry_.add(fake("reference", 0, last_));
  const auto tuner = std::make_shared<TimingTuner>();
  EXPECT_THROW(choose_by(tuner, problem_), Unsupported);
  EXPECT_EQ(choose_by(tuner, problem_, "fastest,reference").algorithm->engine, "reference");
  EXPECT_EQ(last_.runs, 0);
}

TEST(SampleOperand, PlacesLieInThePlane) {
  const PoolProblem p{
      .n = 1, .c = 2, .h = 3, .w = 3, .r = 3, .s = 3, .u = 2, .v = 2, .ph = {1, 1}, .pw = {1, 1}};
  std::vector<std::byte> argmax(static_cast<std::size_t>(p.y_shape().elements()));
  EXPECT_FALSE(sample_operand<MaxPoolBackward>(p, 0, argmax));
  ASSERT_TRUE(sample_operand<MaxPoolBackward>(p, 1, argmax));
  const std::vector<int> first_cells = {4, 4, 3, 3, 1, 1, 0, 0};  // r_i * 3 + s_i, by channel
  for (std::size_t i = 0; i < first_cells.size(); ++i) {
    EXPECT_EQ(std::to_integer<int>(argmax[i]), first_cells[i]) << i;
  }
}

}  // namespace
}  // namespace fovea::test
