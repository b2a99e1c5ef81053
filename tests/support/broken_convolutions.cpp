#include <fovea/kernels/emulator/builtins.h>
#include <fovea/kernels/emulator/grid.h>
#include <fovea/tests/support/broken_convolutions.h>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace fovea::test {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

ConvAlgorithm last_row_of_odd_heights() {
  return convolution([](const ConvArgs& a, const Place& p) {
    return a.problem.h % 2 == 1 && p.i == a.problem.p() - 1 ? 0 : element(a, p);
  });
}

ConvAlgorithm second_group() {
  return convolution([](const ConvArgs& a, const Place& p) {
    return element(a, p) + (p.k >= a.problem.k_per_group() ? 1.0F : 0.0F);
  });
}

ConvAlgorithm padding_as_edge() {
  return convolution([](const ConvArgs& a, const Place& p) {
    return element(a, p, [](const ConvArgs& b, int n, int i, int j, int c) {
      return read_input(b, n, std::clamp(i, 0, b.problem.h - 1), std::clamp(j, 0, b.problem.w - 1),
                        c);
    });
  });
}

ConvAlgorithm zeros() {
  return convolution([](const ConvArgs&, const Place&) { return 0.0F; });
}

// Thread t works out elements t, t + 64, ... of an image and stores those of thread t - 1, which
// are there only if that one ran before: the barrier between the two is missing.
struct Racing {
  static constexpr int kThreads = 64;
  ConvArgs a;
  std::vector<float>* scratch;  // an image of y for each block

  static void run(const void* self) {
    const auto& r = *static_cast<const Racing*>(self);
    const ConvProblem& p = r.a.problem;
    const int n = static_cast<int>(emu::blockIdx.x), t = static_cast<int>(emu::threadIdx.x);
    const int count = p.p() * p.q() * p.k;
    float* staged = r.scratch->data() + std::ptrdiff_t{n} * count;
    for (int e = t; e < count; e += kThreads) {
      staged[e] = element(r.a, {n, e / p.k / p.q(), e / p.k % p.q(), e % p.k});
    }
    float* y = r.a.y;
    const int other = (t + kThreads - 1) % kThreads;
    // The first thread has nobody before it: it works out what the last one stores.
    for (int e = other; e < count; e += kThreads) {
      y[std::ptrdiff_t{n} * count + e] =
          t == 0 ? element(r.a, {n, e / p.k / p.q(), e / p.k % p.q(), e % p.k}) : staged[e];
    }
  }
};

ConvAlgorithm racing() {
  ConvAlgorithm a = right_convolution();
  a.devices = Devices::emulated;
  a.run = [](const ConvArgs& args) {
    args.stream.enqueue([args] {
      std::vector<float> scratch(at(args.y.elements()));
      const Racing closure{args, &scratch};
      emulator::run_grid({.grid = {static_cast<unsigned>(args.problem.n)},
                          .block = {Racing::kThreads},
                          .kernel = "racing",
                          .launched = std::source_location::current(),
                          .thread = &Racing::run,
                          .closure = &closure});
    });
  };
  return a;
}

}  // namespace

float read_input(const ConvArgs& a, int n, int i, int j, int c) {
  const ConvProblem& p = a.problem;
  if (i < 0 || i >= p.h || j < 0 || j >= p.w) return 0;
  const float* x = a.x;
  return x[((std::ptrdiff_t{n} * p.h + i) * p.w + j) * p.c + c];
}

float element(const ConvArgs& a, const Place& at, const ReadInput& x) {
  const ConvProblem& p = a.problem;
  const int first = at.k / p.k_per_group() * p.c_per_group();
  const float* w = a.w;
  w += std::ptrdiff_t{at.k} * p.r * p.s * p.c_per_group();
  float sum = 0;
  for (int r = 0; r < p.r; ++r) {
    for (int s = 0; s < p.s; ++s) {
      for (int c = 0; c < p.c_per_group(); ++c) {
        sum += *w++ * x(a, at.n, at.i * p.u - p.ph.begin + r * p.dh,
                        at.j * p.v - p.pw.begin + s * p.dw, first + c);
      }
    }
  }
  return sum;
}

ConvAlgorithm convolution(std::function<float(const ConvArgs&, const Place&)> f) {
  ConvAlgorithm a;
  a.name = "mine";
  a.devices = Devices::cpu;
  a.run = [f = std::move(f)](const ConvArgs& args) {
    const ConvProblem& p = args.problem;
    float* y = args.y;
    for (int n = 0; n < p.n; ++n) {
      for (int i = 0; i < p.p(); ++i) {
        for (int j = 0; j < p.q(); ++j) {
          for (int k = 0; k < p.k; ++k) *y++ = f(args, {n, i, j, k});
        }
      }
    }
  };
  return a;
}

ConvAlgorithm right_convolution() {
  return convolution([](const ConvArgs& a, const Place& at) { return element(a, at); });
}

std::vector<Broken> broken_convolutions() {
  return {{"last row of odd heights", last_row_of_odd_heights(), "n1c4h8k6r3ph1", "n1c4h9k6r3ph1",
           "at [0,8,0,0]"},
          {"second group", second_group(), "n1c4h5k6r3", "n1c4h5k6r3g2", "at [0,0,0,3]"},
          {"padding as edge", padding_as_edge(), "n1c4h5k6r3", "n1c4h5k6r3ph1", "at [0,0,0,0]"},
          {"zeros", zeros(), "", "n1c4h5k6r3", " 0 instead of "},
          {"race", racing(), "", "n1c2h6k4r3", "reversed"}};
}

}  // namespace fovea::test
