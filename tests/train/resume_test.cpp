// resume_test.cpp - a run that was stopped and resumed is the run that was not: weights and records
// to the bit, computed by the same algorithms.
#include <fovea/core/error.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/train/checkpoint.h>
#include <fovea/train/metrics_log.h>
#include <fovea/train/run.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "tiny.h"

namespace fovea {
namespace {

using TrainingRun = fovea::Run;  // testing::Test has a Run of its own
using test::read_bytes;
using test::TemporaryFolder;
using test::write_bytes;

std::string big_endian(std::uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8),
          static_cast<char>(v)};
}

// The pictures as the files of an IDX data set.
void write_idx(const std::filesystem::path& folder, const std::string& part,
               const MemoryDataset& data) {
  const auto n = static_cast<std::uint32_t>(data.size());
  std::string images = big_endian(0x803) + big_endian(n) + big_endian(8) + big_endian(8);
  std::string labels = big_endian(0x801) + big_endian(n);
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const Sample s = data.get(i);
    images.append(reinterpret_cast<const char*>(s.image.pixels), 64);
    labels.push_back(static_cast<char>(s.label));
  }
  write_bytes(folder / (part + "-images-idx3-ubyte"), images);
  write_bytes(folder / (part + "-labels-idx1-ubyte"), labels);
}

class Resume : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(data());
    write_idx(data(), "train", test::tiny_pictures(75));
    write_idx(data(), "t10k", test::tiny_pictures(20, 2));
  }
  std::filesystem::path data() const { return folder_.path() / "data"; }
  std::filesystem::path out(const std::string& name) const { return folder_.path() / name; }

  RunOptions options(const std::string& name, std::int64_t max_steps = -1) const {
    RunOptions o{.recipe = test::tiny_recipe(), .data = data(), .out = out(name)};
    o.trainer.device = Device::cpu();
    o.trainer.max_steps = max_steps;
    return o;
  }
  static ResumeOptions on_cpu() { return {.device = Device::cpu()}; }

  // Records without the columns that are times.
  std::vector<std::string> records(const std::string& name) const {
    std::vector<std::string> lines;
    for (const MetricsLine& m : read_metrics_log(out(name) / "metrics.jsonl")) {
      char text[256];
      std::snprintf(text, sizeof(text), "%lld %d %s %lld %a %a %a %a",
                    static_cast<long long>(m.step), m.epoch, m.split.c_str(),
                    static_cast<long long>(m.score.images), m.score.loss, m.score.top1_error,
                    m.score.top5_error, static_cast<double>(m.learning_rate));
      lines.emplace_back(text);
    }
    return lines;
  }

  TemporaryFolder folder_;
};

TEST_F(Resume, EqualsTheUninterruptedRunToTheBit) {
  TrainingRun whole(options("whole"));
  EXPECT_TRUE(whole.run());
  for (const std::int64_t stop : {1, 5, 7}) {  // first step, an epoch's end, amid one
    const std::string name = "stopped-" + std::to_string(stop);
    {
      TrainingRun stopped(options(name, stop));
      EXPECT_FALSE(stopped.run());
    }
    TrainingRun again = TrainingRun::resume(out(name), on_cpu());
    EXPECT_TRUE(again.run());
    EXPECT_EQ(read_bytes(out(name) / "model.safetensors"),
              read_bytes(out("whole") / "model.safetensors"))
        << "stopped after step " << stop;
    EXPECT_EQ(records(name), records("whole")) << "stopped after step " << stop;
  }
}

