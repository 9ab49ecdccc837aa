#pragma once

// What Tile does with the outputs of its arrays, for vectors (tile.cc) and images (tile_images.cc).

#include <cstdint>

#include "ohmic/core/matrix.h"

namespace ohmic {

/// Row blocks of a tile, arrays of slices and copies counted: with the tile's number they share the 24 bits that key a
/// read's noise.
inline constexpr std::int64_t kMostBlocks = 1 << 10;

/// to (+)= factor from; `first` overwrites.
inline void add_scaled(MatrixView<const float> from, float factor, bool first, MatrixView<float> to) {
  for (std::size_t i = 0; i < to.rows * to.columns; ++i) {
    to.data[i] = factor * from.data[i] + (first ? 0.0f : to.data[i]);
  }
}

/// y *= factor.
inline void scale(MatrixView<float> y, float factor) {
  if (factor == 1) return;
  for (std::size_t i = 0; i < y.rows * y.columns; ++i) y.data[i] *= factor;
}

}  // namespace ohmic
