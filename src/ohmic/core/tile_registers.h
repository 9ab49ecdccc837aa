#pragma once

#include <cstdint>

namespace ohmic {

/// What _tile_loadconfig takes for products of sixteen rows and columns: sums in the registers below `left`, the left
/// side in those below `right`, the right side in the rest, of 4 `depth` bytes and `depth` rows; at most sixteen.
struct alignas(64) TileRegisters {
  static constexpr int kCount = 8;

  TileRegisters(int left, int right, int depth) {
    for (int r = 0; r < kCount; ++r) {
      row_bytes[r] = static_cast<std::uint16_t>(r >= left && r < right ? 4 * depth : 64);
      rows[r] = static_cast<std::uint8_t>(r >= right ? depth : 16);
    }
  }

  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};
static_assert(sizeof(TileRegisters) == 64);

}  // namespace ohmic
