// compare_test.cpp - comparisons as values: what a right algorithm's rows say, that broken ones are
// found, suites.
#include <fovea/core/error.h>
#include <fovea/kernels/compare/compare.h>
#include <fovea/kernels/cpu/host_algorithm.h>
#include <fovea/kernels/cpu/reference/reference.h>
#include <fovea/kernels/emulator/builtins.h>
#include <fovea/kernels/emulator/grid.h>
#include <fovea/kernels/registry/registry.h>
#include <gtest/gtest.h>

#include <functional>

namespace fovea::compare {
namespace {

using Body = std::function<void(const ConvProblem&, const ConvForward::Args&)>;

// How a broken kernel reads x at a place that may lie in the padding.
using Read = std::function<float(const ConvProblem&, const float* x, int n, int i, int j, int c)>;

bool inside(const ConvProblem& p, int i, int j) { return i >= 0 && i < p.h && j >= 0 && j < p.w; }

float read(const ConvProblem& p, const float* x, int n, int i, int j, int c) {
  return inside(p, i, j) ? x[((n * p.h + i) * p.w + j) * p.c + c] : 0.0F;
}

float element(const ConvProblem& p, const ConvForward::Args& a, int n, int i, int j, int k,
              const Read& x = read) {
  const int first = k / p.k_per_group() * p.c_per_group();
  const float* w = a.w.as<float>() + static_cast<std::ptrdiff_t>(k) * p.r * p.s * p.c_per_group();
  float sum = 0;
  for (int r = 0; r < p.r; ++r) {
    for (int s = 0; s < p.s; ++s) {
      for (int c = 0; c < p.c_per_group(); ++c) {
        sum += *w++ * x(p, a.x.as<float>(), n, i * p.u - p.ph.begin + r, j * p.v - p.pw.begin + s,
                        first + c);
      }
    }
  }
  return sum;
}

// Calls f(y, n, i, j, k) for each output.
template <class F>
void for_each_output(const ConvProblem& p, const ConvForward::Args& a, const F& f) {
  float* y = a.y.as<float>();
  for (int n = 0; n < p.n; ++n) {
    for (int i = 0; i < p.p(); ++i) {
      for (int j = 0; j < p.q(); ++j) {
        for (int k = 0; k < p.k; ++k) f(*y++, n, i, j, k);
      }
    }
  }
}

Body right() {
  return [](const ConvProblem& p, const ConvForward::Args& a) {
    for_each_output(p, a,
                    [&](float& y, int n, int i, int j, int k) { y = element(p, a, n, i, j, k); });
  };
}

std::vector<Row> rows_of(const Algorithm<ConvForward>& algorithm, const std::string& problem,
                         Options options = {}) {
  Registry registry;
  registry.add(algorithm);
  options.passes = {Pass::forward};
  options.maths = {Math::fp32};
  options.time = false;
  return compare_all(registry, {parse_problem(problem)}, options, {});
}

Row row_of(const Body& body, const std::string& problem) {
  return rows_of(host_algorithm<ConvForward>("mine", "kernel", body), problem).at(0);
}

void expect_found(const Row& row, const std::string& what) {
  EXPECT_EQ(row.status, Status::wrong) << row.why;
  EXPECT_NE(row.why.find("elements differ, first at ["), std::string::npos) << row.why;
  EXPECT_NE(row.why.find(what), std::string::npos) << row.why;
  EXPECT_NE(row.why.find(" instead of "), std::string::npos) << row.why;
  EXPECT_NE(row.reproduce.find("--problem '" + row.problem +
                               "' --pass forward --math fp32 --algo "
                               "'mine:kernel'"),
            std::string::npos)
      << row.reproduce;
}

TEST(Compare, ARightKernelIsExactOnIntegersAndWithinItsBoundOnReals) {
  const Row row = row_of(right(), "n1c4h9k6r3ph1g2");
  EXPECT_EQ(row.status, Status::ok) << row.why;
  EXPECT_EQ(row.exact_on_integers, true);
  ASSERT_TRUE(row.bound_ratio.has_value());
  EXPECT_GT(*row.bound_ratio, 0);
  EXPECT_LE(*row.bound_ratio, 1);
  EXPECT_FALSE(row.times.has_value());
  EXPECT_EQ(row.flops, 2 * 9 * 9 * 6 * 2 * 9);
}

TEST(Compare, BoundsOnIntegersWhatClaimsNoExactness) {
  const Body near = [](const ConvProblem& p, const ConvForward::Args& a) {
    for_each_output(p, a, [&](float& y, int n, int i, int j, int k) {
      y = element(p, a, n, i, j, k) * (1 + 0x1p-23F);
    });
  };
  Algorithm<ConvForward> a = host_algorithm<ConvForward>("mine", "kernel", near);
  EXPECT_EQ(rows_of(a, "n1c4h9k6r3ph1").at(0).status, Status::wrong);
  a.exact_on_integers = false;
  const Row row = rows_of(a, "n1c4h9k6r3ph1").at(0);
  EXPECT_EQ(row.status, Status::ok) << row.why;
  EXPECT_FALSE(row.exact_on_integers.has_value());
}

TEST(Compare, FindsALastRowThatIsWrongWhereTheHeightIsOdd) {
  const Body broken = [](const ConvProblem& p, const ConvForward::Args& a) {
    for_each_output(p, a, [&](float& y, int n, int i, int j, int k) {
      y = p.h % 2 == 1 && i == p.p() - 1 ? 0 : element(p, a, n, i, j, k);
    });
  };
  EXPECT_EQ(row_of(broken, "n1c4h8k6r3ph1").status, Status::ok);
  expect_found(row_of(broken, "n1c4h9k6r3ph1"), "at [0,8,0,0]");
}

TEST(Compare, FindsASecondGroupThatIsWrong) {
  const Body broken = [](const ConvProblem& p, const ConvForward::Args& a) {
    for_each_output(p, a, [&](float& y, int n, int i, int j, int k) {
      y = element(p, a, n, i, j, k) + (k >= p.k_per_group() ? 1.0F : 0.0F);
    });
  };
  EXPECT_EQ(row_of(broken, "n1c4h5k6r3").status, Status::ok);
  expect_found(row_of(broken, "n1c4h5k6r3g2"), "at [0,0,0,3]");
}

TEST(Compare, FindsPaddingReadAsTheEdge) {
  const Body broken = [](const ConvProblem& p, const ConvForward::Args& a) {
    const Read clamped = [](const ConvProblem& q, const float* x, int n, int i, int j, int c) {
      return read(q, x, n, std::clamp(i, 0, q.h - 1), std::clamp(j, 0, q.w - 1), c);
    };
    for_each_output(p, a, [&](float& y, int n, int i, int j, int k) {
      y = element(p, a, n, i, j, k, clamped);
    });
  };
  EXPECT_EQ(row_of(broken, "n1c4h5k6r3").status, Status::ok);
  expect_found(row_of(broken, "n1c4h5k6r3ph1"), "at [0,0,0,0]");
}

TEST(Compare, FindsZeros) {
  const Body broken = [](const ConvProblem& p, const ConvForward::Args& a) {
    for_each_output(p, a, [](float& y, int, int, int, int) { y = 0; });
  };
  expect_found(row_of(broken, "n1c4h5k6r3"), " 0 instead of ");
}

// Thread t works out element t and stores element t - 1, which thread t - 1 has worked out only if
// it ran before: there is no barrier.
struct Racing {
  ConvProblem p;
  ConvForward::Args a;
  std::vector<float>* scratch;
  static void run(const void* self) {
    const auto& r = *static_cast<const Racing*>(self);
    const auto t = static_cast<int>(emu::threadIdx.x);
    const int count = r.p.p() * r.p.q() * r.p.k;
    (*r.scratch)[static_cast<std::size_t>(t)] =
        element(r.p, r.a, 0, t / r.p.k / r.p.q(), t / r.p.k % r.p.q(), t % r.p.k);
    float* y = r.a.y.as<float>();
    if (t > 0) y[t - 1] = (*r.scratch)[static_cast<std::size_t>(t - 1)];
    if (t == count - 1) y[t] = (*r.scratch)[static_cast<std::size_t>(t)];
  }
};

TEST(Compare, FindsARaceThatTheUsualOrderOfThreadsHides) {
  Algorithm<ConvForward> racing;
  racing.engine = "mine";
  racing.name = "kernel";
  racing.devices = Devices::emulated;
  racing.prepare = [](const ConvProblem& problem, const Variant&, const DeviceInfo&) {
    const auto run = [](const ConvProblem& p, const ConvForward::Args& a, StreamView stream) {
      stream.enqueue([p, a] {
        std::vector<float> scratch(static_cast<std::size_t>(p.p() * p.q() * p.k));
        const Racing closure{p, a, &scratch};
        emulator::run_grid({.grid = {1},
                            .block = {static_cast<unsigned>(scratch.size())},
                            .kernel = "racing",
                            .launched = std::source_location::current(),
                            .thread = &Racing::run,
                            .closure = &closure});
      });
    };
    return prepared<ConvForward>(problem, run);
  };
  Options options;
  options.device = Device::emulated();
  const Row row = rows_of(racing, "n1c2h6k4r3", options).at(0);
  expect_found(row, "reversed");
}

TEST(Compare, TellsWhatDeclinesAndWhatThrows) {
  Algorithm<ConvForward> a = host_algorithm<ConvForward>("mine", "kernel", right());
  a.can_run = [](const ConvProblem&, const DeviceInfo&) { return Verdict::no("too small"); };
  const Row declined = rows_of(a, "n1c1h5k1r3").at(0);
  EXPECT_EQ(declined.status, Status::declined);
  EXPECT_EQ(declined.why, "too small");
  const Row failed = row_of(
      [](const ConvProblem&, const ConvForward::Args&) { throw DeviceError("no such card"); },
      "n1c1h5k1r3");
  EXPECT_EQ(failed.status, Status::failed);
  EXPECT_EQ(failed.why, "no such card");
  EXPECT_EQ(summary({declined, failed}),
            "rows 2: 0 ok, 1 declined, 0 wrong, 0 mistrusted, 1 failed");
  EXPECT_TRUE(all_right({declined}));
  EXPECT_FALSE(all_right({failed}));
}

TEST(Compare, ChoosesByPatterns) {
  const auto algorithm = host_algorithm<ConvForward>("mine", "kernel", right());
  const auto count = [&](std::vector<std::string> admit, std::vector<std::string> skip) {
    Options o;
    o.algorithms = std::move(admit);
    o.skipped = std::move(skip);
    o.list = true;
    return rows_of(algorithm, "n1c1h5k1r3", o).size();
  };
  EXPECT_EQ(count({"*"}, {}), 1U);
  EXPECT_EQ(count({"mine"}, {}), 1U);
  EXPECT_EQ(count({"fovea:*", "mine:ker*"}, {}), 1U);
  EXPECT_EQ(count({"fovea:*"}, {}), 0U);
  EXPECT_EQ(count({"*"}, {"mine:*"}), 0U);
}

TEST(Compare, CountsTheWorkOfEmulatedKernelsTheSameInEveryRun) {
  Options options;
  options.device = Device::emulated();
  options.maths = {Math::fp32};
  options.algorithms = {"fovea:*"};
  const auto run = [&] {
    return compare_all(default_registry(), {parse_problem("n1c8h12k16r3ph1")}, options, {});
  };
  const auto rows = run(), again = run();
  ASSERT_EQ(rows.size(), 6U) << "three passes, two algorithms";
  const bool counted = !counting_registry().list<ConvForward>().empty();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].status, Status::ok) << rows[i].why;
    EXPECT_FALSE(rows[i].times.has_value());
    ASSERT_EQ(rows[i].counted.has_value(), counted);
    if (!counted) continue;
    EXPECT_EQ(rows[i].counted->global_read_sectors, again[i].counted->global_read_sectors);
    EXPECT_EQ(rows[i].counted->shared_cycles, again[i].counted->shared_cycles);
    EXPECT_GT(rows[i].counted->floor.us, 0);
    // naive multiplies what is there and nothing else: without the taps in the padding.
    if (rows[i].algorithm == "naive" && rows[i].pass == Pass::forward) {
      EXPECT_EQ(rows[i].counted->multiply_adds, 34U * 34 * 8 * 16);
    }
  }
}

