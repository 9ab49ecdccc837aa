// Cholesky's method, by panels of kDepth pivots: the rows of a panel are finished first, then all rows below are
// updated by the whole panel at once, in tiles whose sums stay in registers.

#include "ohmic/crossbar/elimination.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr std::size_t kDepth = 32;
constexpr std::size_t kTile = 4;

// target -= factor * source, from column `from` on.
void subtract_row(double* target, const double* source, double factor, std::size_t from, std::size_t width) {
  for (std::size_t c = from; c < width; ++c) target[c] -= factor * source[c];
}

// Finishes the rows [first, first + depth): afterwards they are rows of Cholesky's factor.
void finish_panel(double* matrix, std::size_t width, std::size_t first, std::size_t depth) {
  for (std::size_t p = first; p < first + depth; ++p) {
    double* pivot_row = matrix + p * width;
    OHMIC_EXPECT(pivot_row[p] > 0);
    const double scale = 1 / std::sqrt(pivot_row[p]);
    for (std::size_t c = p; c < width; ++c) pivot_row[c] *= scale;
    for (std::size_t r = p + 1; r < first + depth; ++r) {
      subtract_row(matrix + r * width, pivot_row, pivot_row[r], r, width);
    }
  }
}

// The panel's columns from `first` on in blocks of kTile columns, depth x kTile each, zeros beyond the matrix.
void pack_panel(const double* panel, std::size_t width, std::size_t first, std::size_t depth,
                std::vector<double>& packed) {
  const std::size_t tiles = (width - first + kTile - 1) / kTile;
  packed.assign(tiles * depth * kTile, 0.0);
  for (std::size_t d = 0; d < depth; ++d) {
    for (std::size_t c = first; c < width; ++c) {
      packed[((c - first) / kTile * depth + d) * kTile + (c - first) % kTile] = panel[d * width + c];
    }
  }
}

struct Tile4 {
  double sum[kTile][kTile];
};

Tile4 tile_product(const double* left, const double* right, std::size_t depth) {
  Tile4 tile{};
  for (std::size_t d = 0; d < depth; ++d, left += kTile, right += kTile) {
    for (std::size_t i = 0; i < kTile; ++i) {
      for (std::size_t j = 0; j < kTile; ++j) tile.sum[i][j] += left[i] * right[j];
    }
  }
  return tile;
}

// Takes the panel's share off the rows below it, upper triangle only (whole tiles on the diagonal).
void update_rest(double* matrix, std::size_t width, std::size_t first, std::size_t depth,
                 const std::vector<double>& packed) {
  const std::size_t tile_size = depth * kTile;
  for (std::size_t i = 0; first + i * kTile < width; ++i) {
    const std::size_t row = first + i * kTile, rows = std::min(kTile, width - row);
    for (std::size_t j = i; first + j * kTile < width; ++j) {
      const std::size_t column = first + j * kTile, columns = std::min(kTile, width - column);
      const Tile4 tile = tile_product(packed.data() + i * tile_size, packed.data() + j * tile_size, depth);
      for (std::size_t r = 0; r < rows; ++r) {
        double* target = matrix + (row + r) * width + column;
        for (std::size_t c = 0; c < columns; ++c) target[c] -= tile.sum[r][c];
      }
    }
  }
}

}  // namespace

void eliminate_first(std::vector<double>& matrix, std::size_t width, std::size_t eliminated) {
  std::vector<double> packed;
  for (std::size_t first = 0; first < eliminated; first += kDepth) {
    const std::size_t depth = std::min(kDepth, eliminated - first), next = first + depth;
    finish_panel(matrix.data(), width, first, depth);
    pack_panel(matrix.data() + first * width, width, next, depth, packed);
    update_rest(matrix.data(), width, next, depth, packed);
  }
}

}  // namespace ohmic
