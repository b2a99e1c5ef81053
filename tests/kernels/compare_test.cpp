// compare_test.cpp - comparisons as values: what a right algorithm's rows say, that broken ones are
// found, suites.
#include <fovea/core/error.h>
#include <fovea/kernels/compare/compare.h>
#include <fovea/kernels/compare/execution.h>
#include <fovea/kernels/compare/rows.h>
#include <fovea/kernels/cpu/host_algorithm.h>
#include <fovea/kernels/ops/pool.h>
#include <fovea/kernels/ops/update.h>
#include <fovea/kernels/registry/added.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/tests/support/broken_convolutions.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>
#include <utility>

namespace fovea::compare {
namespace {

std::vector<Row> rows_of(const Algorithm<ConvForward>& algorithm, const std::string& problem,
                         Options options = {}) {
  Registry registry;
  registry.add(algorithm);
  options.passes = {Pass::forward};
  options.maths = {Math::fp32};
  options.time = false;
  return compare_all(registry, {parse_problem(problem)}, options, {});
}

std::vector<Row> rows_of(const ConvAlgorithm& mine, const std::string& problem,
                         Options options = {}) {
  Registry registry;
  add_convolution(registry, mine);
  return rows_of(registry.list<ConvForward>().front(), problem, std::move(options));
}

void expect_found(const Row& row, const std::string& what) {
  EXPECT_EQ(row.status, Status::wrong) << row.why;
  EXPECT_NE(row.why.find("elements differ, first at ["), std::string::npos) << row.why;
  EXPECT_NE(row.why.find(what), std::string::npos) << row.why;
  EXPECT_NE(row.why.find(" instead of "), std::string::npos) << row.why;
  EXPECT_NE(row.reproduce.find("--problem '" + row.problem +
                               "' --pass forward --math fp32 --algo "
                               "'mine:mine'"),
            std::string::npos)
      << row.reproduce;
}

TEST(Compare, ARightKernelIsExactOnIntegersAndWithinItsBoundOnReals) {
  const Row row = rows_of(test::right_convolution(), "n1c4h9k6r3ph1g2").at(0);
  EXPECT_EQ(row.status, Status::ok) << row.why;
  EXPECT_EQ(row.exact_on_integers, true);
  ASSERT_TRUE(row.bound_ratio.has_value());
  EXPECT_GT(*row.bound_ratio, 0);
  EXPECT_LE(*row.bound_ratio, 1);
  EXPECT_FALSE(row.times.has_value());
  EXPECT_EQ(row.flops, 2 * 9 * 9 * 6 * 2 * 9);
}

TEST(Compare, BoundsOnIntegersWhatClaimsNoExactness) {
  ConvAlgorithm near = test::convolution([](const ConvArgs& a, const test::Place& at) {
    return test::element(a, at) * (1 + 0x1p-23F);
  });
  EXPECT_EQ(rows_of(near, "n1c4h9k6r3ph1").at(0).status, Status::wrong);
  near.exact_on_integers = false;
  const Row row = rows_of(near, "n1c4h9k6r3ph1").at(0);
  EXPECT_EQ(row.status, Status::ok) << row.why;
  EXPECT_FALSE(row.exact_on_integers.has_value());
}

TEST(Compare, FindsEachBrokenKernel) {
  for (const test::Broken& b : test::broken_convolutions()) {
    SCOPED_TRACE(b.what);
    Options options;
    if (b.algorithm.devices == Devices::emulated) options.device = Device::emulated();
    if (!b.hidden_on.empty()) {
      const Row row = rows_of(b.algorithm, b.hidden_on, options).at(0);
      EXPECT_EQ(row.status, Status::ok) << row.why;
    }
    expect_found(rows_of(b.algorithm, b.problem, options).at(0), b.found_as);
  }
}

TEST(Compare, NeverPassesZerosOnAlexNetsFirstLayers) {
  const ConvAlgorithm zeros =
      test::convolution([](const ConvArgs&, const test::Place&) { return 0.0F; });
  EXPECT_EQ(rows_of(zeros, "n1c3h35k8r11u4").at(0).status, Status::wrong);
  const auto all_zeros = [](const PoolProblem& p, const MaxPoolForward::Args& a) {
    const auto count = static_cast<std::size_t>(p.y_shape().elements());
    std::fill_n(a.y.as<float>(), count, 0.0F);
    std::fill_n(a.argmax.as<std::uint8_t>(), count, std::uint8_t{0});
  };
  Registry registry;
  registry.add(host_algorithm<MaxPoolForward>("mine", "zeros", all_zeros));
  Options options;
  options.maths = {Math::fp32};
  options.time = false;
  const auto rows = compare_all(registry, {parse_problem("maxpool:n1c8h13r3u2")}, options, {});
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].status, Status::wrong);
}

