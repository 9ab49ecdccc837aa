#pragma once

// The part of encode_bytes that AVX-512 has a version of its own for.

#include "ohmic/core/kernels.h"

namespace ohmic {

/// encode_bytes for the first x.size() / 64 * 64 values, if the processor can and squares fit into its 16-bit products;
/// else for none. Returns how many are done.
std::size_t encode_bytes_avx512(std::span<const float> x, const ByteScale& scale, std::size_t first_row,
                                std::uint8_t* bytes, std::uint8_t* squares);

}  // namespace ohmic
