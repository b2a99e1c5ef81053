// lrn.cpp - local response normalisation by its definition (lrn.h), in fp64.
#include <fovea/kernels/cpu/reference/parts.h>

#include <algorithm>
#include <cmath>

namespace fovea::reference {
namespace {

// Calls f(index of a neighbour) for every element in the window centred on channel c of the cell
// (n, y, x). Windows are symmetric: j is in i's window iff i is in j's.
template <class F>
void for_each_neighbour(const LrnProblem& p, std::int64_t n, int y, int x, int c, const F& f) {
  const int half = p.size / 2;
  if (!p.within) {
    const int per_group = p.c / p.groups;
    const int group = c / per_group * per_group;
    const std::int64_t cell = ((n * p.h + y) * p.w + x) * p.c;
    const int last = std::min(group + per_group - 1, c + half);
    for (int i = std::max(group, c - half); i <= last; ++i) f(cell + i);
    return;
  }
  for (int i = std::max(0, y - half); i <= std::min(p.h - 1, y + half); ++i) {
    for (int j = std::max(0, x - half); j <= std::min(p.w - 1, x + half); ++j) {
      f(((n * p.h + i) * p.w + j) * p.c + c);
    }
  }
}

double denominator(const LrnProblem& p, const float* in, std::int64_t n, int y, int x, int c) {
  double squares = 0;
  for_each_neighbour(p, n, y, x, c,
                     [&](std::int64_t at) { squares += double{in[at]} * double{in[at]}; });
  return p.k + p.scale() * squares;
}

// f(n, y, x, c, index) for every element.
template <class F>
void for_each_element(const LrnProblem& p, const F& f) {
  parallel(std::int64_t{p.n} * p.h * p.w, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t cell = begin; cell < end; ++cell) {
      const int y = static_cast<int>(cell / p.w % p.h);
      const int x = static_cast<int>(cell % p.w);
      for (int c = 0; c < p.c; ++c) f(cell / p.w / p.h, y, x, c, cell * p.c + c);
    }
  });
}

}  // namespace

void lrn_forward(const LrnProblem& p, const LrnForward::Args& args, Floats& floats) {
  const float* x = floats.in(args.x);
  float* y = floats.out(args.y);
  for_each_element(p, [&](std::int64_t n, int row, int column, int c, std::int64_t at) {
    y[at] = static_cast<float>(x[at] * std::pow(denominator(p, x, n, row, column, c), -p.beta));
  });
}

void lrn_backward(const LrnProblem& p, const LrnBackward::Args& args, Floats& floats) {
  const float* x = floats.in(args.x);
  const float* dy = floats.in(args.dy);
  float* dx = floats.out(args.dx);
  for_each_element(p, [&](std::int64_t n, int row, int column, int c, std::int64_t at) {
    double through_windows = 0;  // sum over the windows that hold this element
    for_each_neighbour(p, n, row, column, c, [&](std::int64_t j) {
      const int channel = static_cast<int>(j % p.c);
      const int x_of_j = static_cast<int>(j / p.c % p.w);
      const int y_of_j = static_cast<int>(j / p.c / p.w % p.h);
      const double d = denominator(p, x, n, y_of_j, x_of_j, channel);
      through_windows += double{dy[j]} * double{x[j]} * std::pow(d, -double{p.beta} - 1);
    });
    const double d = denominator(p, x, n, row, column, c);
    dx[at] = static_cast<float>(dy[at] * std::pow(d, -double{p.beta}) -
                                2.0 * p.scale() * p.beta * x[at] * through_windows);
  });
}

void add_lrn(Registry& registry) {
  add_loops<LrnForward>(registry, lrn_forward);
  add_loops<LrnBackward>(registry, lrn_backward);
}

}  // namespace fovea::reference
