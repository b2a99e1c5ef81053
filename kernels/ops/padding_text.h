// padding_text.h - padding as the text of a problem has it. Internal to kernels/ops/.
#pragma once

#include <fovea/kernels/ops/conv.h>

#include <string>

namespace fovea {

/// "ph2", or "ph1:2" where begin and end differ.
inline std::string padding_text(const char* name, Padding p) {
  std::string text = name + std::to_string(p.begin);
  if (p.begin != p.end) text += ":" + std::to_string(p.end);
  return text;
}

}  // namespace fovea