// A result with no more than `telling` of what its problem does not make 0.
std::string mistrust(const char* problem, Pass pass, double telling) {
  const auto subject = subject_of(parse_problem(problem), pass);
  CaseValues result = run_reference(*subject, make_values(*subject, Values::reals, 1, Math::fp32));
  for (std::size_t i = 0; i < result.tensors.size(); ++i) {
    if (subject->operands()[i].role == Role::in) continue;
    if (result.tensors[i].dtype != DType::f32) continue;
    std::vector<float*> others;
    for (float& v : result.tensors[i].as<float>()) {
      if (v != 0) others.push_back(&v);
    }
    const auto kept = static_cast<std::size_t>(telling * static_cast<double>(others.size()));
    for (std::size_t at = kept; at < others.size(); ++at) *others[at] = 0;
  }
  return why_not_telling(*subject, result);
}

TEST(Compare, MistrustsZerosThatTheProblemDoesNotMake) {
  struct {
    const char* problem;
    std::vector<Pass> passes;
  } const all[] = {{"n1c3h35k8r11u4", {Pass::forward, Pass::dgrad, Pass::wgrad}},
                   {"n1c3h9k16r3+bias+relu+mask", {Pass::forward, Pass::dgrad}},
                   {"n1c8h14k8r1u5", {Pass::forward, Pass::dgrad, Pass::wgrad}},  // most of dx is 0
                   {"n1c8h9k8r3ph2dh3", {Pass::forward, Pass::dgrad, Pass::wgrad}},
                   {"n1c4h5k8r2ph4", {Pass::forward}},  // as is y
                   {"n1c4h1k8r3ph1", {Pass::wgrad}},    // and dw
                   {"maxpool:n1c8h13r3u2", {Pass::forward, Pass::dgrad}},
                   {"maxpool:n1c8h13r1u4", {Pass::forward, Pass::dgrad}},
                   {"avgpool:n1c8h13r2u4", {Pass::forward, Pass::dgrad}},
                   {"lrn_pool:n1c8h13size5a1b0.75k2r3u2+mask", {Pass::forward, Pass::dgrad}},
                   {"input:n2c3h9w8oh11ow10pad2+random", {Pass::forward}},
                   {"dropout:n3c500rate0.9scale10layer1", {Pass::forward}},
                   {"softmax_loss:n9c10", {Pass::forward, Pass::dgrad}}};
  for (const auto& [problem, passes] : all) {
    for (const Pass pass : passes) {
      SCOPED_TRACE(std::string(problem) + " " + std::string(name_of(pass)));
      EXPECT_EQ(mistrust(problem, pass, 1), "");
      EXPECT_NE(mistrust(problem, pass, 0.1), "");
      EXPECT_NE(mistrust(problem, pass, 0), "");
    }
  }
}

TEST(Compare, TellsWhatDeclinesAndWhatThrows) {
  ConvAlgorithm a = test::right_convolution();
  a.why_not = [](const ConvProblem&, const DeviceInfo&) { return "too small"; };
  const Row declined = rows_of(a, "n1c1h5k1r3").at(0);
  EXPECT_EQ(declined.status, Status::declined);
  EXPECT_EQ(declined.why, "too small");
  ConvAlgorithm throwing = test::right_convolution();
  throwing.run = [](const ConvArgs&) { throw DeviceError("no such card"); };
  const Row failed = rows_of(throwing, "n1c1h5k1r3").at(0);
  EXPECT_EQ(failed.status, Status::failed);
  EXPECT_EQ(failed.why, "no such card");
  EXPECT_EQ(summary({declined, failed}),
            "rows 2: 0 ok, 1 declined, 0 wrong, 0 mistrusted, 1 failed");
  EXPECT_TRUE(all_right({declined}));
  EXPECT_FALSE(all_right({failed}));
}

