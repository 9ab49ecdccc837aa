#include "ohmic/core/count_planes.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "ohmic/core/random.h"

namespace ohmic {
namespace {

// Marks at random, more of them for some elements than for others, and a slow count of them.
class CountPlanesTest : public testing::Test {
 protected:
  static constexpr std::size_t kElements = 2 * CountPlanes::kPart + 70;

  void mark(std::size_t times) {
    for (std::size_t t = 0; t < times; ++t) {
      for (std::size_t block = 0; block < (kElements + 63) / 64; ++block) {
        std::uint64_t word = 0;
        for (std::size_t e = 64 * block; e < std::min(kElements, 64 * block + 64); ++e) {
          const std::uint32_t draw =
              random_word(RandomStream(1, Purpose::dropout, 0, t), static_cast<std::uint32_t>(e));
          if (draw % 7 > e % 7) continue;
          word |= std::uint64_t{1} << e % 64;
          ++slow_[e];
        }
        std::uint64_t words[3] = {0, word, 0};
        planes_.add(block, words);
      }
    }
  }

  CountPlanes planes_{kElements, 3};
  std::vector<std::uint64_t> slow_ = std::vector<std::uint64_t>(kElements);
};

TEST_F(CountPlanesTest, CountExactly) {
  mark(20);
  for (int k = 0; k < 300; ++k) planes_.add_one(4100, 1);
  slow_[4100] += 300;
  EXPECT_EQ(planes_.counts(1), slow_);
  std::uint64_t total = 0;
  for (const std::uint64_t n : slow_) total += n;
  EXPECT_EQ(planes_.total(), total);
  EXPECT_EQ(planes_.counts(0), std::vector<std::uint64_t>(kElements));
}

TEST_F(CountPlanesTest, TakeAsManyBitsAsTheHighestCountOfAPartNeeds) {
  EXPECT_LT(planes_.bytes(), 100u);
  mark(20);  // five bits, of two kinds
  EXPECT_LT(static_cast<double>(planes_.bytes()) / kElements, 2 * 0.125 * 5 + 0.1);
}

TEST_F(CountPlanesTest, AreSavedAndLoaded) {
  mark(5);
  planes_.add_one(3, 2);
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "count_planes.safetensors";
  SafetensorsWriter out;
  planes_.save("wear", out);
  CountPlanes(kElements, 3).save("none", out);
  out.write(path);
  CountPlanes loaded(kElements, 3), none(kElements, 3);
  loaded.add_one(9, 0);
  loaded.load("wear", SafetensorsFile(path));
  none.load("none", SafetensorsFile(path));
  for (const std::size_t kind : {0u, 1u, 2u}) EXPECT_EQ(loaded.counts(kind), planes_.counts(kind));
  EXPECT_EQ(none.total(), 0u);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace ohmic
