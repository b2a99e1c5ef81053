// card_state.h - what NVIDIA's management library says of a card; opened when first used. Internal.
#pragma once

#include <fovea/core/device.h>

#include <string>

namespace fovea::compare {

/// What is not known stays 0 or empty: no driver, another device than cuda.
struct CardState {
  double clock_mhz = 0;      // of the SMs, now
  double power_limit_w = 0;  // enforced
  std::string driver;
};
CardState card_state(const Device& device);

}  // namespace fovea::compare
