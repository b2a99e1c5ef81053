// my_conv.cu - a kernel in nobody's style but CUDA's, as docs/your-kernel-beside-cudnn.md shows it:
// nvcc compiles it against the installed headers.
#include <cuda_bf16.h>
#include <fovea/cli/command_main.h>

__global__ void my_kernel(fovea::ConvProblem p, const __nv_bfloat16* x, const __nv_bfloat16* w,
                          __nv_bfloat16* y) {
  const long long e = 1LL * blockIdx.x * blockDim.x + threadIdx.x;  // of y[n][k][p][q]
  if (e >= 1LL * p.n * p.k * p.p() * p.q()) return;
  const int j = int(e % p.q()), i = int(e / p.q() % p.p()), k = int(e / p.q() / p.p() % p.k);
  const long long n = e / p.q() / p.p() / p.k;
  float sum = 0;
  for (int c = 0; c < p.c; ++c) {
    for (int r = 0; r < p.r; ++r) {
      for (int s = 0; s < p.s; ++s) {
        const int row = i * p.u - p.ph.begin + r * p.dh, column = j * p.v - p.pw.begin + s * p.dw;
        if (row < 0 || row >= p.h || column < 0 || column >= p.w) continue;
        sum += __bfloat162float(x[((n * p.c + c) * p.h + row) * p.w + column]) *
               __bfloat162float(w[((1LL * k * p.c + c) * p.r + r) * p.s + s]);
      }
    }
  }
  y[e] = __float2bfloat16(sum);
}

dim3 grid(const fovea::ConvProblem& p) {
  return dim3(unsigned((1LL * p.n * p.k * p.p() * p.q() + 255) / 256));
}

const fovea::ConvAlgorithm mine{
    .name = "mine",
    .pass = fovea::Pass::forward,
    .math = fovea::Math::bf16,
    .layout = fovea::Layout::nchw,
    .devices = fovea::Devices::cuda,
    .why_not = [](const fovea::ConvProblem& p, const fovea::DeviceInfo&) -> std::string {
      return p.groups == 1 ? "" : "groups > 1";
    },
    .run =
        [](const fovea::ConvArgs& a) {
          my_kernel<<<grid(a.problem), 256, 0, a.stream>>>(a.problem, a.x, a.w, a.y);
        }};

int main(int argc, char** argv) {
  return fovea::command_main(argc, argv, {.convolutions = {mine}});
}
