#include "ohmic/cost/array_energy.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ohmic/core/random.h"
#include "ohmic/cost/test_support.h"

namespace ohmic {
namespace {

TEST(DriveOfCode, FollowsTheCoding) {
  EXPECT_DOUBLE_EQ(drive_of_code(-127, 127, InputCoding::pulse_width), 1);
  EXPECT_DOUBLE_EQ(drive_of_code(64, 127, InputCoding::amplitude), 64.0 * 64 / (127 * 127));
  EXPECT_DOUBLE_EQ(drive_of_code(5, 127, InputCoding::bit_serial), 2.0 / 7);
  EXPECT_EQ(drive_of_code(0, 127, InputCoding::bit_serial), 0);
}

NetworkSpec dense_and_convolution() {
  NetworkSpec network;
  LayerSpec convolution, dense;
  convolution.kind = LayerKind::convolution;
  convolution.units = 5;
  dense.kind = LayerKind::dense;
  dense.units = 4;
  network.layers = {convolution, dense};
  return network;
}

// The sum over cells, one by one, for vectors: V^2 t = 1.
double by_cells(const Tile& tile, std::span<const float> x, InputCoding coding) {
  float largest = 0;
  for (const float v : x) largest = std::max(largest, std::abs(v));
  double sum = 0;
  for (int i = 0; i < tile.inputs(); ++i) {
    const auto code = static_cast<int>(std::nearbyint(x[static_cast<std::size_t>(i)] / (largest / 127)));
    for (int j = 0; j < tile.outputs(); ++j) {
      const auto unit = static_cast<std::uint32_t>(i * tile.outputs() + j);
      const double g = static_cast<double>(tile.conductance_us(unit, 0) + tile.conductance_us(unit, 1));
      sum += drive_of_code(code, 127, coding) * g;
    }
  }
  return sum;
}

TEST(ActivityMeter, AddsUpWhatEachCellTakes) {
  const Technology technology = load_technology("pcm_14nm");
  NetworkSpec network;
  LayerSpec dense;
  dense.kind = LayerKind::dense;
  dense.units = 7;
  network.layers = {dense};
  Graph graph = graph_on_cells(network, {1, 1, 1, 20}, 4);
  const Tile& tile = dynamic_cast<const AnalogWeights&>(*graph.weight_matrices()[0]->weights).tile();
  Matrix x(3, 20);
  gaussians(RandomStream(8, Purpose::latent, 0, 0), x.values());
  double expected = 0;
  for (std::size_t s = 0; s < x.rows(); ++s) {
    std::vector<float> with_bias(x.row(s).begin(), x.row(s).end());
    if (tile.inputs() == 21) with_bias.push_back(1);
    expected += by_cells(tile, with_bias, InputCoding::pulse_width);
  }
  ActivityMeter meter(graph, technology);
  graph.forward(static_cast<const Matrix&>(x).view(), Pass{0, false});
  const auto result = meter.result();
  ASSERT_EQ(result.size(), 1u);
  const double full = 3.0 * tile.inputs() * tile.outputs() * 2 * technology.spec().cell_conductance_us;
  EXPECT_NEAR(result[0].share, expected / full, 1e-5 * result[0].share);
  EXPECT_GT(result[0].full_scale_share, result[0].share);
}

// An image of equal pixels drives every row of every patch alike, but for what lies beyond its edge.
TEST(ActivityMeter, LooksAtEveryPatchOfAnImage) {
  constexpr int kSize = 6, kChannels = 2;
  Graph graph = graph_on_cells(dense_and_convolution(), {1, kSize, kSize, kChannels}, 4);
  Matrix x(1, static_cast<std::size_t>(kSize * kSize * kChannels));
  for (float& v : x.values()) v = 1;
  const Tile& tile = dynamic_cast<const AnalogWeights&>(*graph.weight_matrices()[0]->weights).tile();
  const std::vector<double> rows = row_conductances_us(tile);
  double expected = 0;
  for (int p = 0; p < kSize * kSize; ++p) {
    for (int k = 0; k < 9; ++k) {
      const int row = p / kSize + k / 3 - 1, column = p % kSize + k % 3 - 1;
      if (row < 0 || column < 0 || row >= kSize || column >= kSize) continue;
      for (int c = 0; c < kChannels; ++c) expected += rows[static_cast<std::size_t>(k * kChannels + c)];
    }
  }
  const Technology technology = load_technology("pcm_14nm");
  ActivityMeter meter(graph, technology);
  graph.forward(static_cast<const Matrix&>(x).view(), Pass{0, false});
  const auto result = meter.result();
  ASSERT_EQ(result.size(), 2u);
  const double full = 1.0 * kSize * kSize * tile.inputs() * tile.outputs() * 2 * technology.spec().cell_conductance_us;
  EXPECT_NEAR(result[0].share, expected / full, 1e-9);
}

}  // namespace
}  // namespace ohmic
