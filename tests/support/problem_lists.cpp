#include <fovea/core/error.h>
#include <fovea/core/philox.h>
#include <fovea/tests/support/problem_lists.h>

#include <algorithm>
#include <fstream>

namespace fovea::test {

std::vector<std::string> problem_lines(const std::string& name) {
  const std::string path = std::string(FOVEA_TEST_PROBLEMS) + "/" + name + ".txt";
  std::ifstream file(path);
  if (!file) throw InvalidArgument("cannot open " + path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.front() != '#') lines.push_back(line);
  }
  return lines;
}

namespace {

// Seeded draws for the random lists.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_{seed, stream_key(Purpose::test, 99, 0)} {}
  // least .. most, both included.
  int operator()(int least, int most) {
    return least + static_cast<int>(uniform_below(random_(next_++)[0],
                                                  static_cast<std::uint32_t>(most - least + 1)));
  }
  bool chance(int percent) { return (*this)(0, 99) < percent; }

 private:
  Philox random_;
  std::uint64_t next_ = 0;
};

// Draws until `count` problems are valid.
template <class Problem, class Make>
std::vector<Problem> draw_valid(int count, std::uint64_t seed, const Make& make) {
  Draw draw(seed);
  std::vector<Problem> problems;
  while (static_cast<int>(problems.size()) < count) {
    const Problem p = make(draw);
    try {
      validate(p);
    } catch (const InvalidArgument&) {
      continue;
    }
    problems.push_back(p);
  }
  return problems;
}

ConvProblem random_conv(Draw& draw) {
  ConvProblem p;
  p.n = draw(1, 3);
  p.groups = draw.chance(30) ? draw(2, 4) : 1;
  p.c = p.groups * draw(1, 20);
  p.k = p.groups * draw(1, 24);
  p.h = draw(1, 18);
  p.w = draw(1, 18);
  p.r = draw(1, 5);
  p.s = draw.chance(70) ? p.r : draw(1, 5);
  p.u = draw(1, 3);
  p.v = draw.chance(70) ? p.u : draw(1, 3);
  p.ph = {draw(0, 3), draw(0, 3)};
  p.pw = draw.chance(50) ? p.ph : Padding{draw(0, 3), draw(0, 3)};
  p.dh = draw.chance(20) ? draw(2, 3) : 1;
  p.dw = draw.chance(20) ? draw(2, 3) : 1;
  return p;
}

LinearProblem random_linear(Draw& draw) {
  return {.m = draw(1, 70), .n = draw(1, 140), .k = draw(1, 200), .epilogue = {}};
}

PoolProblem random_pool(Draw& draw) {
  PoolProblem p;
  p.n = draw(1, 3);
  p.c = draw(1, 40);
  p.h = draw(1, 16);
  p.w = draw(1, 16);
  p.r = draw(1, 5);
  p.s = draw(1, 5);
  p.u = draw(1, 4);
  p.v = draw(1, 4);
  p.ph = {draw(0, 2), draw(0, 2)};
  p.pw = {draw(0, 2), draw(0, 2)};
  p.ceil = draw.chance(50);
  p.count_padding = draw.chance(50);
  return p;
}

LrnProblem random_lrn(Draw& draw) {
  LrnProblem p;
  p.n = draw(1, 3);
  p.groups = draw.chance(30) ? draw(2, 3) : 1;
  p.c = p.groups * draw(1, 24);
  p.h = draw(1, 7);
  p.w = draw(1, 7);
  p.size = 2 * draw(0, 4) + 1;
  p.alpha = 0.1F * static_cast<float>(draw(1, 10));
  p.beta = 0.25F * static_cast<float>(draw(1, 4));
  p.k = 0.5F * static_cast<float>(draw(1, 4));
  p.divide = draw.chance(50);
  p.within = draw.chance(20);
  return p;
}

LrnPoolProblem random_lrn_pool(Draw& draw) {
  LrnPoolProblem p{.lrn = random_lrn(draw), .pool = random_pool(draw)};
  p.lrn.n = p.pool.n;
  p.lrn.h = p.pool.h;
  p.lrn.w = p.pool.w;
  p.pool.c = p.lrn.c;
  p.pool.count_padding = true;
  return p;
}

// The epilogues of a pass; a problem without any meets all of them in turn down a list.
std::vector<Epilogue> epilogues(Pass pass) {
  switch (pass) {
    case Pass::forward:
      return {{},
              {.bias = true},
              {.bias = true, .relu = true},
              {.relu = true},
              {.bias = true, .tanh = true}};
    case Pass::dgrad:
      return {{}, {.mask = true}, {.acc = true}, {.mask = true, .acc = true}};
    case Pass::wgrad:
      return {{}, {.db = true}, {.acc = true}, {.acc = true, .db = true}};
  }
  return {};
}