TEST(Compare, RunsOneProblemOnGivenTensors) {
  Options options;
  options.algorithms = {"reference"};
  options.maths = {Math::fp32};
  const auto problem = parse_problem("n1c1h2k1r1");
  const auto values = run_problem(default_registry(), problem, Pass::forward, options,
                                  {{"x", {1, 2, 2, 1}, {1, 2, 3, 4}}, {"w", {1, 1, 1, 1}, {10}}});
  ASSERT_EQ(values.size(), 3U);
  EXPECT_EQ(values[2].name, "y");
  EXPECT_EQ(values[2].elements, (std::vector<float>{10, 20, 30, 40}));
  EXPECT_THROW(run_problem(default_registry(), problem, Pass::forward, options,
                           {{"x", {1, 2, 1, 1}, {1, 2}}}),
               InvalidArgument);
}

TEST(Suites, AreAllValidAndPrintAsTheyParse) {
  for (const std::string& name : suite_names()) {
    const auto problems = load_suite(name);
    EXPECT_GE(problems.size(), 10U) << name;
    for (const SuiteProblem& p : problems) {
      EXPECT_EQ(print_problem(parse_problem(print_problem(p, true))), print_problem(p)) << name;
      EXPECT_FALSE(passes_of(p).empty());
    }
  }
  int passes = 0;
  for (const SuiteProblem& p : load_suite("alexnet-2012")) passes += p.op == "conv" ? 3 : 0;
  EXPECT_EQ(passes, 30);
}

