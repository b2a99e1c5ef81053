// compare_report_test.cpp - reports of comparisons: written, read again, shown, held against an
// older one.
#include <fovea/core/error.h>
#include <fovea/core/escaped.h>
#include <fovea/kernels/compare/report.h>
#include <fovea/kernels/compare/steady_clock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <sstream>
#include <string>

namespace fovea::compare {
namespace {

Report report_with(double p10, double median, double p90) {
  Report r;
  r.machine.device = "card";
  Row row;
  row.problem = "conv:n1c1h5k1r3";
  row.engine = "mine";
  row.algorithm = "kernel";
  row.device = "cpu";
  row.flops = 100;
  row.bytes = 100;
  row.times = Times{.median = median, .p10 = p10, .p90 = p90, .warm = median};
  r.rows = {row};
  return r;
}

TEST(Baseline, FlagsARowOnlyBeyondSpreadAndThreePercent) {
  const Report old = report_with(98, 100, 102);
  EXPECT_EQ(regressions(old, report_with(103, 105, 106)).size(), 1U);
  EXPECT_TRUE(regressions(old, report_with(101, 105, 106)).empty()) << "within the old spread";
  EXPECT_TRUE(regressions(old, report_with(102.5, 102.9, 103)).empty()) << "less than 3 %";
  EXPECT_TRUE(regressions(old, report_with(80, 90, 95)).empty()) << "faster";
  Report other = report_with(103, 105, 106);
  other.rows[0].algorithm = "another";
  EXPECT_TRUE(regressions(old, other).empty());
}

TEST(Baseline, RefusesAnotherMachine) {
  const Report old = report_with(98, 100, 102);
  Report now = old;
  now.machine.device = "another card";
  EXPECT_THROW(regressions(old, now), InvalidArgument);
}

TEST(Baseline, FlagsCountedWorkThatGrew) {
  Report old = report_with(1, 1, 1), now = old;
  for (Report* r : {&old, &now}) {
    r->rows[0].times.reset();
    r->rows[0].counted = Counted{};
    r->rows[0].counted->floor = {10, "shared memory"};
  }
  EXPECT_TRUE(regressions(old, now).empty());
  now.rows[0].counted->floor.us = 11;
  EXPECT_EQ(regressions(old, now).size(), 1U);
}

TEST(Reports, AreReadAsTheyWereWritten) {
  Report r = report_with(98, 100, 102);
  r.rows[0].counted = Counted{.multiply_adds = 12345678901234, .floor = {3, "memory"}};
  r.rows[0].times->clock_before_mhz = 1980;
  r.rows[0].times->clock_mhz = 1755;
  r.rows[0].times->clock_fell = true;
  r.rows[0].variant = "128x64/2";
  r.rows[0].bound_ratio = 0.5;
  r.rows[0].exact_on_integers = true;
  r.rows[0].floor = Floor{49, "memory"};
  r.ceilings = {.copy_gb_s = 100, .gemm_tflops = {1, 0, 2}};
  const Report again = parse_report(to_json(r));
  ASSERT_EQ(again.rows.size(), 1U);
  EXPECT_EQ(again.rows[0].problem, r.rows[0].problem);
  EXPECT_EQ(again.rows[0].variant, r.rows[0].variant);
  EXPECT_EQ(again.rows[0].times->p90, 102);
  EXPECT_EQ(again.rows[0].times->clock_before_mhz, 1980);
  EXPECT_EQ(again.rows[0].times->clock_mhz, 1755);
  EXPECT_TRUE(again.rows[0].times->clock_fell);
  EXPECT_EQ(again.rows[0].counted->multiply_adds, 12345678901234U);
  EXPECT_EQ(again.rows[0].bound_ratio, 0.5);
  EXPECT_EQ(again.rows[0].exact_on_integers, true);
  EXPECT_FALSE(again.rows[0].speedup_over_cudnn.has_value());
  EXPECT_EQ(again.rows[0].floor->us, 49);
  EXPECT_EQ(again.ceilings.copy_gb_s, 100);
  EXPECT_EQ(again.ceilings.gemm_tflops[2], 2);
  EXPECT_TRUE(regressions(r, again).empty());
  EXPECT_THROW(parse_report("{}"), FormatError);
  EXPECT_THROW(parse_report("no json"), FormatError);
}

TEST(Reports, EscapeWhatMeansSomethingInHtml) {
  EXPECT_EQ(escaped("<a b=\"c\" d='e'>&amp;"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;amp;");
}

TEST(Reports, AreOnePageThatAsksForNothing) {
  Report r = report_with(98, 100, 102);
  r.rows[0].name = "<b>&name";
  r.rows[0].status = Status::ok;
  const std::string html = to_html(r);
  EXPECT_EQ(html.find("<b>&name"), std::string::npos) << "text is escaped";
  EXPECT_NE(html.find("&lt;b&gt;&amp;name"), std::string::npos);
  for (const char* remote : {"http:", "https:", "<script", "src=", "@import", "url("}) {
    EXPECT_EQ(html.find(remote), std::string::npos) << remote;
  }
  EXPECT_NE(html.find("<svg"), std::string::npos);
}

TEST(Reports, ShowWhatIsWrongFirstWithTheCommandThatRepeatsIt) {
  Report r = report_with(98, 100, 102);
  EXPECT_EQ(to_html(r).find("To look at"), std::string::npos);
  r.rows[0].status = Status::wrong;
  r.rows[0].why = "y on reals: 1 of 9";
  r.rows[0].reproduce = "fovea compare --problem 'x'";
  const std::string html = to_html(r);
  const std::size_t head = html.find("To look at");
  ASSERT_NE(head, std::string::npos);
  EXPECT_LT(html.find("y on reals: 1 of 9", head), html.find("By layer"));
  EXPECT_NE(html.find("<code>fovea compare --problem &#39;x&#39;</code>"), std::string::npos);
}

TEST(Baseline, TakesOtherVersionsAndNamesThem) {
  Report old = report_with(98, 100, 102), now = old;
  EXPECT_TRUE(changes(old, now).empty());
  old.machine.cudnn = "9.1";
  now.machine.cudnn = "9.5";
  now.machine.driver = "560";
  now.machine.power_limit_w = 700;
  EXPECT_TRUE(regressions(old, now).empty());
  EXPECT_EQ(changes(old, now),
            (std::vector<std::string>{"driver was '' and is '560'", "cuDNN was '9.1' and is '9.5'",
                                      "power limit was '' and is '700 W'"}));
  EXPECT_EQ(rows_in_both(old, now), 1U);
  now.rows[0].variant = "another";
  EXPECT_EQ(rows_in_both(old, now), 0U);
}

TEST(Baseline, NamesRowsThatNoLongerRun) {
  Report old = report_with(98, 100, 102), now = old;
  EXPECT_TRUE(stopped_running(old, now).empty());
  EXPECT_EQ(rows_missing(old, now), 0U);
  now.rows[0].status = Status::declined;
  now.rows[0].variant = now.rows[0].layout = "";
  now.rows[0].why = "computes in fp32";
  const auto stopped = stopped_running(old, now);
  ASSERT_EQ(stopped.size(), 1U);
  EXPECT_NE(stopped[0].find(" ran, and is declined now: computes in fp32"), std::string::npos);
  EXPECT_EQ(rows_missing(old, now), 0U) << "it is named";
  EXPECT_EQ(rows_in_both(old, now), 0U);
  now.rows.clear();
  EXPECT_EQ(rows_missing(old, now), 1U);
}

TEST(Baseline, IsOfTheSameNumberOfThreads) {
  Report old = report_with(98, 100, 102), now = old;
  old.machine.threads = 2;
  EXPECT_TRUE(regressions(old, now).empty()) << "an older file says nothing of them";
  now.machine.threads = 1;
  EXPECT_THROW(regressions(old, now), InvalidArgument);
}

/// A card whose clock reads as told, and what is measured on it: 1 us, then 2 us.
struct FakeCard {
  std::vector<double> mhz;
  std::size_t read = 0;
  int measured = 0;
  Times measure() {
    return measure_at_steady_clock([this] { return mhz.at(read++); },
                                   [this] { return Times{.median = 1.0 * ++measured}; });
  }
};

TEST(SteadyClock, MeasuresOnceWhereTheClockHolds) {
  FakeCard card{{1980, 1900}};
  const Times t = card.measure();
  EXPECT_EQ(card.measured, 1);
  EXPECT_FALSE(t.clock_fell);
  EXPECT_EQ(t.clock_before_mhz, 1980);
  EXPECT_EQ(t.clock_mhz, 1900);
}

TEST(SteadyClock, MeasuresAgainWhereItFellAndKeepsTheSecond) {
  FakeCard card{{1980, 1800, 1800, 1790}};
  const Times t = card.measure();
  EXPECT_EQ(t.median, 2);
  EXPECT_FALSE(t.clock_fell);
  EXPECT_EQ(t.clock_before_mhz, 1800);
}

TEST(SteadyClock, MarksWhatFellTwice) {
  FakeCard card{{1980, 1800, 1980, 1800}};
  const Times t = card.measure();
  EXPECT_EQ(card.measured, 2);
  EXPECT_TRUE(t.clock_fell);
}

TEST(SteadyClock, DoesNotMarkWhatItDoesNotKnow) {
  FakeCard card{{0, 0}};
  EXPECT_FALSE(card.measure().clock_fell);
  EXPECT_EQ(card.measured, 1);
}

TEST(Floors, AreTheLongerOfMemoryAndProducts) {
  const Ceilings c{.copy_gb_s = 100, .gemm_tflops = {1, 0, 2}};
  EXPECT_EQ(floor_of(c, Math::fp32, 0, 100'000)->us, 1);
  EXPECT_EQ(floor_of(c, Math::fp32, 5'000'000, 100'000)->us, 5);
  EXPECT_EQ(floor_of(c, Math::fp32, 5'000'000, 100'000)->bound_by, "multiply-adds");
  EXPECT_EQ(floor_of(c, Math::fp32, 500'000, 100'000)->bound_by, "memory");
  EXPECT_FALSE(floor_of(c, Math::tf32, 5, 100).has_value()) << "no product was measured";
  EXPECT_FALSE(floor_of({}, Math::fp32, 0, 100).has_value());
}

TEST(Reports, AreCsvWithOneCellAHead) {
  Report r = report_with(98, 100, 102);
  r.rows.push_back(r.rows[0]);
  r.rows[1].times.reset();
  r.rows[1].counted = Counted{};
  r.rows[1].why = "no, not this";
  std::istringstream lines(to_csv(r.rows));
  std::vector<std::ptrdiff_t> commas;
  for (std::string line; std::getline(lines, line);)
    commas.push_back(std::ranges::count(line, ','));
  EXPECT_EQ(commas, (std::vector<std::ptrdiff_t>{commas[0], commas[0], commas[0] + 1}))
      << "a head, two rows, and a comma in quotes";
}

// Cells of a CSV without quotes, by head.
std::map<std::string, std::string> cells_of(const std::string& csv, std::size_t row) {
  std::istringstream lines(csv);
  std::string head, line;
  std::getline(lines, head);
  for (std::size_t i = 0; i <= row; ++i) std::getline(lines, line);
  std::map<std::string, std::string> cells;
  std::istringstream heads(head), values(line);
  for (std::string name; std::getline(heads, name, ',');) std::getline(values, cells[name], ',');
  return cells;
}

TEST(Reports, AreCsvWithEveryFactOfARow) {
  Report r = report_with(98, 100, 102);
  Row& row = r.rows[0];
  row.deterministic = false;
  row.max_abs_error = std::numeric_limits<double>::infinity();
  row.exact_on_integers = true;
  row.floor = Floor{25, "memory"};
  row.times->clock_fell = true;
  row.reproduce = "fovea compare again";
  row.counted = Counted{.global_read_sectors = 80,
                        .global_read_requests = 10,
                        .tensor_core_instructions = 7,
                        .barriers = 6,
                        .floor = {3, "global sectors"}};
  r.rows.push_back(report_with(1, 2, 3).rows[0]);
  const auto cells = cells_of(to_csv(r.rows), 0);
  const std::map<std::string, std::string> expected = {{"format", "nhwc"},
                                                       {"bytes", "100"},
                                                       {"share_of_floor", "0.25"},
                                                       {"max_abs_error", "inf"},
                                                       {"exact_on_integers", "true"},
                                                       {"deterministic", "false"},
                                                       {"clock_fell", "true"},
                                                       {"global_read_sectors", "80"},
                                                       {"global_read_requests", "10"},
                                                       {"sectors_per_read_request", "8.0"},
                                                       {"tensor_core_instructions", "7"},
                                                       {"barriers", "6"},
                                                       {"counted_floor_us", "3.0"},
                                                       {"counted_floor_bound_by", "global sectors"},
                                                       {"reproduce", "fovea compare again"}};
  for (const auto& [name, text] : expected) {
    ASSERT_TRUE(cells.contains(name)) << name;
    EXPECT_EQ(cells.at(name), text) << name;
  }
  EXPECT_EQ(cells_of(to_csv(r.rows), 1).at("barriers"), "") << "where nothing was counted";
}

TEST(Reports, ShowColumnsThatSaySomething) {
  Report r = report_with(98, 100, 102);
  std::string html = to_html(r);
  for (const char* head : {"in a row", "conversion us", "bits", "of floor", "barriers"}) {
    EXPECT_EQ(html.find(">" + std::string(head) + "</th>"), std::string::npos) << head;
  }
  EXPECT_NE(html.find("<td>100.0</td>"), std::string::npos);
  EXPECT_EQ(html.find("the clock fell"), std::string::npos);
  r.rows[0].times->clock_fell = true;
  r.rows[0].times->back_to_back = 4.25;
  r.rows[0].conversion_us = 17.5;
  r.rows[0].deterministic = false;
  html = to_html(r);
  for (const char* text :
       {"<th>in a row</th>", "<td>4.25</td>", "<th>conversion us</th>", "<td>17.5</td>",
        "<td>100.0 !</td>", "! the clock fell by more than 5 %", ">bits</th>", "may differ"}) {
    EXPECT_NE(html.find(text), std::string::npos) << text;
  }
}

TEST(Speedup, IsTheBestOfCudnnOverTheRow) {
  std::vector<Row> rows(3, report_with(1, 100, 1).rows[0]);
  rows[1].engine = rows[2].engine = "cudnn";
  rows[1].times->median = 50;
  rows[2].times->median = 80;
  fill_speedups(rows);
  EXPECT_DOUBLE_EQ(*rows[0].speedup_over_cudnn, 0.5);
  EXPECT_DOUBLE_EQ(*rows[1].speedup_over_cudnn, 1);
}

}  // namespace
}  // namespace fovea::compare