// A checkpoint holds the weights in fp32 alone: the copies that kernels read are derived anew.
TEST_F(Resume, InBf16EqualsTheUninterruptedRunToTheBit) {
  const auto in_bf16 = [this](const std::string& name, std::int64_t max_steps = -1) {
    RunOptions o = options(name, max_steps);
    o.trainer.math = Math::bf16;
    o.trainer.policy.engines = parse_engines("reference");
    return o;
  };
  TrainingRun whole(in_bf16("whole"));
  EXPECT_TRUE(whole.run());
  {
    TrainingRun stopped(in_bf16("stopped", 7));
    EXPECT_FALSE(stopped.run());
  }
  TrainingRun again = TrainingRun::resume(out("stopped"), on_cpu());
  EXPECT_EQ(again.options().trainer.math, Math::bf16);
  EXPECT_TRUE(again.run());
  EXPECT_EQ(again.trainer().executor().copies(), whole.trainer().executor().copies());
  EXPECT_EQ(read_bytes(out("stopped") / "model.safetensors"),
            read_bytes(out("whole") / "model.safetensors"));
  EXPECT_EQ(records("stopped"), records("whole"));
  RunOptions wide = in_bf16("wide");
  wide.trainer.math = Math::fp32;
  TrainingRun other(wide);
  other.run();
  EXPECT_NE(records("wide"), records("whole")) << "was it computed in bf16?";
}

TEST_F(Resume, PassesOverADamagedCheckpoint) {
  TrainingRun whole(options("whole"));
  EXPECT_TRUE(whole.run());
  {
    TrainingRun stopped(options("hurt", 12));
    stopped.run();
  }
  // As a crash in the middle of a write would leave it, were the writes not atomic.
  const auto newest = out("hurt") / "checkpoints" / checkpoint_name(12);
  const std::string bytes = read_bytes(newest);
  ASSERT_GT(bytes.size(), 100U);
  write_bytes(newest, bytes.substr(0, bytes.size() / 2));
  TrainingRun again = TrainingRun::resume(out("hurt"), on_cpu());
  EXPECT_TRUE(again.run());
  EXPECT_EQ(read_bytes(out("hurt") / "model.safetensors"),
            read_bytes(out("whole") / "model.safetensors"));
  EXPECT_EQ(records("hurt"), records("whole"));
}

TEST_F(Resume, GoesBeyondTheLastEpochIfAsked) {
  TrainingRun short_run(options("short"));
  short_run.run();
  ResumeOptions more = on_cpu();
  more.epochs = 4;
  TrainingRun longer = TrainingRun::resume(out("short"), more);
  EXPECT_TRUE(longer.run());
  RunOptions four = options("four");
  four.recipe.train.epochs = 4;
  TrainingRun whole(four);
  whole.run();
  EXPECT_EQ(records("short"), records("four"));
}

TEST_F(Resume, ARunIsNeverOverwritten) {
  TrainingRun first(options("run"));
  first.run();
  const std::string model = read_bytes(out("run") / "model.safetensors");
  EXPECT_THROW(TrainingRun second(options("run")), InvalidArgument);
  EXPECT_EQ(read_bytes(out("run") / "model.safetensors"), model);
}

TEST_F(Resume, ARefusedRunLeavesNothing) {
  RunOptions o = options("refused");
  o.recipe.layers.front().size = 99;  // larger than the picture
  EXPECT_THROW(TrainingRun run(o), InvalidArgument);
  EXPECT_FALSE(std::filesystem::exists(out("refused")));
}

// The registry with the lists' order turned round, or without one engine.
template <class Keep>
Registry changed(const Registry& from, bool reversed, Keep keep) {
  Registry to;
  from.for_each([&]<class Op>(const std::vector<Algorithm<Op>>& list) {
    for (const Algorithm<Op>& a : list) {
      if (keep(a.engine)) to.add(a);
    }
    if (reversed) std::ranges::reverse(to.list<Op>());
  });
  return to;
}

