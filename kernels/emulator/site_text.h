// site_text.h - a place in the source as messages name it: file:line.
#pragma once

#include <source_location>
#include <string>

namespace fovea::emulator {

inline std::string text(const std::source_location& at) {
  return std::string(at.file_name()) + ":" + std::to_string(at.line());
}

}  // namespace fovea::emulator
