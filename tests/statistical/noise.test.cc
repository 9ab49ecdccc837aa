// Is the noise right? All seeds are fixed; the false-alarm rate of each test is stated with it.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "ohmic/core/kernels.h"
#include "ohmic/crossbar/reference/slow_reader.h"
#include "ohmic/crossbar/tile.h"
#include "ohmic/device/preset.h"

namespace ohmic {
namespace {

constexpr std::size_t kDraws = 4'000'000;

std::vector<float> many_gaussians() {
  std::vector<float> z(kDraws);
  gaussians(RandomStream(12345, Purpose::forward_read, 1, 2), z);
  return z;
}

// Bounds are 5 standard errors: false-alarm rate 6e-7 per moment, 3e-6 in all.
TEST(GaussianNoise, FourMillionDrawsHaveTheMomentsOfTheNormalLaw) {
  const std::vector<float> z = many_gaussians();
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0, serial = 0;
  for (std::size_t i = 0; i < kDraws; ++i) {
    const double v = z[i];
    m1 += v;
    m2 += v * v;
    m3 += v * v * v;
    m4 += v * v * v * v;
    if (i > 0) serial += v * z[i - 1];
  }
  const double n = kDraws, root = std::sqrt(n);
  EXPECT_NEAR(m1 / n, 0, 5 / root);
  EXPECT_NEAR(m2 / n, 1, 5 * std::sqrt(2.0) / root);
  EXPECT_NEAR(m3 / n, 0, 5 * std::sqrt(15.0) / root);
  EXPECT_NEAR(m4 / n, 3, 5 * std::sqrt(96.0) / root);
  EXPECT_NEAR(serial / n, 0, 5 / root);
}

// Counts beyond k sigma against the normal law: each within 5 standard deviations of the Poisson law, or for the rarest
// (beyond 5 sigma, 2.3 expected) at least one and at most 12: false-alarm rate 0.1 for "at least one" before the seed
// was fixed, 1e-6 for the rest.
TEST(GaussianNoise, TailsArePresentBeyondFiveSigma) {
  const std::vector<float> z = many_gaussians();
  for (const double k : {1.0, 2.0, 3.0, 4.0, 4.5}) {
    const auto count = static_cast<double>(std::count_if(z.begin(), z.end(), [k](float v) { return std::abs(v) > k; }));
    const double expected = std::erfc(k / std::sqrt(2.0)) * kDraws;
    EXPECT_NEAR(count, expected, 5 * std::sqrt(expected)) << "beyond " << k << " sigma";
  }
  const auto far = std::count_if(z.begin(), z.end(), [](float v) { return std::abs(v) > 5; });
  EXPECT_GE(far, 1);
  EXPECT_LE(far, 12);
}

// Chi-square over 256 equally likely bins: 255 degrees of freedom, bound at 6 standard deviations (false-alarm rate
// 1e-8).
TEST(GaussianNoise, FillsTheNormalLawEvenly) {
  const std::vector<float> z = many_gaussians();
  std::vector<double> bins(256);
  for (const float v : z) {
    const double p = 0.5 * std::erfc(-static_cast<double>(v) / std::sqrt(2.0));
    bins[std::min<std::size_t>(255, static_cast<std::size_t>(p * 256))] += 1;
  }
  const double expected = kDraws / 256.0;
  double chi_square = 0;
  for (const double b : bins) chi_square += (b - expected) * (b - expected) / expected;
  EXPECT_LT(chi_square, 255 + 6 * std::sqrt(2 * 255.0));
  EXPECT_GT(chi_square, 255 - 6 * std::sqrt(2 * 255.0));
}

// A table of noise that is used again would show runs that repeat. Any four neighbours are 128 random bits: a chance
// repeat among 4 million has a probability below 1e-25.
TEST(GaussianNoise, NoRunOfDrawsIsEverRepeated) {
  const std::vector<float> z = many_gaussians();
  std::vector<std::pair<std::uint64_t, std::uint64_t>> runs(kDraws - 3);
  for (std::size_t i = 0; i + 3 < kDraws; ++i) {
    std::uint32_t bits[4];
    std::memcpy(bits, &z[i], sizeof bits);
    runs[i] = {(static_cast<std::uint64_t>(bits[0]) << 32) | bits[1],
               (static_cast<std::uint64_t>(bits[2]) << 32) | bits[3]};
  }
  std::sort(runs.begin(), runs.end());
  EXPECT_EQ(std::adjacent_find(runs.begin(), runs.end()), runs.end());
}

// ------------------------------------------------------------------------------------------------ read noise of a tile

TileSpec exact_converters(int inputs, int outputs) {
  TileSpec spec;
  spec.inputs = inputs;
  spec.outputs = outputs;
  spec.periphery.array_rows = 64;
  spec.periphery.array_columns = 64;
  spec.periphery.adc_bits = 0;
  return spec;
}

struct Sample {
  double mean = 0, variance = 0, kurtosis = 0;
  double beyond_3 = 0;  ///< share beyond three standard deviations of the predicted law
};

Sample statistics(const std::vector<double>& values, double sigma, double center) {
  Sample s;
  const auto n = static_cast<double>(values.size());
  for (const double v : values) s.mean += v / n;
  double m4 = 0;
  for (const double v : values) {
    const double d = v - s.mean;
    s.variance += d * d / n;
    m4 += d * d * d * d / n;
    s.beyond_3 += (std::abs(v - center) > 3 * sigma) / n;
  }
  s.kurtosis = m4 / (s.variance * s.variance);
  return s;
}

std::vector<float> input(int kind, std::size_t size) {
  std::vector<float> x(size, 0.0f);
  const RandomStream stream(5, Purpose::data_order, 0, static_cast<std::uint64_t>(kind));
  for (std::uint32_t i = 0; i < size; ++i) {
    if (kind == 0) x[i] = random_gaussian(stream, i);                                      // dense
    if (kind == 1) x[i] = i % 7 == 0 ? static_cast<float>(random_uniform(stream, i)) : 0;  // sparse, positive
    if (kind == 2) x[i] = i == 3 ? 1.0f : 0.02f;                                           // one large among many small
    if (kind == 3) x[i] = i == 11 ? -1.0f : 0.0f;                                          // a single row
  }
  return x;
}

class ReadNoise : public testing::TestWithParam<int> {};

// The noise added at the outputs against one Gaussian per cell (the slow reader) and against the closed form
// sum_i x_i^2 (sigma+_ij^2 + sigma-_ij^2), with x as the DAC gives it. 20000 reads in law, 2000 by cells. Bounds: 5
// standard errors, plus 1.5 % of the variance for the 8-bit variance digits (3 % for a single row, where nothing
// averages): false-alarm rate below 1e-5 per kind of input.
TEST_P(ReadNoise, HasTheLawOfIndependentCells) {
  constexpr int kReads = 20000, kSlowReads = 2000, kInputs = 150, kOutputs = 3;
  Tile tile(exact_converters(kInputs, kOutputs), load_cell_preset("pcm")->make());
  const std::vector<float> x = input(GetParam(), kInputs);
  std::vector<std::vector<double>> fast(kOutputs), slow(kOutputs);
  for (int begin = 0; begin < kReads; begin += 500) {
    Matrix batch(500, kInputs), y(500, kOutputs);
    for (std::size_t v = 0; v < 500; ++v) std::copy(x.begin(), x.end(), batch.row(v).begin());
    tile.forward(batch.view(), y.view(), static_cast<std::uint64_t>(begin));
    for (std::size_t v = 0; v < 500; ++v) {
      for (std::size_t j = 0; j < kOutputs; ++j) fast[j].push_back(y.row(v)[j]);
    }
  }
  for (int r = 0; r < kSlowReads; ++r) {
    const auto y = reference::slow_forward(tile, x, 1000 + static_cast<std::uint64_t>(r), true);
    for (std::size_t j = 0; j < kOutputs; ++j) slow[j].push_back(y[j]);
  }
  const auto center = reference::slow_forward(tile, x, 0, false);
  const double range =
      *std::max_element(x.begin(), x.end(), [](float a, float b) { return std::abs(a) < std::abs(b); });
  for (std::size_t j = 0; j < kOutputs; ++j) {
    double variance = 0;
    for (std::uint32_t i = 0; i < kInputs; ++i) {
      const double code = std::nearbyint(x[i] / std::abs(range) * 127) / 127 * std::abs(range);
      for (const int side : {0, 1}) {
        const double sigma = 0.03 * tile.conductance_us(i * kOutputs + static_cast<std::uint32_t>(j), side) + 0.13;
        variance += code * code * sigma * sigma / 64;
      }
    }
    const double sigma = std::sqrt(variance);
    const Sample f = statistics(fast[j], sigma, center[j]), s = statistics(slow[j], sigma, center[j]);
    const double digit = GetParam() == 3 ? 0.03 : 0.015;
    EXPECT_NEAR(f.mean, center[j], 5 * sigma / std::sqrt(kReads) + 2e-3) << "output " << j;
    EXPECT_NEAR(s.mean, center[j], 5 * sigma / std::sqrt(kSlowReads)) << "output " << j;
    EXPECT_NEAR(f.variance / variance, 1, 5 * std::sqrt(2.0 / kReads) + digit) << "output " << j;
    EXPECT_NEAR(s.variance / variance, 1, 5 * std::sqrt(2.0 / kSlowReads)) << "output " << j;
    EXPECT_NEAR(f.kurtosis, 3, 5 * std::sqrt(24.0 / kReads)) << "output " << j;
    EXPECT_NEAR(f.beyond_3, 0.0027, 5 * std::sqrt(0.0027 / kReads) + 0.0027 * 5 * digit) << "output " << j;
  }
}

INSTANTIATE_TEST_SUITE_P(Inputs, ReadNoise, testing::Values(0, 1, 2, 3));

// Outputs, reads and row blocks must not share noise: correlations within 5 standard errors of zero (false-alarm rate
// 2e-6).
TEST(ReadNoiseOfATile, IsIndependentAcrossOutputsAndReads) {
  constexpr std::size_t kReads = 20000;
  Tile tile(exact_converters(64, 2), load_cell_preset("pcm")->make());
  Matrix batch(kReads, 64), y(kReads, 2);
  std::fill(batch.values().begin(), batch.values().end(), 1.0f);
  tile.forward(batch.view(), y.view(), 0);
  double mean[2] = {0, 0}, variance[2] = {0, 0}, outputs = 0, reads = 0;
  for (std::size_t v = 0; v < kReads; ++v) {
    for (std::size_t j = 0; j < 2; ++j) mean[j] += static_cast<double>(y.row(v)[j]) / kReads;
  }
  for (std::size_t v = 0; v < kReads; ++v) {
    const double a = y.row(v)[0] - mean[0], b = y.row(v)[1] - mean[1];
    variance[0] += a * a / kReads;
    variance[1] += b * b / kReads;
    outputs += a * b / kReads;
    if (v > 0) reads += a * (y.row(v - 1)[0] - mean[0]) / kReads;
  }
  EXPECT_NEAR(outputs / std::sqrt(variance[0] * variance[1]), 0, 5 / std::sqrt(kReads));
  EXPECT_NEAR(reads / variance[0], 0, 5 / std::sqrt(kReads));
}

}  // namespace
}  // namespace ohmic
