#include "ohmic/core/convolver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "ohmic/core/kernels.h"
#include "ohmic/core/random.h"

namespace ohmic {
namespace {

std::vector<float> normal_numbers(std::size_t count, std::uint64_t when) {
  std::vector<float> numbers(count);
  gaussians(RandomStream(1, Purpose::forward_read, 0, when), numbers);
  return numbers;
}

// Calls term(pixel of the image, position, weight) for all that a convolution multiplies: where numbers of one channel
// or output begin.
template <class Term>
void for_each_product(const ConvolutionSizes& s, const Term& term) {
  for (int oy = 0; oy < s.out_height; ++oy) {
    for (int ox = 0; ox < s.out_width; ++ox) {
      for (int ky = 0; ky < s.kernel_height; ++ky) {
        for (int kx = 0; kx < s.kernel_width; ++kx) {
          const int y = oy * s.stride_y + ky * s.dilation_y - s.pad_top;
          const int x = ox * s.stride_x + kx * s.dilation_x - s.pad_left;
          if (y < 0 || y >= s.height || x < 0 || x >= s.width) continue;
          for (int c = 0; c < s.channels; ++c) {
            for (int k = 0; k < s.outputs; ++k) {
              term(static_cast<std::size_t>((y * s.width + x) * s.channels + c),
                   static_cast<std::size_t>((oy * s.out_width + ox) * s.outputs + k),
                   static_cast<std::size_t>(((ky * s.kernel_width + kx) * s.channels + c) * s.outputs + k));
            }
          }
        }
      }
    }
  }
}

void expect_near(const std::vector<float>& found, const std::vector<double>& expected) {
  double largest = 0;
  for (const double e : expected) largest = std::max(largest, std::abs(e));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(found[i]), expected[i], 1e-5 * largest) << i;
  }
}

// Whatever oneDNN has a way for must agree with the sums written out in double precision.
void expect_the_plain_sums(const ConvolutionSizes& s, int images) {
  const std::unique_ptr<Convolver> convolver = Convolver::make(s, images);
  if (convolver == nullptr) return;  // a matrix product is used instead
  const auto image_size = static_cast<std::size_t>(s.height * s.width * s.channels);
  const auto out_size = static_cast<std::size_t>(s.out_height * s.out_width * s.outputs);
  const auto weight_count = static_cast<std::size_t>(s.kernel_height * s.kernel_width * s.channels * s.outputs);
  const auto count = static_cast<std::size_t>(images);
  const std::vector<float> image = normal_numbers(count * image_size, 1),
                           positions = normal_numbers(count * out_size, 2), weights = normal_numbers(weight_count, 3);
  std::vector<double> forward(count * out_size), back(count * image_size), gradient(weight_count);
  for_each_product(s, [&](std::size_t pixel, std::size_t position, std::size_t weight) {
    const auto w = static_cast<double>(weights[weight]);
    for (std::size_t n = 0; n < count; ++n) {
      const std::size_t from = n * image_size + pixel, to = n * out_size + position;
      forward[to] += static_cast<double>(image[from]) * w;
      back[from] += static_cast<double>(positions[to]) * w;
      gradient[weight] += static_cast<double>(image[from]) * static_cast<double>(positions[to]);
    }
  });
  std::vector<float> found(count * out_size, 7.0f);
  convolver->set_weights(weights.data());
  convolver->convolve(images, image.data(), found.data());
  expect_near(found, forward);
  if (convolver->prepare(1)) {  // the same weights serve every number of images
    const std::vector<float> together = found;
    for (std::size_t n = 0; n < count; ++n) {
      convolver->convolve(1, image.data() + n * image_size, found.data() + n * out_size);
    }
    EXPECT_EQ(found, together);
  }
  if (convolver->prepare_back(images)) {
    convolver->set_back_weights(weights.data());
    found.assign(count * image_size, 7.0f);
    convolver->convolve_back(images, positions.data(), found.data());
    expect_near(found, back);
  }
  if (convolver->prepare_gradient(images)) {
    found.assign(weight_count, 7.0f);
    convolver->find_gradient(images, image.data(), positions.data(), found.data());
    expect_near(found, gradient);
  }
}

TEST(Convolver, GivesThePlainSumsInAllDirections) {
  //                     image      positions  kernel stride  padding     dilation
  expect_the_plain_sums({8, 8, 16, 8, 8, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, 3);
  expect_the_plain_sums({9, 7, 3, 9, 7, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, 1);
  expect_the_plain_sums({8, 8, 16, 4, 4, 24, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1}, 4);
  expect_the_plain_sums({8, 8, 6, 4, 4, 10, 1, 1, 2, 2, 0, 0, 0, 0, 1, 1}, 2);
  expect_the_plain_sums({9, 9, 5, 7, 5, 20, 3, 5, 1, 1, 0, 0, 0, 0, 1, 1}, 2);
  expect_the_plain_sums({9, 9, 16, 9, 9, 16, 3, 3, 1, 1, 2, 2, 2, 2, 2, 2}, 2);
}

// Else the fp32 networks would silently be slow: this shape has a way back wherever there are vectors of 8 numbers.
TEST(Convolver, HasAllDirectionsForAnOrdinaryLayer) {
  const auto convolver = Convolver::make({8, 8, 16, 8, 8, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1}, 10);
  ASSERT_NE(convolver, nullptr);
  EXPECT_TRUE(convolver->prepare(1));
  EXPECT_TRUE(convolver->prepare_back(10));
  EXPECT_TRUE(convolver->prepare_gradient(10));
}

}  // namespace
}  // namespace ohmic
