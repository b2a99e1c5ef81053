// compare_kernels.cpp - every convolution kernel of this build, and one of your own, on one
// problem: checked against the reference, then timed on the CPU or counted on the emulator.
//
//   $ compare_kernels                     the CPU
//   $ compare_kernels emulated            counted work instead of time
//   $ compare_kernels cpu n2c16h28k32r5   another problem
//
// Ends with:
//   example:plain_loops is ok
//   all right: yes
#include <fovea/kernels/compare/compare.h>
#include <fovea/kernels/registry/registry.h>

#include <cstdio>
#include <string>

namespace {

using fovea::ConvForward;
using fovea::ConvProblem;

// A kernel of one's own: seven loops, NHWC, one thread.
void plain_loops(const ConvProblem& p, const ConvForward::Args& a) {
  const float* x = a.x.as<float>();
  const float* w = a.w.as<float>();
  float* y = a.y.as<float>();
  for (int n = 0; n < p.n; ++n) {
    for (int i = 0; i < p.p(); ++i) {
      for (int j = 0; j < p.q(); ++j) {
        for (int k = 0; k < p.k; ++k) {
          float sum = 0;
          for (int r = 0; r < p.r; ++r) {
            for (int s = 0; s < p.s; ++s) {
              const int row = i * p.u - p.ph.begin + r;
              const int column = j * p.v - p.pw.begin + s;
              if (row < 0 || row >= p.h || column < 0 || column >= p.w) continue;
              for (int c = 0; c < p.c; ++c) {
                sum += x[((n * p.h + row) * p.w + column) * p.c + c] *
                       w[((k * p.r + r) * p.s + s) * p.c + c];
              }
            }
          }
          *y++ = sum;
        }
      }
    }
  }
}

// What the list of algorithms needs to know about it.
fovea::Algorithm<ConvForward> own_algorithm() {
  fovea::Algorithm<ConvForward> a;
  a.engine = "example";
  a.name = "plain_loops";
  a.devices = fovea::Devices::cpu;
  a.can_run = [](const ConvProblem& p, const fovea::DeviceInfo&) {
    if (p.groups != 1 || p.dh != 1 || p.dw != 1) {
      return fovea::Verdict::no("groups and dilation are not written yet");
    }
    return p.epilogue == fovea::Epilogue{} ? fovea::Verdict{}
                                           : fovea::Verdict::no("it has no epilogue");
  };
  a.prepare = [](const ConvProblem& problem, const fovea::Variant&, const fovea::DeviceInfo&) {
    return fovea::prepared<ConvForward>(
        problem, [](const ConvProblem& p, const ConvForward::Args& args, fovea::StreamView stream) {
          stream.enqueue([p, args] { plain_loops(p, args); });
        });
  };
  return a;
}

void print(const fovea::compare::Row& row) {
  const std::string who = row.engine + ":" + row.algorithm;
  std::printf("%-24s %s", who.c_str(), std::string(name_of(row.status)).c_str());
  if (row.bound_ratio) std::printf(", error %.2f of its bound", *row.bound_ratio);
  if (row.times) std::printf(", %.0f us", row.times->median);
  if (row.counted) {
    std::printf(", %.1f M multiply-adds, %llu bank conflicts, at least %.1f us on an H100",
                static_cast<double>(row.counted->multiply_adds) / 1e6,
                static_cast<unsigned long long>(row.counted->bank_conflicts),
                row.counted->floor.us);
  }
  std::printf("%s%s\n", row.why.empty() ? "" : ": ", row.why.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  fovea::Registry registry = fovea::default_registry();
  registry.add(own_algorithm());

  fovea::compare::Options options;
  options.device = fovea::Device::parse(argc > 1 ? argv[1] : "cpu");
  options.passes = {fovea::Pass::forward};
  options.maths = {fovea::Math::fp32};
  const auto problem = fovea::compare::parse_problem(argc > 2 ? argv[2] : "n1c16h28k32r3ph1");
  const auto rows = fovea::compare::compare_all(registry, {problem}, options, {}, print);

  for (const auto& row : rows) {
    if (row.engine != "example") continue;
    std::printf("example:plain_loops is %s\n", std::string(name_of(row.status)).c_str());
  }
  std::printf("all right: %s\n", all_right(rows) ? "yes" : "no");
  return all_right(rows) ? 0 : 1;
}