TEST(Compare, ChoosesByPatterns) {
  ConvAlgorithm algorithm = test::right_convolution();
  algorithm.name = "kernel";
  algorithm.engine = "mine";
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
  options.algorithms = {"fovea:naive", "fovea:direct_tiled", "fovea:implicit_gemm"};
  const auto run = [&] {
    return compare_all(default_registry(), {parse_problem("n1c8h12k16r3ph1")}, options, {});
  };
  const auto rows = run(), again = run();
  ASSERT_EQ(rows.size(), 9U) << "three passes, three algorithms";
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

// What run_problem() says of one tensor that it should not take.
std::string refusal_of(const std::string& problem, Pass pass, const NamedValues& given) {
  Options options;
  options.algorithms = {"reference"};
  options.maths = {Math::fp32};
  try {
    run_problem(default_registry(), parse_problem(problem), pass, options, {given});
  } catch (const InvalidArgument& e) {
    return e.what();
  }
  return "";
}

TEST(Compare, RefusesIntegersThatNoAlgorithmMayRead) {
  const auto labels = [](float v) {
    return refusal_of("softmax_loss:n4c10", Pass::forward, {"labels", {4}, {0, 9, v, 1}});
  };
  EXPECT_EQ(labels(9), "");
  EXPECT_EQ(labels(1e6F), "tensor labels is 1000000 at [2]: give a class from 0 to 9");
  EXPECT_EQ(labels(1e20F), "tensor labels is 1.00000002e+20 at [2]: give a class from 0 to 9");
  EXPECT_EQ(labels(-1), "tensor labels is -1 at [2]: give a class from 0 to 9");
  EXPECT_EQ(labels(1.5F), "tensor labels is 1.5 at [2]: give a class from 0 to 9");
  EXPECT_EQ(labels(std::numeric_limits<float>::quiet_NaN()),
            "tensor labels is nan at [2]: give a class from 0 to 9");

  // Windows of 2x2 with a row of padding above: the first row's winners lie in their second.
  const auto winner = [](float v) {
    return refusal_of("maxpool:n1c1h3r2u2ph1:0pw1:0", Pass::dgrad,
                      {"argmax", {1, 2, 2, 1}, {v, 3, 3, 0}});
  };
  EXPECT_EQ(winner(3), "");
  for (const float bad : {0.0F, 2.0F, 4.0F, 255.0F}) {
    EXPECT_NE(winner(bad).find(" at [0,0,0,0]: give r_i * 2 + s_i, a cell of the window of 2x2"),
              std::string::npos)
        << bad << ": " << winner(bad);
  }

  const auto pixel = [](float v) {
    return refusal_of("input:n1c1h1", Pass::forward, {"x", {1, 1, 1, 1}, {v}});
  };
  EXPECT_EQ(pixel(255), "");
  EXPECT_EQ(pixel(256), "tensor x is 256 at [0,0,0,0]: give a whole number from 0 to 255");
}

TEST(Compare, RefusesTensorsThatTheOpHasNot) {
  EXPECT_EQ(refusal_of("n1c1h2k1r1", Pass::forward, {"weight", {1, 1, 1, 1}, {1}}),
            "conv forward has no tensor weight: it has x, w, y");
  for (const char* result : {"y", "y_expected"}) {
    EXPECT_EQ(refusal_of("n1c1h2k1r1", Pass::forward, {result, {1}, {1}}), "");
  }
  const Shape dw{1, 1, 1, 1};
  EXPECT_EQ(refusal_of("n1c1h2k1r1+acc", Pass::wgrad, {"dw_before", dw, {1}}), "");
  EXPECT_EQ(refusal_of("n1c1h2k1r1+acc", Pass::wgrad, {"dw", dw, {1}}),
            "tensor dw is what comes out: give dw_before, what goes in");
  EXPECT_EQ(refusal_of("n1c1h2k1r1", Pass::wgrad, {"dw_before", dw, {1}}),
            "conv wgrad has no tensor dw_before: it has x, dy, dw");
}

// What goes into a tensor that is written stands beside what comes out of it.
TEST(Compare, WritesBothSidesOfATensorThatIsChanged) {
  Options options;
  options.algorithms = {"reference"};
  options.maths = {Math::fp32};
  const auto values = run_problem(
      default_registry(), parse_problem("n1c1h1k1r1+acc"), Pass::wgrad, options,
      {{"x", {1, 1, 1, 1}, {2}}, {"dy", {1, 1, 1, 1}, {3}}, {"dw_before", {1, 1, 1, 1}, {10}}});
  ASSERT_EQ(values.size(), 4U);
  EXPECT_EQ(values[2].name, "dw_before");
  EXPECT_EQ(values[2].elements, (std::vector<float>{10}));
  EXPECT_EQ(values[3].name, "dw");
  EXPECT_EQ(values[3].elements, (std::vector<float>{16}));
}

TEST(Compare, PrintsCommandsWithTheLimitsThatARowRanUnder) {
  EXPECT_TRUE(
      rows_of(test::right_convolution(), "n1c1h5k1r3").at(0).reproduce.ends_with(" --seed 1"));
  Options options;
  options.limits = {.workspace_bytes = 4096, .deterministic = false};
  const Row row = rows_of(test::right_convolution(), "n1c1h5k1r3", options).at(0);
  EXPECT_TRUE(row.reproduce.ends_with(" --seed 1 --nondeterministic --workspace 4096"))
      << row.reproduce;
}

TEST(Compare, TakesATableOfSegmentsThatStaysInItsBlock) {
  const auto refusal = [](std::vector<Segment> table) {
    NamedValues bytes{"segments", {64}, std::vector<float>(64)};
    std::vector<std::uint8_t> raw(64);
    std::memcpy(raw.data(), table.data(), raw.size());
    std::ranges::copy(raw, bytes.elements.begin());
    return refusal_of("sgd:n256segments2", Pass::forward, bytes);
  };
  EXPECT_EQ(refusal({{.offset = 0, .length = 60}, {.offset = 64, .length = 192}}), "");
  EXPECT_EQ(refusal({{.offset = 64, .length = 192}, {.offset = 0, .length = 64}}), "");
  for (const Segment& second :
       {Segment{.offset = 64, .length = 193}, Segment{.offset = 256, .length = 0},
        Segment{.offset = 65, .length = 1}, Segment{.offset = 64, .length = -1},
        Segment{.offset = std::int64_t{1} << 62, .length = std::int64_t{1} << 62},
        Segment{.offset = 0, .length = 64}}) {
    EXPECT_NE(refusal({{.offset = 0, .length = 64}, second}).find(" at [32]: give the bytes of "),
              std::string::npos)
        << second.offset << " " << second.length;
  }
  EXPECT_NE(refusal({{.offset = 0, .length = 65}, {.offset = 64, .length = 1}}), "") << "overlap";
}

TEST(Compare, GivesTheSameRowsInOrderSideBySide) {
  Options options;
  options.device = Device::emulated();
  options.maths = {Math::fp32};
  options.algorithms = {"fovea:*"};
  std::vector<SuiteProblem> problems;
  for (const char* text : {"n1c4h9k8r3ph1", "maxpool:n1c4h9r3u2", "gemm:m3n17k9", "n2c3h5k2r1"}) {
    problems.push_back(parse_problem(text));
  }
  std::vector<Row> one_by_one, seen;
  for (const SuiteProblem& p : problems) {
    for (Row& r : compare_problem(default_registry(), p, options, {})) one_by_one.push_back(r);
  }
  const auto rows = compare_all(default_registry(), problems, options, {},
                                [&](const Row& r) { seen.push_back(r); });
  ASSERT_EQ(rows.size(), one_by_one.size());
  ASSERT_EQ(seen.size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].reproduce, one_by_one[i].reproduce);
    EXPECT_EQ(seen[i].reproduce, rows[i].reproduce);
    EXPECT_EQ(rows[i].bound_ratio, one_by_one[i].bound_ratio);
    ASSERT_EQ(rows[i].counted.has_value(), one_by_one[i].counted.has_value());
    if (!rows[i].counted) continue;
    EXPECT_EQ(rows[i].counted->global_read_sectors, one_by_one[i].counted->global_read_sectors);
    EXPECT_EQ(rows[i].counted->multiply_adds, one_by_one[i].counted->multiply_adds);
  }
}

