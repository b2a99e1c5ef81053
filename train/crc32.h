// crc32.h - the checksums of model files, PNG and TensorBoard files, so that none needs a library.
// Internal.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fovea {
namespace detail {

// Table t, entry b: the effect of byte b followed by t zero bytes, for a reflected polynomial.
constexpr std::array<std::array<std::uint32_t, 256>, 8> make_crc_tables(std::uint32_t polynomial) {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t b = 0; b < 256; ++b) {
    std::uint32_t c = b;
    for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1U) != 0 ? polynomial : 0U);
    tables[0][b] = c;
  }
  for (std::size_t t = 1; t < 8; ++t) {
    for (std::size_t b = 0; b < 256; ++b) {
      const std::uint32_t c = tables[t - 1][b];
      tables[t][b] = (c >> 8) ^ tables[0][c & 0xFFU];
    }
  }
  return tables;
}
inline constexpr auto kCrc32Tables = make_crc_tables(0xEDB88320U);
inline constexpr auto kCrc32cTables = make_crc_tables(0x82F63B78U);

// Eight bytes a turn ("slicing by 8", Kounavis and Berry 2005): one a turn would take longer than
// the disk for a large model.
constexpr std::uint32_t crc(const std::array<std::array<std::uint32_t, 256>, 8>& t,
                            std::string_view bytes, std::uint32_t before) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i]));
  };
  std::uint32_t c = ~before;
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    c ^= byte(i) | byte(i + 1) << 8 | byte(i + 2) << 16 | byte(i + 3) << 24;
    c = t[7][c & 0xFFU] ^ t[6][c >> 8 & 0xFFU] ^ t[5][c >> 16 & 0xFFU] ^ t[4][c >> 24] ^
        t[3][byte(i + 4)] ^ t[2][byte(i + 5)] ^ t[1][byte(i + 6)] ^ t[0][byte(i + 7)];
  }
  for (; i < bytes.size(); ++i) c = (c >> 8) ^ t[0][(c ^ byte(i)) & 0xFFU];
  return ~c;
}

}  // namespace detail

/// CRC-32 of ISO 3309 and W3C PNG, annex D: polynomial 0x04C11DB7, reflected. `before` is the
/// checksum of the bytes in front of these.
constexpr std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0) {
  return detail::crc(detail::kCrc32Tables, bytes, before);
}

/// CRC-32C of RFC 3720 (Castagnoli): polynomial 0x1EDC6F41, reflected.
constexpr std::uint32_t crc32c(std::string_view bytes) {
  return detail::crc(detail::kCrc32cTables, bytes, 0);
}

// The check values of the CRC catalogue, whole and in two pieces; more than eight bytes.
static_assert(crc32("123456789") == 0xCBF43926U);
static_assert(crc32("9", crc32("12345678")) == 0xCBF43926U);
static_assert(crc32c("123456789") == 0xE3069283U);

}  // namespace fovea
