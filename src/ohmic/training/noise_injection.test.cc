#include "ohmic/training/noise_injection.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ohmic/core/kernels.h"
#include "ohmic/network/weights.h"

namespace ohmic {
namespace {

constexpr int kNoisyUnits = 96;

// Two dense layers; the second one's weights are to stay digital.
Graph noisy_network() {
  NetworkSpec network;
  LayerSpec dense;
  dense.bias = false;
  dense.units = kNoisyUnits;
  network.layers.assign(2, dense);
  GraphContext context;
  context.input = {1, 1, 1, kNoisyUnits};
  context.make_weights = [](std::uint32_t unit, int inputs, int outputs, const LayerSpec&) {
    Matrix values(static_cast<std::size_t>(inputs), static_cast<std::size_t>(outputs));
    gaussians(RandomStream(7, Purpose::weight_initialisation, unit, 0), values.values());
    auto weights = std::make_unique<DigitalWeights>(std::move(values));
    weights->set_meant_for_cells(unit == 0);
    return weights;
  };
  return Graph(network, context);
}

std::vector<float> weights_now(const Graph& graph, std::size_t m) {
  const Matrix& values = dynamic_cast<const DigitalWeights&>(*graph.weight_matrices()[m]->weights).values();
  return {values.values().begin(), values.values().end()};
}

std::vector<float> difference(const std::vector<float>& a, const std::vector<float>& b) {
  std::vector<float> d(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) d[i] = a[i] - b[i];
  return d;
}

TEST(NoiseInjection, AddsNoiseOfTheLayersLargestWeightUntilRestored) {
  Graph graph = noisy_network();
  const std::vector<float> clean = weights_now(graph, 0), digital = weights_now(graph, 1);
  NoiseInjection injection({0.038, 0}, 5);
  injection.perturb(graph, 3);
  const std::vector<float> noise = difference(weights_now(graph, 0), clean);
  const double expected = 0.038 * static_cast<double>(max_abs(clean));
  double sum = 0, squares = 0;
  for (const float n : noise) {
    sum += static_cast<double>(n);
    squares += static_cast<double>(n) * static_cast<double>(n);
  }
  const auto count = static_cast<double>(noise.size());
  EXPECT_NEAR(sum / count, 0, 5 * expected / std::sqrt(count));
  EXPECT_NEAR(std::sqrt(squares / count), expected, 5 * expected / std::sqrt(2 * count));
  EXPECT_EQ(weights_now(graph, 1), digital);
  injection.restore(graph);
  EXPECT_EQ(weights_now(graph, 0), clean);
}

TEST(NoiseInjection, IsFreshInEachBatchAndKeyedByIt) {
  Graph graph = noisy_network();
  NoiseInjection injection({0.1, 0}, 5);
  std::vector<std::vector<float>> seen;
  for (const std::uint64_t step : {1u, 2u, 1u}) {
    injection.perturb(graph, step);
    seen.push_back(weights_now(graph, 0));
    injection.restore(graph);
  }
  EXPECT_NE(seen[0], seen[1]);
  EXPECT_EQ(seen[0], seen[2]);
}

TEST(NoiseInjection, ClipsAtStandardDeviationsOfTheLayer) {
  Graph graph = noisy_network();
  const std::vector<float> before = weights_now(graph, 0), digital = weights_now(graph, 1);
  NoiseInjection({0, 2}, 5).clip(graph);
  const std::vector<float> after = weights_now(graph, 0);
  double squares = 0, mean = 0;
  for (const float w : before) mean += static_cast<double>(w) / static_cast<double>(before.size());
  for (const float w : before) squares += std::pow(static_cast<double>(w) - mean, 2);
  const double bound = 2 * std::sqrt(squares / static_cast<double>(before.size()));
  EXPECT_NEAR(static_cast<double>(max_abs(after)), bound, 1e-5);
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (std::abs(static_cast<double>(before[i])) < 0.999 * bound) {
      ASSERT_EQ(after[i], before[i]);
    }
  }
  EXPECT_EQ(weights_now(graph, 1), digital);
}

}  // namespace
}  // namespace ohmic