// Each op that a comparison knows, on both devices that are always there.
TEST(Compare, KnowsEveryOpWithMoreThanOneImplementation) {
  std::set<std::string> missing;
  for (const std::string& name : op_names()) missing.insert(name);
  std::vector<SuiteProblem> problems;
  for (const char* text :
       {"n1c2h5k3r3", "gemm:m2n3k4", "lrn:n1c8h3size5a1b0.75k2",
        "lrn_pool:n1c8h9size5a1b0.75k2r3u2", "maxpool:n1c4h9r3u2", "avgpool:n1c4h9r3u2",
        "softmax:n3c10", "softmax_loss:n3c10", "mse_loss:n3c10", "activation:n100+relu",
        "activation:n100+tanh", "bias:n10c6", "add:n100", "scale:n100f0.5",
        "dropout:n3c50rate0.5scale2layer1", "input:n2c3h9w8oh7ow6+random+mirror",
        "sgd:n256segments3momentum0.9", "finite_check:n256segments3", "fold_weights:k8c3r7u4"}) {
    problems.push_back(parse_problem(text));
    missing.erase(problems.back().op);
    EXPECT_EQ(print_problem(parse_problem(print_problem(problems.back()))),
              print_problem(problems.back()));
  }
  EXPECT_TRUE(missing.empty()) << *missing.begin();
  Options options;
  options.maths = {Math::fp32};
  options.time = false;
  for (const Device& device : {Device::cpu(), Device::emulated()}) {
    options.device = device;
    std::set<std::string> ok;
    for (const Row& r : compare_all(default_registry(), problems, options, {})) {
      if (r.status == Status::ok) ok.insert(r.problem + " " + std::string(name_of(r.pass)));
      EXPECT_TRUE(all_right({r})) << r.problem << " by " << algorithm_of(r) << ": " << r.why;
    }
    std::size_t passes = 0;
    for (const SuiteProblem& p : problems) {
      // On cpu the reference alone has them, and that is what the others are compared with.
      const bool alone = p.op == "lrn_pool" || p.op == "fold_weights";
      if (!alone || device != Device::cpu()) passes += passes_of(p).size();
    }
    EXPECT_EQ(ok.size(), passes) << to_string(device);
  }
}

