#pragma once

// Images in their padding: rows of PatchShape::padded_width pixels, channels side by side.

#include <cstdint>
#include <span>

#include "ohmic/core/kernels.h"
#include "ohmic/crossbar/patches.h"

namespace ohmic {

/// An image of floats into its padded place.
void place_values(const PatchShape& shape, std::span<const float> x, std::span<float> image);

/// The bytes of an image into their padded place, where a pixel has room for a multiple of 4 channels, and the squares
/// unless null. `scratch` has room for both without padding.
void encode_image(const PatchShape& shape, std::span<const float> x, const ByteScale& scale, std::uint8_t* scratch,
                  std::uint8_t* bytes, std::uint8_t* squares);

}  // namespace ohmic
