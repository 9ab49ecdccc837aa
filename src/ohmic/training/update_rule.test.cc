#include "ohmic/training/update_rule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "ohmic/core/kernels.h"
#include "ohmic/core/parallel.h"
#include "ohmic/device/preset.h"
#include "ohmic/network/weights.h"

namespace ohmic {
namespace {

constexpr std::size_t kSamples = 90, kOutputs = 21;

void fill(Matrix& m, std::uint64_t seed) { gaussians(RandomStream(seed, Purpose::forward_read, 0, 0), m.values()); }

// 40 inputs of one-hot vectors, 2 that are never there, then `dense` others.
WeightMatrix some_factors(std::size_t dense) {
  constexpr std::size_t kClasses = 40, kSilent = 2;
  WeightMatrix matrix;
  matrix.factored = true;
  matrix.inputs.resize(kSamples, kClasses + kSilent + dense);
  matrix.deltas.resize(kSamples, kOutputs);
  fill(matrix.inputs, 1);
  fill(matrix.deltas, 2);
  for (std::size_t s = 0; s < kSamples; ++s) {
    const std::span<float> row = matrix.inputs.row(s);
    std::fill_n(row.begin(), kClasses + kSilent, 0.0f);
    row[s * 7 % kClasses] = 1;
  }
  return matrix;
}

TEST(MultiplyFactors, GivesTheProductOfSparseAndDenseInputs) {
  for (const std::size_t dense : {0u, 3u, 22u, 100u}) {
    WeightMatrix matrix = some_factors(dense);
    multiply_factors(matrix);
    ASSERT_EQ(matrix.gradient.rows(), matrix.inputs.columns());
    for (std::size_t i = 0; i < matrix.inputs.columns(); ++i) {
      for (std::size_t j = 0; j < kOutputs; ++j) {
        double sum = 0;
        for (std::size_t s = 0; s < kSamples; ++s) {
          sum += static_cast<double>(matrix.inputs.row(s)[i]) * static_cast<double>(matrix.deltas.row(s)[j]);
        }
        EXPECT_NEAR(matrix.gradient.row(i)[j], sum, 1e-4) << i << ", " << j << " with " << dense << " dense inputs";
      }
    }
  }
}

TEST(MultiplyFactors, GivesTheSameBitsOnAnyNumberOfThreads) {
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 5}) {
    set_thread_count(threads);
    WeightMatrix matrix = some_factors(150);
    multiply_factors(matrix);
    results.emplace_back(matrix.gradient.values().begin(), matrix.gradient.values().end());
    EXPECT_EQ(results.back(), results.front());
  }
  set_thread_count(0);
}

// A linear cell whose step is epsilon, and a gradient that wants `wanted` epsilon of every weight in all, in `updates`
// equal parts. Returns the mean change of the weights, in epsilon.
double mean_change(double threshold, bool dither, double wanted, int updates) {
  constexpr int kSize = 128;
  auto parameters = load_cell_preset("ideal");
  TileSpec tile;
  tile.inputs = tile.outputs = kSize;
  ExperimentSpec experiment;
  experiment.mixed_precision.threshold = threshold;
  experiment.mixed_precision.dither = dither;
  experiment.optimizer.kind = OptimizerKind::sgd;
  WeightMatrix matrix;
  matrix.weights = std::make_unique<AnalogWeights>(Tile(tile, std::shared_ptr<const CellModel>(parameters->make())));
  matrix.gradient.resize(kSize, kSize);
  const double epsilon = experiment.mixed_precision.epsilon;
  std::fill(matrix.gradient.values().begin(), matrix.gradient.values().end(),
            static_cast<float>(-wanted * epsilon / updates));
  Matrix before(kSize, kSize), after(kSize, kSize);
  const Tile& cells = dynamic_cast<AnalogWeights&>(*matrix.weights).tile();
  cells.read_weights(before.view());
  const auto rule = make_update_rule(experiment, matrix);
  UpdateStep step;
  step.learning_rate = 1;
  for (int u = 0; u < updates; ++u, ++step.number) rule->update(matrix, step);
  cells.read_weights(after.view());
  double sum = 0;
  for (std::size_t i = 0; i < before.values().size(); ++i) {
    sum += static_cast<double>(after.values()[i]) - static_cast<double>(before.values()[i]);
  }
  return sum / epsilon / static_cast<double>(before.values().size());
}

// What is wanted of 16,384 weights together arrives, though it is less than a pulse of any: the share p of them is
// pulsed once, with a standard error of sqrt(p (1 - p) / 16384), at most 0.004; five of them.
TEST(MixedPrecisionRule, RoundingWithDitherPassesOnSmallChanges) {
  for (const double wanted : {0.05, 0.3, 0.7}) {
    EXPECT_NEAR(mean_change(0.5, true, wanted, 10), wanted, 0.02) << wanted;
  }
  EXPECT_NEAR(mean_change(0.5, true, 3.3, 40), 3.3, 0.02);
}

TEST(MixedPrecisionRule, TruncationKeepsSmallChangesBack) {
  EXPECT_EQ(mean_change(1, false, 0.95, 10), 0);
  EXPECT_NEAR(mean_change(1, false, 3.3, 40), 3, 1e-3);
  EXPECT_EQ(mean_change(2, false, 1.95, 10), 0);
  EXPECT_NEAR(mean_change(2, false, 3.3, 40), 2, 1e-3);  // from 2 epsilon on, one by one: at 2.0 and 3.0
  EXPECT_NEAR(mean_change(0.5, false, 0.6, 10), 1, 1e-3);
}

}  // namespace
}  // namespace ohmic
