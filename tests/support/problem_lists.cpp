#include <fovea/core/error.h>
#include <fovea/core/philox.h>
#include <fovea/tests/support/problem_lists.h>

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

// Each problem plain and with one epilogue more, the next in turn.
template <class Problem>
std::vector<Problem> with_epilogues(const std::vector<Problem>& problems, Pass pass) {
  const std::vector<Epilogue> all = epilogues(pass);
  std::vector<Problem> out;
  std::size_t turn = 0;
  for (Problem p : problems) {
    out.push_back(p);
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

template <class Problem>
std::vector<Problem> family(const std::string& name, const std::string& list,
                            Problem (*parse)(std::string_view), Problem (*draw)(Draw&)) {
  constexpr int kRandomProblems = 24;
  constexpr std::uint64_t kSeed = 2012;
  if (list == "random") return draw_valid<Problem>(kRandomProblems, kSeed, draw);
  return parsed<Problem>(name + "_" + list, parse);
}

const std::int64_t kCounts[] = {1, 2, 7, 16, 63, 64, 255, 1024, 5003, 70001};

}  // namespace

void append(const std::string& list, Pass pass, std::vector<ConvProblem>& to) {
  to = with_epilogues(family<ConvProblem>("conv", list, parse_conv, random_conv), pass);
}
void append(const std::string& list, Pass pass, std::vector<LinearProblem>& to) {
  to = with_epilogues(family<LinearProblem>("gemm", list, parse_linear, random_linear), pass);
}
void append(const std::string& list, Pass, std::vector<PoolProblem>& to) {
  to = family<PoolProblem>("pool", list, parse_pool, random_pool);
}
void append(const std::string& list, Pass, std::vector<LrnProblem>& to) {
  to = family<LrnProblem>("lrn", list, parse_lrn, random_lrn);
}

// The other ops' shapes are a count or two: all of them edges.
void append(const std::string& list, Pass, std::vector<ActivationProblem>& to) {
  if (list != "edge") return;
  for (const std::int64_t n : kCounts) {
    to.push_back({n, Activation::relu});
    to.push_back({n, Activation::tanh});
  }
}
void append(const std::string& list, Pass, std::vector<ScaleProblem>& to) {
  if (list != "edge") return;
  for (const std::int64_t n : kCounts) to.push_back({n, 0.5F});
  to.push_back({333, 0.1F});
}
void append(const std::string& list, Pass, std::vector<AddProblem>& to) {
  if (list != "edge") return;
  for (const std::int64_t n : kCounts) to.push_back({n});
}
void append(const std::string& list, Pass, std::vector<BiasProblem>& to) {
  if (list != "edge") return;
  to = {{1, 1},   {1, 5},   {9, 3},     {100, 1},  {64, 10},  {33, 16}, {17, 64},
        {5, 257}, {300, 7}, {1000, 48}, {128, 65}, {2500, 4}, {50, 100}};
}
void append(const std::string& list, Pass, std::vector<DropoutProblem>& to) {
  if (list != "edge") return;
  for (const float rate : {0.5F, 0.1F, 0.9F}) {
    to.push_back({1, 1, rate, 1.0F, 1});
    to.push_back({3, 37, rate, 1.0F, 2});
    to.push_back({5, 256, rate, 1 / (1 - rate), 3});
    to.push_back({17, 1001, rate, 2.0F, 65535});
  }
}
void append(const std::string& list, Pass, std::vector<UpdateProblem>& to) {
  if (list != "edge") return;
  for (const float momentum : {0.5F, 0.9F}) {
    for (const int segments : {1, 2, 3, 5, 8}) to.push_back({64 * 8, segments, momentum});
    to.push_back({64 * 1000, 7, momentum});
    to.push_back({64, 1, momentum});
  }
}
void append(const std::string& list, Pass, std::vector<LossProblem>& to) {
  if (list != "edge") return;
  to = {{1, 1},  {1, 2},   {2, 3},   {3, 10},  {5, 5},    {4, 100},
        {8, 17}, {16, 10}, {33, 64}, {7, 255}, {128, 10}, {10, 1000}};
}
void append(const std::string& list, Pass, std::vector<InputProblem>& to) {
  if (list != "edge") return;
  using enum View;
  to = {{1, 1, 1, 1, 1, 1, 0, centre, false},     {3, 28, 28, 1, 28, 28, 0, centre, false},
        {4, 28, 28, 1, 28, 28, 2, random, true},  {5, 9, 12, 3, 7, 8, 0, random, true},
        {2, 13, 11, 3, 16, 15, 2, random, false}, {2, 10, 9, 4, 5, 6, 0, centre, true},
        {2, 7, 6, 3, 6, 5, 1, centre, false}};
  for (const View view : {top_left, top_right, bottom_left, bottom_right}) {
    to.push_back({2, 9, 8, 3, 6, 5, 0, view, view == top_right});
    to.push_back({2, 10, 8, 3, 11, 6, 1, view, view == bottom_left});
  }
}

}  // namespace fovea::test
