// tiles.h - the tiles that implicit_gemm is built for. Each instantiation is a kernel for each pass
// and math mode, so there are few; what each is for:
//
//   fp32   128x128  128 outputs a thread: most work for a read of shared memory; two blocks an SM
//          128x96   96, 192 filters (wgrad: 96x128)
//          128x64   64 outputs a thread, three blocks an SM: 64; small grids (wgrad: 64x128)
//   tf32,  256x128  the larger the tile, the fewer bytes; one block an SM (wgrad: 128x256)
//          256x96   96, 192 filters or channels, where 128x96 asks more of L2 (wgrad: 96x256)
//          256x64   48, 64 filters or channels (wgrad: 64x256)
//   bf16   128x128  two blocks an SM: while one waits at its barrier the other multiplies
//          128x96   96, 192 filters or channels (wgrad: 96x128)
//          128x64   64; small grids (wgrad: 64x128)
//   each   scalar   channels that are no multiple of 4, as a first layer's: copies of 4 bytes. 96
//                   wide, as the first layer of AlexNet, and in fp32 64 wide; dgrad 128x32 and
//                   128x64, as its columns are those few channels, once for each phase
#pragma once

#include <fovea/kernels/cuda/tile/simt.h>
#include <fovea/kernels/cuda/tile/tensor.h>

namespace fovea::FOVEA_TARGET {

/// Tiles of forward (A and B along) and dgrad (B across): few columns.
template <Order A, Order B>
struct TallTiles {
  // A thread streams 8 rows or columns (tile/simt.h) past 16.
  static constexpr int kRows = A == B ? 8 : 16;
  using Fp32Large = SimtTile<128, 128, kRows, 128 / kRows, 3, 2, A, B>;
  using Fp32Medium96 = SimtTile<128, 96, 8, 12, 3, 3, A, B>;
  using Fp32Small = SimtTile<128, 64, 8, 8, 3, 3, A, B>;
  using Fp32Scalar96 = SimtTile<128, 96, 8, 12, 3, 2, A, B>;
  using Fp32Scalar = Fp32Small;
  template <class M>
  using Large = TensorTile<M, 256, 128, 64, 64, 4, 1, A, B>;
  template <class M>
  using Large96 = TensorTile<M, 256, 96, 64, 48, 4, 1, A, B>;
  template <class M>
  using Slim = TensorTile<M, 256, 64, 64, 64, 4, 2, A, B>;
  template <class M>
  using Medium = TensorTile<M, 128, 128, 64, 64, 4, 2, A, B>;
  template <class M>
  using Medium96 = TensorTile<M, 128, 96, 64, 48, 4, 2, A, B>;
  template <class M>
  using Small = TensorTile<M, 128, 64, 32, 32, 4, 2, A, B>;
  template <class M>
  using Scalar = TensorTile<M, 128, 96, 32, 48, 4, 2, A, B>;
  using Fp32Narrow = SimtTile<128, 32, 8, 4, 3, 4, A, B>;
  template <class M>
  using Narrow = TensorTile<M, 128, 32, 32, 32, 4, 3, A, B>;
};

/// Tiles of wgrad (both across): few rows.
struct WideTiles {
  static constexpr Order A = Order::across, B = Order::across;
  using Fp32Large = SimtTile<128, 128, 8, 16, 3, 2, A, B>;
  using Fp32Medium96 = SimtTile<96, 128, 12, 8, 3, 2, A, B>;
  using Fp32Small = SimtTile<64, 128, 8, 8, 3, 3, A, B>;
  using Fp32Scalar = Fp32Small;
  template <class M>
  using Large = TensorTile<M, 128, 256, 64, 64, 4, 1, A, B>;
  template <class M>
  using Large96 = TensorTile<M, 96, 256, 48, 64, 4, 1, A, B>;
  template <class M>
  using Slim = TensorTile<M, 64, 256, 64, 64, 4, 2, A, B>;
  template <class M>
  using Medium = TensorTile<M, 128, 128, 64, 64, 4, 2, A, B>;
  template <class M>
  using Medium96 = TensorTile<M, 96, 128, 48, 64, 4, 2, A, B>;
  template <class M>
  using Small = TensorTile<M, 64, 128, 32, 32, 4, 2, A, B>;
  template <class M>
  // One block an SM: with two, registers for the copies of single elements would spill.
  using Scalar = TensorTile<M, 96, 128, 48, 32, 4, 1, A, B>;
};

}  // namespace fovea::FOVEA_TARGET
