#include "ohmic/core/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include "ohmic/core/cpu.h"
#include "ohmic/core/kernels.h"

namespace ohmic {
namespace {

TEST(Random, WordsAreThoseOfPhilox4x32WithTenRounds) {
  // Known answer of the Random123 distribution (kat_vectors): counter and key all zero.
  RandomStream zero(0, Purpose{0}, 0, 0);
  EXPECT_EQ(random_word(zero, 0), 0x6627e8d5u);
  EXPECT_EQ(random_word(zero, 1), 0xe169c58du);
  EXPECT_EQ(random_word(zero, 16), 0xbc57ac4cu);
  EXPECT_EQ(random_word(zero, 17), 0x9b00dbd8u);
}

TEST(Random, StreamsDifferInEveryPartOfTheirKey) {
  std::set<std::uint32_t> words;
  for (std::uint64_t seed : {1ull, 2ull, 1ull << 40}) {
    for (const Purpose purpose : {Purpose::forward_read, Purpose::backward_read}) {
      for (std::uint32_t unit : {0u, 1u}) {
        for (std::uint64_t when : {0ull, 1ull, 1ull << 33}) words.insert(random_word({seed, purpose, unit, when}, 0));
      }
    }
  }
  EXPECT_EQ(words.size(), 3u * 2 * 2 * 3);
}

TEST(Random, GaussianQuantilesMatchTheNormalLaw) {
  // Phi(z(word)) must be the word's own probability: checked over the whole range, both tails.
  for (std::uint32_t k = 0; k < 31; ++k) {
    for (std::uint32_t offset : {0u, 1u, 12345u}) {
      const std::uint32_t word = (1u << k) + (offset % (1u << k));
      const double p = (static_cast<double>(word) + 0.5) * 0x1p-32;
      const double z = gaussian_from_word(word);
      const double slope = std::exp(-z * z / 2) / std::sqrt(2 * M_PI);
      EXPECT_NEAR(0.5 * std::erfc(z / std::sqrt(2.0)), p, 5e-5 * slope + 1e-12) << "word " << word;
      EXPECT_EQ(gaussian_from_word(word | 0x80000000u), -static_cast<float>(z));
    }
  }
}

TEST(Random, KernelsGiveTheSameGaussiansOnEveryInstructionSet) {
  const RandomStream stream(7, Purpose::forward_read, 3, 11);
  for (const char* isa : {"baseline", "avx2", "avx512_vnni", "amx"}) {
    limit_instruction_set(isa);
    std::vector<float> z(1000);  // not a multiple of a block
    gaussians(stream, z);
    for (std::uint32_t e = 0; e < z.size(); ++e)
      ASSERT_EQ(z[e], random_gaussian(stream, e)) << isa << ", element " << e;
  }
}

}  // namespace
}  // namespace ohmic
