#pragma once

// The part of encode_bytes that AVX-512 has a version of its own for, and what it shares with the portable one.

#include <cstdint>

#include "ohmic/core/kernels.h"

namespace ohmic {

/// Squares are rounded by multiples of this modulo 2^16, a low-discrepancy sequence: 65536 / golden ratio.
inline constexpr std::int32_t kGolden = 40503;

/// encode_bytes for the first x.size() / 64 * 64 values, if the processor can and squares fit into its 16-bit products;
/// else for none. Returns how many are done.
std::size_t encode_bytes_avx512(std::span<const float> x, const ByteScale& scale, std::size_t first_row,
                                std::uint8_t* bytes, std::uint8_t* squares);

}  // namespace ohmic
