#pragma once

// Kernels of the gradient of a convolution: products of codes summed over the positions of one image. Codes lie in
// quads, the four bytes of four consecutive positions in a row, as the byte-wise multiply-add instructions want them.

#include <cstddef>
#include <cstdint>

namespace ohmic {

/// out[4 c + k] = pixels[k][c] ^ flip. `channels` is a multiple of 4.
void make_quads(const std::uint8_t* const (&pixels)[4], std::size_t channels, std::uint8_t flip, std::uint8_t* out);

/// Rows and columns of the gradient that are summed at once.
inline constexpr int kGradientRows = 8;
inline constexpr int kGradientColumns = 32;

/// One image's share in kGradientRows x kGradientColumns of the gradient.
struct GradientTile {
  const std::uint8_t* codes;    ///< + 128: quads of kGradientRows rows; `code_stride` bytes to the next four positions
  const std::uint8_t* vectors;  ///< signed: quads of kGradientColumns columns; `vector_stride` to the next four
  std::size_t code_stride, vector_stride;
  std::size_t code_line, vector_line;  ///< bytes to the next line of positions
  int lines, quads;                    ///< lines of positions, quads in a line
  const std::int32_t* vector_sums;     ///< of the signed codes of each column over all positions
  float step;                          ///< of both codes together
  int rows, columns;                   ///< of the tile that exist
  float* gradient;                     ///< is increased
  std::size_t gradient_stride;
};

void add_gradient_tile(const GradientTile& tile);

}  // namespace ohmic
