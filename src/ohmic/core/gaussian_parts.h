#pragma once

// Standard normal numbers as sums of four: each byte of a 32-bit word picks one of 64 parts by its lower six bits, and
// the parts are added up with four weights of nearly the same size, which differ so that sums seldom coincide:
//
//   z = 2^-13 sum_k kGaussianWeights[k] kGaussianParts[byte_k & 63].
//
// Integers, so that every instruction set finds the same bits, and an AVX-512 processor with two instructions for 16
// numbers. The parts are equally likely, symmetric, and have nearly the kurtosis of a normal number, which the sum has
// then all the more; they were found by simulated annealing on the exact law of the sum, a convolution of 64^4 cases.
// cipher_random.test.cc has that law against the normal one: |F - Phi| < 8e-5 everywhere, tails beyond 3 and 4 within
// 1.1 %, beyond 4.5 a quarter too light; nothing beyond 5.4.

#include <array>
#include <cstdint>

namespace ohmic::detail {

inline constexpr int kGaussianPartCount = 64;  // place 63 - i has the negative of place i

struct GaussianParts {
  alignas(64) std::array<std::int8_t, kGaussianPartCount> values = {};

  constexpr GaussianParts() {
    constexpr std::array<std::int8_t, kGaussianPartCount / 2> kPositive = {1,  3,  4,  5,  9,  10, 11, 14, 15, 15, 20,
                                                                           23, 25, 27, 28, 31, 32, 34, 41, 44, 46, 50,
                                                                           51, 52, 55, 61, 63, 74, 77, 78, 79, 127};
    for (std::size_t i = 0; i < kPositive.size(); ++i) {
      values[32 + i] = kPositive[i];
      values[31 - i] = static_cast<std::int8_t>(-kPositive[i]);
    }
  }
};

inline constexpr GaussianParts kGaussianParts;
inline constexpr std::array<std::uint8_t, 4> kGaussianWeights = {77, 84, 90, 95};
inline constexpr float kGaussianStep = 0x1p-13f;  // the variance of the sum is 2^26 (1 - 3.2e-5)

}  // namespace ohmic::detail
