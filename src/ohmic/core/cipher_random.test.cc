#include "ohmic/core/cipher_random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "ohmic/core/cpu.h"

namespace ohmic {
namespace {

const RandomStream kStream(123, Purpose::forward_image_read, 4, 5);

TEST(CipherRandom, VectorsHaveTheBitsOfSingleDraws) {
  for (const char* isa : {"baseline", "avx2", "avx512", "avx512_vnni", "amx"}) {
    limit_instruction_set(isa);
    for (const std::size_t size : {1u, 15u, 16u, 17u, 500000u}) {
      std::vector<float> z(size);
      cipher_gaussians(kStream, 8, z);
      for (std::size_t i = 0; i < size; ++i) {
        ASSERT_EQ(z[i], cipher_gaussian(kStream, 8 + static_cast<std::uint32_t>(i))) << isa << ", " << i;
      }
    }
  }
  limit_instruction_set("amx");
}

TEST(CipherRandom, InversionIsSymmetricAndMonotone) {
  for (std::uint32_t word : {0u, 1u, 77u, 0x10000u, 0x3fffffu, 0x12345678u, 0x7fffff00u}) {
    ASSERT_EQ(cipher_gaussian_from_word(word), -cipher_gaussian_from_word(~word)) << word;
  }
  EXPECT_GT(cipher_gaussian_from_word(0), 6.2f);
  EXPECT_LT(std::abs(cipher_gaussian_from_word(0x7fffffffu)), 1e-4f);
  // Quantiles against the complementary error function: p = v 2^-32.
  for (double v = 0.5; v < 2147483648.0; v = v * 1.37 + 1) {
    const auto word = static_cast<std::uint32_t>(v);
    const double p = (word + 0.5) * 0x1p-32;
    const double z = static_cast<double>(cipher_gaussian_from_word(word));
    const double density = std::exp(-z * z / 2) / std::sqrt(2 * std::acos(-1.0));
    ASSERT_NEAR(std::erfc(z / std::sqrt(2.0)) / 2, p, 5e-5 * density + 1e-12 * p) << word;
  }
}

// 16 million draws: mean, variance and fourth moment within 5 standard errors, tails counted beyond 4 and 5 sigma, no
// correlation of neighbours, of words of one counter, and of neighbouring reads. One false alarm in 10^5 seeds.
TEST(CipherRandom, DrawsAreNormalAndIndependent) {
  constexpr std::size_t kSize = 1 << 16;
  constexpr int kReads = 256;
  constexpr double kCount = 1.0 * kSize * kReads;
  double sum = 0, squares = 0, fourth = 0, beyond4 = 0, beyond5 = 0;
  double lag[5] = {}, between_reads = 0, products_of_squares = 0;
  std::vector<float> z(kSize), before(kSize, 0.0f);
  for (int r = 0; r < kReads; ++r) {
    cipher_gaussians({9, Purpose::forward_image_read, 1, static_cast<std::uint64_t>(r)}, 0, z);
    for (std::size_t i = 0; i < kSize; ++i) {
      const double v = static_cast<double>(z[i]);
      sum += v;
      squares += v * v;
      fourth += v * v * v * v;
      beyond4 += std::abs(v) > 4;
      beyond5 += std::abs(v) > 5;
      between_reads += v * static_cast<double>(before[i]);
      for (std::size_t k = 1; k <= 4; ++k) lag[k] += v * static_cast<double>(z[(i + k) % kSize]);
      products_of_squares += (v * v - 1) * (static_cast<double>(z[(i + 1) % kSize] * z[(i + 1) % kSize]) - 1);
    }
    before = z;
  }
  const double error = 1 / std::sqrt(kCount);
  EXPECT_NEAR(sum / kCount, 0, 5 * error);
  EXPECT_NEAR(squares / kCount, 1, 5 * std::sqrt(2.0) * error);
  EXPECT_NEAR(fourth / kCount, 3, 5 * std::sqrt(96.0) * error);
  const double expected4 = kCount * std::erfc(4 / std::sqrt(2.0)), expected5 = kCount * std::erfc(5 / std::sqrt(2.0));
  EXPECT_NEAR(beyond4, expected4, 5 * std::sqrt(expected4));
  EXPECT_NEAR(beyond5, expected5, 5 * std::sqrt(expected5));
  for (int k = 1; k <= 4; ++k) EXPECT_NEAR(lag[k] / kCount, 0, 5 * error);
  EXPECT_NEAR(between_reads / kCount, 0, 5 * error);
  EXPECT_NEAR(products_of_squares / kCount, 0, 5 * 2 * error);
}

}  // namespace
}  // namespace ohmic