TEST(Suites, TakeCommentsNamesAndOtherOps) {
  const auto problems = parse_suite(
      "# nothing\n\n  n1c3h9k4r3ph2:3  \"first one\"  # behind\nmaxpool:n1c4h9r3u2\n", "mine.txt");
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].op, "conv");
  EXPECT_EQ(problems[0].text, "n1c3h9k4r3ph2:3");
  EXPECT_EQ(problems[0].name, "first one");
  EXPECT_EQ(print_problem(problems[1]), "maxpool:n1c4h9r3u2");
  EXPECT_EQ(with_batch(problems[0], 7).text, "n7c3h9k4r3ph2:3");
  EXPECT_EQ(with_batch(parse_problem("gemm:m2n3k4"), 7).text, "m7n3k4");
}

TEST(Suites, SayWhichLineIsWrong) {
  const auto refusal = [](const std::string& text) -> std::string {
    try {
      parse_suite(text, "mine.txt");
    } catch (const InvalidArgument& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_NE(refusal("n1c1h5k1r3\nn1c1h5k1q3\n").find("mine.txt, line 2: "), std::string::npos);
  EXPECT_NE(refusal("n1c1h5k1q3").find("       ^"), std::string::npos);
  EXPECT_NE(refusal("what:n1").find("no op is called so"), std::string::npos);
  EXPECT_NE(refusal("# empty").find("no problem"), std::string::npos);
  EXPECT_NE(refusal("n1c1h5k1r3 \"open").find("no end"), std::string::npos);
  EXPECT_THROW(load_suite("/no/such/file"), InvalidArgument);
}

}  // namespace
}  // namespace fovea::compare