TEST_F(Resume, ComputesAsTheRunWasComputedWhateverTheListsSayNow) {
  for (const LibraryStatus& l : library_status(Device::cpu())) {
    if (!l.works)
      GTEST_SKIP() << "one engine leaves nothing to measure: " << l.engine << " " << l.text;
  }
  RunOptions o = options("whole");
  o.trainer.policy.engines = parse_engines("fastest,reference");
  TrainingRun whole(o);
  EXPECT_TRUE(whole.run());
  EXPECT_NE(read_bytes(out("whole") / "choices.tsv").find("\tfastest: "), std::string::npos);
  EXPECT_TRUE(read_bytes(out("whole") / "tuning.txt").starts_with("# fovea tuning 1\n"));

  RunOptions stop = o;
  stop.out = out("stopped");
  stop.trainer.max_steps = 5;
  stop.tuning = (out("whole") / "tuning.txt").string();  // the same choices
  {
    TrainingRun stopped(stop);
    EXPECT_EQ(stopped.tuning_summary().substr(0, 24), "0 problems timed in 0.0 ") << "timed again";
    EXPECT_FALSE(stopped.run());
  }
  write_bytes(out("stopped") / "tuning.txt", "nonsense");
  const Registry other = changed(default_registry(), true, [](const auto&) { return true; });
  ResumeOptions again = on_cpu();
  again.registry = &other;
  TrainingRun resumed = TrainingRun::resume(out("stopped"), again);
  EXPECT_TRUE(resumed.run());
  EXPECT_EQ(read_bytes(out("stopped") / "model.safetensors"),
            read_bytes(out("whole") / "model.safetensors"));
  EXPECT_EQ(read_bytes(out("stopped") / "tuning.txt"), "nonsense");
}

TEST_F(Resume, ARunOfEnginesThatCannotIsRefusedBeforePicturesAreMeasured) {
  RunOptions o = options("refused");
  o.recipe.input.mean = "channel";
  int told = 0;
  o.on_measure = [&](std::int64_t, std::int64_t) { ++told; };
  o.trainer.policy.engines = parse_engines("simd");  // has no convolution
  EXPECT_THROW(TrainingRun{o}, Unsupported);
  EXPECT_EQ(told, 0);
  EXPECT_FALSE(std::filesystem::exists(out("refused")));
  o.trainer.policy.engines = parse_engines("simd,reference");
  const TrainingRun run(o);
  EXPECT_GT(told, 0);
}

TEST_F(Resume, WhatCannotBeRepeatedAsksToAllowOtherBits) {
  RunOptions o = options("run", 5);
  o.trainer.policy.engines = parse_engines("simd,reference");
  { TrainingRun(o).run(); }
  const Registry poorer =
      changed(default_registry(), false, [](const auto& engine) { return engine != "simd"; });
  ResumeOptions again = on_cpu();
  again.registry = &poorer;
  try {
    static_cast<void>(TrainingRun::resume(out("run"), again));
    FAIL() << "went on with another engine";
  } catch (const InvalidArgument& e) {
    const std::string what = e.what();
    EXPECT_NE(what.find("layer input: the run computed input forward"), std::string::npos) << what;
    EXPECT_NE(what.find("by simd:loops, which cannot be repeated here (simd:loops: is not there), "
                        "so the bits would differ; add --allow-different-bits to go on"),
              std::string::npos)
        << what;
  }
  again.allow_different_bits = true;
  TrainingRun other = TrainingRun::resume(out("run"), again);
  EXPECT_TRUE(other.run());
  EXPECT_NE(read_bytes(out("run") / "choices.tsv").find("\treference\tloops\t"), std::string::npos);
}

TEST_F(Resume, OnAnotherDeviceWantsLeaveAndTakesItsEngines) {
  RunOptions o = options("run", 5);
  o.trainer.policy = Policy::defaults(Device::cpu());
  { TrainingRun(o).run(); }
  ResumeOptions again{.device = Device::emulated()};
  EXPECT_THROW(static_cast<void>(TrainingRun::resume(out("run"), again)), InvalidArgument);
  again.allow_different_bits = true;
  TrainingRun other = TrainingRun::resume(out("run"), again);
  for (const PlanRow& r : other.trainer().executor().plan(Executor::PlanId{}).rows()) {
    EXPECT_EQ(r.choice.engine, "fovea");
  }
}

TEST_F(Resume, AFolderThatIsNoRunIsRefused) {
  EXPECT_THROW(static_cast<void>(TrainingRun::resume(data(), on_cpu())), InvalidArgument);
  EXPECT_THROW(static_cast<void>(TrainingRun::resume(out("none"), on_cpu())), InvalidArgument);
}

}  // namespace
}  // namespace fovea
