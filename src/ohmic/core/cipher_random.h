#pragma once

// Keyed randomness like random.h, from rounds of AES on a counter: ARS4x32-5 of the same paper (Salmon et al., SC 2011,
// section 4.2: the least number of rounds that passes all of TestU01's BigCrush). Where the processor has AES
// instructions it costs less than a quarter of Philox. The noise of reads comes from it.

#include <cstdint>
#include <span>

#include "ohmic/core/random.h"

namespace ohmic {

inline constexpr int kCipherRounds = 5;

/// Element e of the stream: word e % 4 of counter e / 4.
std::uint32_t cipher_word(const RandomStream& stream, std::uint32_t element);

/// Standard normal, a sum of four parts of one 32-bit word (gaussian_parts.h): symmetric, |z| up to 5.4, the law within
/// 8e-5 of the normal one. random.h has a slower inversion with longer tails.
float cipher_gaussian(const RandomStream& stream, std::uint32_t element);

/// The sum itself. The vector kernels compute the same bits.
float cipher_gaussian_from_word(std::uint32_t word);

/// out[i] = cipher_gaussian of element first + i; `first` is a multiple of 4.
void cipher_gaussians(const RandomStream& stream, std::uint32_t first, std::span<float> out);

}  // namespace ohmic
