// api.h - what leaves the shared library, and what compiles for the device too.
#pragma once

#define FOVEA_API __attribute__((visibility("default")))

#ifdef __CUDACC__
#define FOVEA_HD __host__ __device__
#else
#define FOVEA_HD
#endif
