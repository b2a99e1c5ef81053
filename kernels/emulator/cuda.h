// cuda.h - everything that a translation unit of emulated kernels sees of CUDA.
#pragma once

#include <fovea/kernels/emulator/atomics.h>
#include <fovea/kernels/emulator/builtins.h>
#include <fovea/kernels/emulator/counts.h>
#include <fovea/kernels/emulator/keywords.h>
#include <fovea/kernels/emulator/vector_types.h>
#include <fovea/kernels/emulator/warp.h>
