#include "ohmic/data/synthetic_images.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "ohmic/data/image.h"
#include "ohmic/data/sha256.h"
#include "ohmic/data/test_support.h"

namespace ohmic {
namespace {

constexpr auto kKinds = {ImageKind::colour, ImageKind::grey};

const Dataset& drawn(ImageKind kind) {
  static const auto draw = [](ImageKind k) {
    Dataset dataset = make_synthetic_images({.kind = k, .train_count = 2000, .test_count = 1000});
    measure_channels(dataset);
    return dataset;
  };
  static const Dataset colour = draw(ImageKind::colour), grey = draw(ImageKind::grey);
  return kind == ImageKind::colour ? colour : grey;
}

std::vector<std::uint8_t> draw(ImageKind kind, std::uint64_t seed, SplitKind split, std::uint32_t index) {
  std::vector<std::uint8_t> pixels(kind == ImageKind::colour ? 3072 : 784);
  draw_image(kind, 4, seed, split, index, pixels);
  return pixels;
}

TEST(SyntheticImages, HaveTheFormOfWhatTheyStandInFor) {
  for (const ImageKind kind : kKinds) {
    const Dataset& dataset = drawn(kind);
    EXPECT_TRUE(dataset.synthetic);
    EXPECT_EQ(dataset.class_count, 10);
    EXPECT_EQ(dataset.train.sample_shape,
              kind == ImageKind::colour ? (std::vector<int>{3, 32, 32}) : (std::vector<int>{28, 28}));
    EXPECT_EQ(dataset.train.pixels.size(), 2000 * image_shape(dataset.train).size());
    for (std::size_t i = 0; i < dataset.train.labels.size(); ++i) EXPECT_EQ(dataset.train.labels[i], i % 10);
  }
}

// The bytes are pinned: other bytes would make earlier results irreproducible, and show a platform that rounds
// differently.
TEST(SyntheticImages, AreTheSameBytesEverywhere) {
  const auto sha256 = [](ImageKind kind) {
    return sha256_of(
        make_synthetic_images({.kind = kind, .train_count = 100, .test_count = 1, .seed = 7}).train.pixels);
  };
  EXPECT_EQ(sha256(ImageKind::colour), "cc3ca4be9ab33815ae578f8c5bd1148be952680283067e02a01cc4528a52763d");
  EXPECT_EQ(sha256(ImageKind::grey), "59625c900e69f66f5fce7dde83e7114b7ad499f4c6233c6a71bd77c08d741ea9");
}

TEST(SyntheticImages, DependOnKindSeedSplitAndIndexOnly) {
  for (const ImageKind kind : kKinds) {
    const auto image = draw(kind, 1, SplitKind::train, 4);
    const auto in_set = std::span(drawn(kind).train.pixels).subspan(4 * image.size(), image.size());
    EXPECT_TRUE(std::equal(image.begin(), image.end(), in_set.begin()));
    EXPECT_NE(image, draw(kind, 2, SplitKind::train, 4));
    EXPECT_NE(image, draw(kind, 1, SplitKind::test, 4));
    EXPECT_NE(image, draw(kind, 1, SplitKind::train, 14));
  }
}

TEST(SyntheticImages, NeverAppearTwice) {
  for (const ImageKind kind : kKinds) {
    std::set<std::string> seen;
    for (const Split* split : {&drawn(kind).train, &drawn(kind).test}) {
      const std::size_t size = image_shape(*split).size();
      for (auto at = split->pixels.begin(); at != split->pixels.end(); at += static_cast<std::ptrdiff_t>(size)) {
        EXPECT_TRUE(seen.emplace(at, at + static_cast<std::ptrdiff_t>(size)).second);
      }
    }
  }
}

TEST(SyntheticImages, ShowSomethingInEveryImage) {
  for (const ImageKind kind : kKinds) {
    const Split& split = drawn(kind).train;
    const std::size_t size = image_shape(split).size();
    for (std::size_t i = 0; i < static_cast<std::size_t>(split.count); ++i) {
      const auto image = std::span(split.pixels).subspan(i * size, size);
      const auto [low, high] = std::minmax_element(image.begin(), image.end());
      EXPECT_GT(*high - *low, 50) << "image " << i;
    }
  }
}

TEST(SyntheticImages, RejectAnEmptySplit) {
  test::expect_error([] { make_synthetic_images({.train_count = 0}); },
                     {"synthetic_images: 0 training and 2000 test", "at least 1"});
}

}  // namespace
}  // namespace ohmic