// Each problem plain and with one epilogue more, the next in turn. Of those that take long only
// the latter.
template <class Problem>
std::vector<Problem> with_epilogues(const std::vector<Problem>& problems, Pass pass) {
  constexpr std::int64_t kLong = 50'000'000;  // flops
  const std::vector<Epilogue> all = epilogues(pass);
  std::vector<Problem> out;
  std::size_t turn = 0;
  for (Problem p : problems) {
    if (p.flops() < kLong) out.push_back(p);
    p.epilogue = all[1 + turn++ % (all.size() - 1)];
    out.push_back(p);
  }
  return out;
}

template <class Problem>
std::vector<Problem> parsed(const std::string& name, Problem (*parse)(std::string_view)) {
  std::vector<Problem> problems;
  for (const std::string& line : problem_lines(name)) problems.push_back(parse(line));
  return problems;
}

// What a run costs, roughly.
std::int64_t cost(const ConvProblem& p) { return p.flops(); }
std::int64_t cost(const LinearProblem& p) { return p.flops(); }
std::int64_t cost(const PoolProblem& p) { return p.x_shape().elements() * p.r * p.s; }
std::int64_t cost(const LrnProblem& p) { return p.x_shape().elements() * p.size; }
std::int64_t cost(const LrnPoolProblem& p) { return cost(p.lrn) + cost(p.pool); }
std::int64_t cost(const ActivationProblem& p) { return p.count; }
std::int64_t cost(const ScaleProblem& p) { return p.count; }
std::int64_t cost(const AddProblem& p) { return p.count; }
std::int64_t cost(const BiasProblem& p) { return p.rows * p.channels; }
std::int64_t cost(const DropoutProblem& p) { return p.images * p.per_image; }
std::int64_t cost(const UpdateProblem& p) { return p.count; }
std::int64_t cost(const LossProblem& p) { return std::int64_t{p.n} * p.c; }
std::int64_t cost(const InputProblem& p) { return p.y_shape().elements(); }
std::int64_t cost(const FoldWeightsProblem& p) { return p.ws_shape().elements(); }

// Up to six problems of middling cost, spread over the list.
template <class Problem>
std::vector<Problem> small_ones(const std::vector<Problem>& problems) {
  constexpr std::int64_t kLeast = 100, kMost = 400'000;
  constexpr std::size_t kCount = 6;
  std::vector<Problem> fit;
  for (const Problem& p : problems) {
    if (cost(p) >= kLeast && cost(p) <= kMost) fit.push_back(p);
  }
  std::vector<Problem> spread;
  for (std::size_t i = 0; i < kCount && i < fit.size(); ++i) {
    spread.push_back(fit[i * fit.size() / std::min(kCount, fit.size())]);
  }
  return spread;
}

template <class Problem>
std::vector<Problem> family(const std::string& name, const std::string& list,
                            Problem (*parse)(std::string_view), Problem (*draw)(Draw&)) {
  constexpr int kRandomProblems = 24;
  constexpr std::uint64_t kSeed = 2012;
  if (list == "images" && name != "conv") return {};
  if (list == "random") return draw_valid<Problem>(kRandomProblems, kSeed, draw);
  if (list == "schedules") return small_ones(parsed<Problem>(name + "_edge", parse));
  return parsed<Problem>(name + "_" + list, parse);
}

// The only list of an op whose shape is a count or two; all its problems are edges.
template <class Problem>
std::vector<Problem> only_edges(const std::string& list, const std::vector<Problem>& edges) {
  if (list == "schedules") return small_ones(edges);
  return list == "edge" ? edges : std::vector<Problem>{};
}

// What the files' lines and the epilogues in turn do not ask: +drop, whose numbers are a problem's
// own, and a stride that can be folded.
template <class Problem>
void append_more(const std::string& list, Pass pass, const std::vector<const char*>& dropped,
                 const std::vector<const char*>& plain, Problem (*parse)(std::string_view),
                 std::vector<Problem>& to) {
  if (list != "edge" && list != "schedules") return;
  for (const char* text : plain) to.push_back(parse(text));
  if (pass != Pass::forward) return;
  for (const char* text : dropped) to.push_back(parse(text));
}

const std::int64_t kCounts[] = {1, 2, 7, 16, 63, 64, 255, 1024, 5003, 70001};

}  // namespace

