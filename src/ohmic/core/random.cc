#include "ohmic/core/random.h"

#include <Random123/philox.h>

#include <algorithm>
#include <bit>

#include "ohmic/core/error.h"
#include "ohmic/core/gaussian_table.h"

namespace ohmic {

RandomStream::RandomStream(std::uint64_t seed, Purpose purpose, std::uint32_t unit, std::uint64_t when)
    : key{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
      counter{static_cast<std::uint32_t>(when), static_cast<std::uint32_t>(when >> 32),
              (static_cast<std::uint32_t>(purpose) << 24) | unit} {
  OHMIC_EXPECT(unit < (1u << 24));
}

std::uint32_t random_word(const RandomStream& stream, std::uint32_t element) {
  const std::uint32_t block = element / 32;
  const std::uint32_t half = (element % 32) / 16;
  const std::uint32_t lane = (element % 16) / 2;
  const r123::Philox4x32::ctr_type counter{{block * 8 + lane, stream.counter[0], stream.counter[1], stream.counter[2]}};
  const r123::Philox4x32::key_type key{{stream.key[0], stream.key[1]}};
  return r123::Philox4x32()(counter, key)[2 * half + element % 2];
}

double random_uniform(const RandomStream& stream, std::uint32_t element) {
  return (static_cast<double>(random_word(stream, element)) + 0.5) * 0x1p-32;
}

float gaussian_from_word(std::uint32_t word) {
  // The top bit is the sign, the other 31 are the tail probability p = (v + 1/2) 2^-32 < 1/2. Rounding to float must
  // not reach 2^31, which would open a 33rd octave.
  const float v = static_cast<float>(static_cast<std::int32_t>(word & 0x7fffffffu)) + 0.5f;
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(std::min(v, 2147483520.0f));
  const std::uint32_t octave = 157 - (bits >> 23);
  const float mantissa = std::bit_cast<float>((bits & 0x007fffffu) | 0x3f800000u);
  const float t = mantissa - 1.5f;
  float z = detail::kGaussianCoefficients[detail::kGaussianDegree][octave];
  for (int d = detail::kGaussianDegree - 1; d >= 0; --d) z = z * t + detail::kGaussianCoefficients[d][octave];
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(z) ^ (word & 0x80000000u));
}

float random_gaussian(const RandomStream& stream, std::uint32_t element) {
  return gaussian_from_word(random_word(stream, element));
}

}  // namespace ohmic
