// registry.h - every algorithm of this build, in order.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/ops/registry.h>

#include <string>
#include <vector>

namespace fovea {

/// The lists of this build: engines simd, onednn and reference on cpu, fovea on emulated and cuda,
/// cudnn on cuda; within an engine its order is the order of choice. A value: add to your own copy.
FOVEA_API Registry default_registry();

/// The algorithms for the emulated device once more, built so that their work can be counted; slow.
/// Empty in a build without FOVEA_COUNT_WORK.
FOVEA_API Registry counting_registry();

/// An engine that needs somebody else's library.
struct LibraryStatus {
  std::string engine;
  bool works = false;
  std::string text;  // which library it is, or why it does not work and what to do
};
/// Of onednn and cudnn. Opens what is opened when first used.
FOVEA_API std::vector<LibraryStatus> library_status();
/// The same where the device is cuda; elsewhere of onednn alone, and opens nothing.
FOVEA_API std::vector<LibraryStatus> library_status(const Device& device);

}  // namespace fovea