void append(const std::string& list, Pass pass, std::vector<ConvProblem>& to) {
  to = with_epilogues(family<ConvProblem>("conv", list, parse_conv, random_conv), pass);
  append_more(list, pass, {"n2c8h6k12r3ph1+bias+relu+drop0.3:1.25:2", "n3c5h4k7r2+drop0.9:1:65535"},
              {"n2c3h19k8r7u4ph2"}, parse_conv, to);
}
void append(const std::string& list, Pass pass, std::vector<LinearProblem>& to) {
  to = with_epilogues(family<LinearProblem>("gemm", list, parse_linear, random_linear), pass);
  append_more(list, pass,
              {"m9n32k40+bias+relu+drop", "m5n33k65+bias+drop0.3:1.4285715:3",
               "m3n10k4000+bias+tanh+drop0.25:1:1"},
              {}, parse_linear, to);
}
void append(const std::string& list, Pass, std::vector<PoolProblem>& to) {
  to = family<PoolProblem>("pool", list, parse_pool, random_pool);
}
void append(const std::string& list, Pass, std::vector<LrnProblem>& to) {
  to = family<LrnProblem>("lrn", list, parse_lrn, random_lrn);
}
void append(const std::string& list, Pass pass, std::vector<LrnPoolProblem>& to) {
  to = family<LrnPoolProblem>("lrn_pool", list, parse_lrn_pool, random_lrn_pool);
  for (std::size_t i = 1; i < to.size(); i += 2) to[i].epilogue.mask = pass == Pass::dgrad;
}

void append(const std::string& list, Pass, std::vector<ActivationProblem>& to) {
  for (const std::int64_t n : kCounts) {
    to.push_back({n, Activation::relu});
    to.push_back({n, Activation::tanh});
  }
  to = only_edges(list, to);
}
void append(const std::string& list, Pass, std::vector<ScaleProblem>& to) {
  for (const std::int64_t n : kCounts) to.push_back({n, 0.5F});
  to.push_back({333, 0.1F});
  to = only_edges(list, to);
}
void append(const std::string& list, Pass, std::vector<AddProblem>& to) {
  for (const std::int64_t n : kCounts) to.push_back({n});
  to = only_edges(list, to);
}
void append(const std::string& list, Pass, std::vector<BiasProblem>& to) {
  to = {{1, 1},   {1, 5},   {9, 3},     {100, 1},  {64, 10},  {33, 16}, {17, 64},
        {5, 257}, {300, 7}, {1000, 48}, {128, 65}, {2500, 4}, {50, 100}};
  to = only_edges(list, to);
}
void append(const std::string& list, Pass, std::vector<DropoutProblem>& to) {
  for (const float rate : {0.5F, 0.1F, 0.9F}) {
    to.push_back({1, 1, rate, 1.0F, 1});
    to.push_back({3, 37, rate, 1.0F, 2});
    to.push_back({5, 256, rate, 1 / (1 - rate), 3});
    to.push_back({17, 1001, rate, 2.0F, 65535});
  }
  to = only_edges(list, to);
}
void append(const std::string& list, Pass, std::vector<UpdateProblem>& to) {
  for (const float momentum : {0.5F, 0.9F}) {
    for (const int segments : {1, 2, 3, 5, 8}) to.push_back({64 * 8, segments, momentum});
    to.push_back({64 * 1000, 7, momentum});
    to.push_back({64, 1, momentum});
  }
  to = only_edges(list, to);
}
void append(const std::string& list, Pass, std::vector<LossProblem>& to) {
  to = {{1, 1},  {1, 2},   {2, 3},   {3, 10},  {5, 5},    {4, 100},
        {8, 17}, {16, 10}, {33, 64}, {7, 255}, {128, 10}, {10, 1000}};
  to = only_edges(list, to);
}
void append(const std::string& list, Pass, std::vector<InputProblem>& to) {
  using enum View;
  to = {{1, 1, 1, 1, 1, 1, 0, centre, false},     {3, 28, 28, 1, 28, 28, 0, centre, false},
        {4, 28, 28, 1, 28, 28, 2, random, true},  {5, 9, 12, 3, 7, 8, 0, random, true},
        {2, 13, 11, 3, 16, 15, 2, random, false}, {2, 10, 9, 4, 5, 6, 0, centre, true},
        {2, 7, 6, 3, 6, 5, 1, centre, false}};
  for (const View view : {top_left, top_right, bottom_left, bottom_right}) {
    to.push_back({2, 9, 8, 3, 6, 5, 0, view, view == top_right});
    to.push_back({2, 10, 8, 3, 11, 6, 1, view, view == bottom_left});
  }
  // Folded for a 5x5 filter of stride 2 with padding 2 and 1, and for one of 11x11 and stride 4.
  to.push_back({2,
                9,
                12,
                3,
                7,
                8,
                0,
                random,
                true,
                {.by = 2, .top = 2, .left = 1, .rows = 6, .columns = 5}});
  to.push_back({1, 21, 19, 3, 19, 19, 1, centre, true, {.by = 4, .rows = 5, .columns = 5}});
  to = only_edges(list, to);
}
void append(const std::string& list, Pass, std::vector<FoldWeightsProblem>& to) {
  to = {{1, 1, 1, 1, 2}, {3, 3, 5, 5, 2}, {8, 3, 7, 7, 4},  {5, 1, 3, 6, 4}, {2, 2, 4, 4, 4},
        {7, 6, 2, 3, 2}, {4, 3, 9, 2, 4}, {64, 3, 7, 7, 2}, {1, 4, 1, 5, 2}, {96, 3, 11, 11, 4}};
  to = only_edges(list, to);
}

}  // namespace fovea::test