TEST(Suites, TakeOneBatchForAllThatHaveOne) {
  const auto batch = [](const char* text) {
    const SuiteProblem p = with_batch(parse_problem(text), 5);
    return std::pair(batch_of(p), print_problem(p));
  };
  EXPECT_EQ(batch("gemm:m2n3k4"), std::pair(5, std::string("gemm:m5n3k4")));
  EXPECT_EQ(batch("dropout:n3c50rate0.5scale1layer0"),
            std::pair(5, std::string("dropout:n5c50rate0.5scale1layer0")));
  EXPECT_EQ(batch("lrn_pool:n2c8h9size5a1b0.75k2r3u2"),
            std::pair(5, std::string("lrn_pool:n5c8h9size5a1b0.75k2r3u2")));
  EXPECT_EQ(batch("add:n100"), std::pair(0, std::string("add:n100")));
}

TEST(Suites, AreReducedToWhatADeviceAffords) {
  const auto cut = [](const char* text) {
    return print_problem(reduced(parse_problem(text), 400'000, 1 << 20));
  };
  EXPECT_EQ(cut("gemm:m1n4096k9216+bias+relu"), "gemm:m1n512k576+bias+relu");
  EXPECT_EQ(cut("gemm:m7n1000k4096"), "gemm:m7n500k512");
  EXPECT_EQ(cut("gemm:m128n512k512"), "gemm:m128n512k512");
  EXPECT_EQ(cut("conv:n1c4096h1k9216r1"), "conv:n1c4096h1k9216r1");
  EXPECT_EQ(cut("sgd:n60965312segments16momentum0.9"), "sgd:n1048576segments16momentum0.9");
  EXPECT_EQ(cut("activation:n524288+relu"), "activation:n524288+relu");
}

TEST(Suites, NameTheEpiloguesOfAPass) {
  const SuiteProblem p = parse_problem("n1c2h5k3r3+bias+relu+mask+db");
  EXPECT_EQ(print_problem(problem_of_pass(p, Pass::forward)), "conv:n1c2h5k3r3+bias+relu");
  EXPECT_EQ(print_problem(problem_of_pass(p, Pass::dgrad)), "conv:n1c2h5k3r3+mask");
  EXPECT_EQ(print_problem(problem_of_pass(p, Pass::wgrad)), "conv:n1c2h5k3r3+db");
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
