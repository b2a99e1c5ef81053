// loose_command.cpp - the `fovea` command with a convolution whose author does not promise its
// bits: what --nondeterministic lets in, and what a resume without it says.
#include <fovea/cli/command_main.h>

namespace {

using fovea::ConvProblem;

// One pixel and filter after the other, then bias and ReLU; no padding, stride, dilation or groups.
void loops(const fovea::ConvArgs& a) {
  const ConvProblem& p = a.problem;
  const float *x = a.x, *w = a.w, *b = a.b;
  float* y = a.y;
  for (int n = 0; n < p.n; ++n) {
    for (int i = 0; i < p.p(); ++i) {
      for (int j = 0; j < p.q(); ++j) {
        for (int k = 0; k < p.k; ++k) {
          float sum = a.b ? b[k] : 0;
          for (int r = 0; r < p.r; ++r) {
            for (int s = 0; s < p.s; ++s) {
              const float* pixel = x + ((n * p.h + i + r) * p.w + j + s) * p.c;
              const float* filter = w + ((k * p.r + r) * p.s + s) * p.c;
              for (int c = 0; c < p.c; ++c) sum += pixel[c] * filter[c];
            }
          }
          y[((n * p.p() + i) * p.q() + j) * p.k + k] = p.epilogue.relu && sum < 0 ? 0 : sum;
        }
      }
    }
  }
}

std::string why_not(const ConvProblem& p, const fovea::DeviceInfo&) {
  const bool plain = p.u == 1 && p.v == 1 && p.dh == 1 && p.dw == 1 && p.groups == 1 &&
                     p.ph == fovea::Padding{} && p.pw == fovea::Padding{};
  return plain ? "" : "only plain convolutions";
}

}  // namespace

int main(int argc, char** argv) {
  const fovea::ConvAlgorithm loose{.name = "loose",
                                   .pass = fovea::Pass::forward,
                                   .devices = fovea::Devices::cpu,
                                   .why_not = why_not,
                                   .run = loops,
                                   .epilogue = {.bias = true, .relu = true},
                                   .deterministic = false};
  return fovea::command_main(argc, argv, {.convolutions = {loose}});
}
