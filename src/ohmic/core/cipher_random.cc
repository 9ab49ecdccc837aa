#include "ohmic/core/cipher_random.h"

#include <Random123/ars.h>

#include "ohmic/core/gaussian_parts.h"

namespace ohmic {

std::uint32_t cipher_word(const RandomStream& stream, std::uint32_t element) {
  const ars4x32_ctr_t counter{{element / 4, stream.counter[0], stream.counter[1], stream.counter[2]}};
  const ars4x32_key_t key{{stream.key[0], stream.key[1], 0, 0}};
  return ars4x32_R(kCipherRounds, counter, key).v[element % 4];
}

float cipher_gaussian_from_word(std::uint32_t word) {
  int sum = 0;
  for (const std::uint8_t weight : detail::kGaussianWeights) {
    sum += weight * detail::kGaussianParts.values[word % detail::kGaussianPartCount];
    word >>= 8;
  }
  return static_cast<float>(sum) * detail::kGaussianStep;
}

float cipher_gaussian(const RandomStream& stream, std::uint32_t element) {
  return cipher_gaussian_from_word(cipher_word(stream, element));
}

}  // namespace ohmic
