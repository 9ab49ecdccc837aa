// The cheap outer products have the full product as their expectation. All sums run over fixed keys; limits are five
// standard errors, so a right implementation fails at one of the 150 or so comparisons with a probability of 1e-4.

#include "ohmic/crossbar/outer_product.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "ohmic/core/kernels.h"
#include "ohmic/crossbar/tile.h"
#include "ohmic/device/preset.h"

namespace ohmic {
namespace {

constexpr std::uint64_t kUpdates = 4000;
constexpr double kMostErrors = 5;

const std::vector<float> kRow = {1.0f, -0.7f, 0.31f, 0.02f, -0.001f, 0.0f, -1.0f, 0.5f};

// Means of `draw(k, out)` over the draws against `wanted`.
void expect_means(std::span<const float> wanted, const std::function<void(std::uint64_t, std::vector<float>&)>& draw) {
  std::vector<double> sum(wanted.size(), 0.0), squares(wanted.size(), 0.0);
  std::vector<float> out(wanted.size());
  for (std::uint64_t k = 0; k < kUpdates; ++k) {
    draw(k, out);
    for (std::size_t i = 0; i < out.size(); ++i) {
      sum[i] += static_cast<double>(out[i]);
      squares[i] += static_cast<double>(out[i]) * static_cast<double>(out[i]);
    }
  }
  const auto n = static_cast<double>(kUpdates);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const double mean = sum[i] / n;
    const double error = std::sqrt(std::max(0.0, squares[i] / n - mean * mean) / n);
    EXPECT_NEAR(mean, static_cast<double>(wanted[i]), kMostErrors * error + 1e-6) << i;
  }
}

TEST(OuterProduct, RoundingToLevelsKeepsTheExpectation) {
  for (const int levels : {1, 3, 7}) {
    expect_means(kRow, [&](std::uint64_t k, std::vector<float>& out) {
      out = kRow;
      round_to_levels(out, levels, RandomStream(1, Purpose::outer_product, 0, k));
      for (const float v : out) {
        const double level = static_cast<double>(std::abs(v)) * levels;
        EXPECT_NEAR(level, std::round(level), 1e-5);
      }
    });
  }
}

TEST(OuterProduct, BitsKeepTheExpectation) {
  expect_means(kRow, [&](std::uint64_t k, std::vector<float>& out) {
    draw_bits(kRow, random_word(RandomStream(1, Purpose::outer_product, 0, k), 0), out);
    for (const float v : out) EXPECT_TRUE(v == 0 || std::abs(v) == 1);
  });
}

// The codes of one image and of its deltas, as a tile makes them.
struct Codes {
  PatchShape shape;
  CodeImages images, deltas;
  Matrix full;

  Codes() {
    shape.height = shape.width = 4;
    shape.channels = 3;
    shape.kernel_height = shape.kernel_width = 3;
    shape.pad_top = shape.pad_left = shape.pad_bottom = shape.pad_right = 1;
    TileSpec spec;
    spec.inputs = shape.patch_size();
    spec.outputs = 5;
    Tile tile(spec, DeviceSpec("ideal").make());
    Matrix x(1, shape.image_size()), d(1, 16 * 5);
    gaussians(RandomStream(3, Purpose::latent, 0, 0), x.values());
    gaussians(RandomStream(3, Purpose::latent, 0, 1), d.values());
    tile.encode_images(Direction::forward, x.view(), shape, images);
    tile.encode_vectors(Direction::backward, d.view(), shape, deltas);
    full = product(images, deltas);
  }

  Matrix product(const CodeImages& a, const CodeImages& b) const {
    Matrix gradient(static_cast<std::size_t>(shape.patch_size()), 5);
    patch_gradient(a, b, shape, gradient.view());
    return gradient;
  }
};

TEST(OuterProduct, OfRoundedCodesKeepsTheExpectation) {
  const Codes codes;
  expect_means(codes.full.values(), [&](std::uint64_t k, std::vector<float>& out) {
    CodeImages images = codes.images, deltas = codes.deltas;
    images.round_to_levels(3, 127, {1, 0, k});
    deltas.round_to_levels(3, 127, {1, 1, k});
    const Matrix product = codes.product(images, deltas);
    out.assign(product.values().begin(), product.values().end());
  });
}

TEST(OuterProduct, OfStreamsOfBitsKeepsTheExpectation) {
  const Codes codes;
  expect_means(codes.full.values(), [&](std::uint64_t k, std::vector<float>& out) {
    CodeImages images, deltas;
    images.draw_bits(codes.images, 127, 0, {1, 0, k});
    deltas.draw_bits(codes.deltas, 127, 0, {1, 1, k});
    const Matrix product = codes.product(images, deltas);
    out.assign(product.values().begin(), product.values().end());
  });
}

}  // namespace
}  // namespace ohmic
