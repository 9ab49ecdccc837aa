#include "ohmic/core/cipher_random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
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

// What each byte adds to z, in steps: the other bytes' shares cancel between a word and the one with them inverted.
std::array<std::vector<int>, 4> shares_of_bytes() {
  std::array<std::vector<int>, 4> shares;
  for (int k = 0; k < 4; ++k) {
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t mask = 0xffu << 8 * k, own = byte << 8 * k, rest = 0x12345678u & ~mask;
      const float twice = cipher_gaussian_from_word(own | rest) + cipher_gaussian_from_word(own | (~rest & ~mask));
      shares[static_cast<std::size_t>(k)].push_back(static_cast<int>(std::lrint(twice * 0x1p12f)));
    }
  }
  return shares;
}

TEST(CipherRandom, NumberIsTheSumOfItsBytesShares) {
  const auto shares = shares_of_bytes();
  for (std::uint32_t i = 0; i < 10000; ++i) {
    const std::uint32_t word = cipher_word(kStream, i);
    int steps = 0;
    for (std::size_t k = 0; k < 4; ++k) steps += shares[k][word >> 8 * k & 0xff];
    ASSERT_EQ(cipher_gaussian_from_word(word), static_cast<float>(steps) * 0x1p-13f) << word;
    ASSERT_EQ(cipher_gaussian_from_word(word), -cipher_gaussian_from_word(~word)) << word;
  }
}

// The law over all words, without sampling: the shares' laws convolved. Its distance from the normal law, moments and
// tails as gaussian_parts.h promises.
TEST(CipherRandom, LawOfAllWordsIsNormal) {
  constexpr int kFar = 1 << 16;  // steps
  std::vector<double> law(2 * kFar + 1, 0.0);
  law[kFar] = 1;
  for (const std::vector<int>& shares : shares_of_bytes()) {
    std::vector<double> next(law.size(), 0.0);
    for (std::size_t i = 0; i < law.size(); ++i) {
      if (law[i] == 0) continue;
      for (const int share : shares) next[i + static_cast<std::size_t>(share + kFar) - kFar] += law[i] / 256;
    }
    law = std::move(next);
  }
  double total = 0, moment2 = 0, moment4 = 0, distance = 0, furthest = 0;
  double beyond3 = 0, beyond4 = 0;
  for (std::size_t i = 0; i < law.size(); ++i) {
    const double z = (static_cast<double>(i) - kFar) * 0x1p-13;
    moment2 += law[i] * z * z;
    moment4 += law[i] * z * z * z * z;
    const double normal = std::erfc(-z / std::sqrt(2.0)) / 2;
    distance = std::max(distance, std::abs(total - normal));  // just below z
    total += law[i];
    distance = std::max(distance, std::abs(total - normal));
    if (std::abs(z) > 3) beyond3 += law[i];
    if (std::abs(z) > 4) beyond4 += law[i];
    if (law[i] > 0) furthest = std::max(furthest, z);
  }
  EXPECT_NEAR(total, 1, 1e-12);
  EXPECT_NEAR(moment2, 1, 4e-5);
  EXPECT_NEAR(moment4, 3, 3e-4);
  EXPECT_LT(distance, 8e-5);
  EXPECT_NEAR(beyond3 / std::erfc(3 / std::sqrt(2.0)), 1, 0.01);
  EXPECT_NEAR(beyond4 / std::erfc(4 / std::sqrt(2.0)), 1, 0.011);
  EXPECT_GT(furthest, 5.3);
}

// 16 million draws: mean, variance and fourth moment within 5 standard errors, the tail counted beyond 4 sigma, no
// correlation of neighbours, of words of one counter, and of neighbouring reads. One false alarm in 10^5 seeds.
TEST(CipherRandom, DrawsAreNormalAndIndependent) {
  constexpr std::size_t kSize = 1 << 16;
  constexpr int kReads = 256;
  constexpr double kCount = 1.0 * kSize * kReads;
  double sum = 0, squares = 0, fourth = 0, beyond4 = 0;
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
  const double expected4 = kCount * std::erfc(4 / std::sqrt(2.0));
  EXPECT_NEAR(beyond4, expected4, 5 * std::sqrt(expected4));
  for (int k = 1; k <= 4; ++k) EXPECT_NEAR(lag[k] / kCount, 0, 5 * error);
  EXPECT_NEAR(between_reads / kCount, 0, 5 * error);
  EXPECT_NEAR(products_of_squares / kCount, 0, 5 * 2 * error);
}

}  // namespace
}  // namespace ohmic
