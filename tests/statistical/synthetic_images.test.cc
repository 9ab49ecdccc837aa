// Do the stand-in images hold something to learn, and not too little?

#include "ohmic/data/synthetic_images.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "ohmic/data/image.h"

namespace ohmic {
namespace {

/// The plainest linear map: one matrix from pixels to scores, softmax, stochastic gradient descent.
class LinearMap {
 public:
  LinearMap(const Dataset& dataset) : decoder_(dataset, Normalise::per_channel), x_(decoder_.shape().size()) {
    weights_.assign(10, std::vector<float>(x_.size()));
  }

  void train(const Split& split) {
    for (int i = 0; i < split.count; ++i) {
      const auto scores = score(split, i);
      const double top = *std::max_element(scores.begin(), scores.end());
      double sum = 0;
      for (const double s : scores) sum += std::exp(s - top);
      for (std::size_t c = 0; c < 10; ++c) {
        const double share = std::exp(scores[c] - top) / sum;
        const auto step = static_cast<float>(1e-4 * ((c == split.labels[static_cast<std::size_t>(i)] ? 1 : 0) - share));
        for (std::size_t p = 0; p < x_.size(); ++p) weights_[c][p] += step * x_[p];
      }
    }
  }

  double accuracy(const Split& split) {
    int right = 0;
    for (int i = 0; i < split.count; ++i) {
      const auto scores = score(split, i);
      const auto best = std::max_element(scores.begin(), scores.end()) - scores.begin();
      right += best == split.labels[static_cast<std::size_t>(i)];
    }
    return static_cast<double>(right) / split.count;
  }

 private:
  std::array<double, 10> score(const Split& split, int i) {
    decoder_.decode(split, static_cast<std::size_t>(i), x_);
    std::array<double, 10> scores{};
    for (std::size_t c = 0; c < 10; ++c) {
      float sum = 0;
      for (std::size_t p = 0; p < x_.size(); ++p) sum += weights_[c][p] * x_[p];
      scores[c] = sum;
    }
    return scores;
  }

  ImageDecoder decoder_;
  std::vector<float> x_;
  std::vector<std::vector<float>> weights_;
};

double linear_accuracy(ImageKind kind) {
  Dataset dataset = make_synthetic_images({.kind = kind, .train_count = 2000, .test_count = 1000});
  measure_channels(dataset);
  LinearMap map(dataset);
  for (int epoch = 0; epoch < 4; ++epoch) map.train(dataset.train);
  return map.accuracy(dataset.test);
}

// In grey, a light shape on black lets places of ink say much; in colour, little but the tendency of the class is left.
// The small convolutional network (16, 32, 64 channels of 3x3, stride 2) got 97 % and 99.6 % from 10000 images.
TEST(SyntheticImages, AreSolvedInPartByALinearMap) {
  const double colour = linear_accuracy(ImageKind::colour), grey = linear_accuracy(ImageKind::grey);
  EXPECT_GT(colour, 0.15);
  EXPECT_LT(colour, 0.45);
  EXPECT_GT(grey, 0.35);
  EXPECT_LT(grey, 0.75);
}

}  // namespace
}  // namespace ohmic
