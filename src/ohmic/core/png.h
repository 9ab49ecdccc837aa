#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ohmic {

/// An image of 8-bit pixels, row by row.
struct Picture {
  std::size_t width = 0;
  std::size_t height = 0;
  std::size_t channels = 1;  ///< 1: grey, 3: red, green, blue
  std::vector<std::uint8_t> pixels;
};

/// The bytes of a PNG file (ISO/IEC 15948).
std::string encode_png(const Picture& picture);

}  // namespace ohmic
