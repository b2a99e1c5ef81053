// big_endian.h - numbers as IDX and PNG files hold them. Internal.
#pragma once

#include <cstdint>

namespace fovea {

/// The four bytes from p on, the first of them the highest.
inline std::uint32_t big_endian(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(p[0]) << 24 | static_cast<std::uint32_t>(p[1]) << 16 |
         static_cast<std::uint32_t>(p[2]) << 8 | static_cast<std::uint32_t>(p[3]);
}

}  // namespace fovea
