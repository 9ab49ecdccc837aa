#include "ohmic/training/update_rule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "ohmic/core/kernels.h"
#include "ohmic/core/parallel.h"

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

}  // namespace
}  // namespace ohmic
