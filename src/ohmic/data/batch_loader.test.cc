#include "ohmic/data/batch_loader.h"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>

#include "ohmic/core/parallel.h"
#include "ohmic/data/synthetic_images.h"
#include "ohmic/data/test_support.h"

namespace ohmic {
namespace {

constexpr auto kLoadings = {Loading::foreground, Loading::background};

const Dataset& dataset() {
  static const Dataset drawn = [] {
    Dataset made = make_synthetic_images({.train_count = 60, .test_count = 10});
    measure_channels(made);
    return made;
  }();
  return drawn;
}

BatchOptions options_of(Loading loading, std::size_t batch_size) {
  return {.batch_size = batch_size,
          .normalise = Normalise::per_channel,
          .augmentation = {4, true},
          .seed = 5,
          .loading = loading};
}

std::vector<int> backwards(int count = 60) {
  std::vector<int> order(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) order[static_cast<std::size_t>(i)] = count - 1 - i;
  return order;
}

struct Epoch {
  std::vector<float> numbers;
  std::vector<int> labels;
  std::vector<std::size_t> sizes;
};

Epoch read_all(BatchLoader& loader) {
  Epoch epoch;
  while (loader.has_next()) {
    const ImageBatch& batch = loader.next();
    const auto values = batch.images.values();
    EXPECT_EQ(batch.images.rows(), batch.labels.size());
    EXPECT_EQ(batch.images.columns(), 3072u);
    epoch.numbers.insert(epoch.numbers.end(), values.begin(), values.end());
    epoch.labels.insert(epoch.labels.end(), batch.labels.begin(), batch.labels.end());
    epoch.sizes.push_back(batch.labels.size());
  }
  return epoch;
}

Epoch slow_epoch(const std::vector<int>& order, std::uint64_t number) {
  const ImageDecoder decoder(dataset(), Normalise::per_channel);
  Epoch epoch;
  std::vector<float> image(decoder.shape().size());
  for (const int sample : order) {
    const auto drawn = draw_augmentation({4, true}, 5, number, static_cast<std::uint32_t>(sample));
    decoder.decode(dataset().train, static_cast<std::size_t>(sample), drawn, image);
    epoch.numbers.insert(epoch.numbers.end(), image.begin(), image.end());
    epoch.labels.push_back(dataset().train.labels[static_cast<std::size_t>(sample)]);
  }
  return epoch;
}

TEST(BatchLoader, GivesTheSameInTheBackgroundAndForAnyBatchSize) {
  for (const std::uint64_t epoch : {0u, 3u}) {
    const Epoch expected = slow_epoch(backwards(), epoch);
    for (const Loading loading : kLoadings) {
      for (const std::size_t size : {1u, 7u, 60u, 100u}) {
        BatchLoader loader(dataset(), dataset().train, options_of(loading, size));
        loader.start(backwards(), epoch);
        const Epoch read = read_all(loader);
        EXPECT_EQ(read.numbers, expected.numbers);
        EXPECT_EQ(read.labels, expected.labels);
        EXPECT_EQ(read.sizes.size(), (60 + size - 1) / size);
        EXPECT_EQ(loader.position(), 60u);
      }
    }
  }
}

TEST(BatchLoader, GoesOnInTheMiddleOfAnEpoch) {
  const Epoch expected = slow_epoch(backwards(), 2);
  for (const Loading loading : kLoadings) {
    BatchLoader loader(dataset(), dataset().train, options_of(loading, 8));
    loader.start(backwards(), 2, 50);
    const Epoch read = read_all(loader);
    EXPECT_EQ(read.sizes, (std::vector<std::size_t>{8, 2}));
    EXPECT_TRUE(std::equal(read.numbers.begin(), read.numbers.end(), expected.numbers.begin() + 50 * 3072));
    loader.start(backwards(), 2, 60);
    EXPECT_FALSE(loader.has_next());
  }
}

TEST(BatchLoader, LeavesTheBatchAloneWhileItIsInUse) {
  const Epoch expected = slow_epoch(backwards(), 0);
  BatchLoader loader(dataset(), dataset().train, options_of(Loading::background, 10));
  loader.start(backwards(), 0);
  const ImageBatch& batch = loader.next();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // time enough to prepare the next one
  const auto values = batch.images.values();
  EXPECT_TRUE(std::equal(values.begin(), values.end(), expected.numbers.begin()));
}

TEST(BatchLoader, CanBeStartedAnewAtAnyTime) {
  for (const Loading loading : kLoadings) {
    BatchLoader loader(dataset(), dataset().train, options_of(loading, 16));
    for (std::uint64_t epoch = 0; epoch < 20; ++epoch) {
      loader.start(backwards(), epoch);
      for (std::uint64_t i = 0; i < epoch % 4; ++i) loader.next();
    }
    loader.start(backwards(), 7);
    EXPECT_EQ(read_all(loader).numbers, slow_epoch(backwards(), 7).numbers);
  }
}

TEST(BatchLoader, CanBeDestroyedAtAnyTime) {
  for (int taken = 0; taken < 30; ++taken) {
    BatchLoader loader(dataset(), dataset().train, options_of(Loading::background, 20));
    if (taken == 0) continue;  // never started
    loader.start(backwards(), 0);
    for (int i = 0; i < taken % 4; ++i) loader.next();
  }
}

TEST(BatchLoader, ThrowsWhereTheBatchIsAskedForAndGoesOnAfterANewStart) {
  for (const Loading loading : kLoadings) {
    BatchLoader loader(dataset(), dataset().train, options_of(loading, 2));
    loader.start({0, 1, 2, 60, 4}, 0);
    EXPECT_EQ(loader.next().labels, (std::vector<int>{0, 1}));
    for (int again = 0; again < 2; ++again) {
      test::expect_error([&] { loader.next(); }, {"image 60", "images 0 to 59"});
      EXPECT_EQ(loader.position(), 2u);
    }
    loader.start({-1}, 0);
    EXPECT_THROW(loader.next(), Error);
    loader.start({5}, 0);
    EXPECT_EQ(loader.next().labels, (std::vector<int>{5}));
  }
}

TEST(BatchLoader, UsesAThreadOnlyWhereThereIsOneToSpareAndItIsWorthIt) {
  const int before = thread_count();
  const auto is_background = [](std::size_t batch_size) {
    return BatchLoader(dataset(), dataset().train, options_of(Loading::automatic, batch_size)).is_background();
  };
  set_thread_count(2);
  EXPECT_TRUE(is_background(64));
  EXPECT_FALSE(is_background(1));
  set_thread_count(1);
  EXPECT_FALSE(is_background(64));
  set_thread_count(before);
}

TEST(BatchLoader, RejectsEmptyBatchesAndText) {
  test::expect_error([] { BatchLoader(dataset(), dataset().train, options_of(Loading::foreground, 0)); },
                     {"batches of 0 images"});
  Dataset text;
  text.train.tokens = {1, 2};
  test::expect_error([&] { BatchLoader(text, text.train, {}); }, {"images"});
}

}  // namespace
}  // namespace ohmic
