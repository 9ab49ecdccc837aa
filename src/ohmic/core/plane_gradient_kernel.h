#pragma once

// The gradient of a convolution whose patches lie side by side, by AMX, the tile registers of Intel's server
// processors. Codes lie in planes, one per channel, with the pixels of the padded image one after the other; then a
// kernel position is nothing but a distance, and the vectors have no codes where an image's line is longer than theirs.

#include <cstddef>
#include <cstdint>
#include <span>

namespace ohmic {

/// Rows and columns of the gradient that are summed at once, and positions that one instruction takes.
inline constexpr std::size_t kPlaneRows = 16, kPlaneColumns = 16, kPlanePositions = 64;
/// Kernel positions that share what is fetched.
inline constexpr std::size_t kPlaneKernels = 5;

/// planes[c plane_bytes + p] = pixels[p pixel_bytes + c] for p < `count`, and c up to a multiple of kPlaneRows beyond
/// pixel_bytes. Writes up to 15 bytes behind the last pixel of a plane.
void make_planes(const std::uint8_t* pixels, std::size_t pixel_bytes, std::size_t count, std::size_t plane_bytes,
                 std::uint8_t* planes);

/// One sample.
struct PlaneSample {
  const std::uint8_t* planes;  ///< codes + 128
  const std::uint8_t* quads;   ///< signed codes of the vectors: four positions of a column side by side (make_quads)
  float step;                  ///< of both codes together
};

/// A share in kPlaneRows x kPlaneColumns of the gradient for some kernel positions.
struct PlaneGradient {
  std::size_t plane_bytes, quad_bytes;  ///< from one plane, and from four positions, to the next
  int chunks;                           ///< of kPlanePositions
  std::size_t row, column;              ///< where it begins
  std::span<const std::int32_t>
      kernel;         ///< where kernel positions lie from a patch's first pixel; at most kPlaneKernels
  int rows, columns;  ///< that exist
  float* gradient;    ///< of the first kernel position; is increased
  std::size_t gradient_stride, kernel_stride;
};

/// Whether the processor has AMX for bytes, the system lets this process use it and no limit forbids it.
bool has_plane_gradient();

/// Adds sample after sample.
void add_plane_gradient(const PlaneGradient& part, std::span<const PlaneSample> samples);

}  // namespace ohmic
