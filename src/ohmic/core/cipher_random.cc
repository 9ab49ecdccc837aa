#include "ohmic/core/cipher_random.h"

#include <Random123/ars.h>

#include <bit>

#include "ohmic/core/gaussian_table.h"

namespace ohmic {

std::uint32_t cipher_word(const RandomStream& stream, std::uint32_t element) {
  const ars4x32_ctr_t counter{{element / 4, stream.counter[0], stream.counter[1], stream.counter[2]}};
  const ars4x32_key_t key{{stream.key[0], stream.key[1], 0, 0}};
  return ars4x32_R(7, counter, key).v[element % 4];
}

float cipher_gaussian_from_word(std::uint32_t word) {
  // A signed number in [-2^31, 2^31): its magnitude is the tail probability p = |v| 2^-32 <= 1/2, its sign that of z.
  const float v = static_cast<float>(static_cast<std::int32_t>(word)) + 0.5f;
  const auto bits = std::bit_cast<std::uint32_t>(v);
  const std::uint32_t exponent = (bits >> 23) & 0xffu;
  if (exponent > 157) return 0;  // v was rounded to 2^31: the median
  const std::uint32_t octave = 157 - exponent;
  const float t = std::bit_cast<float>((bits & 0x007fffffu) | 0x3f800000u) - 1.5f;
  float z = detail::kGaussianCoefficients[detail::kGaussianDegree][octave];
  for (int d = detail::kGaussianDegree - 1; d >= 0; --d) z = z * t + detail::kGaussianCoefficients[d][octave];
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(z) ^ (bits & 0x80000000u));
}

float cipher_gaussian(const RandomStream& stream, std::uint32_t element) {
  return cipher_gaussian_from_word(cipher_word(stream, element));
}

}  // namespace ohmic
