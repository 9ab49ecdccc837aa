// Does the cell behave as published? Vectors of the model of Nandakumar et al., J. Appl. Phys. 124, 152135 (2018):
// RESET to 0.1 uS, then SET pulses, G_max 20 uS.

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "ohmic/core/random.h"
#include "ohmic/crossbar/tile.h"
#include "ohmic/device/preset.h"

namespace ohmic {
namespace {

constexpr int kCells = 200000;

struct Vector {
  int pulses;
  double mean, stddev, step, share_negative;
};
// Derived by an independent Monte-Carlo of the same model with 2e5 cells; its own error is about 0.005 uS on means.
constexpr std::array<Vector, 5> kVectors = {{{1, 2.06, 1.52, 1.955, 0.147},
                                             {2, 3.43, 1.97, 1.372, 0.172},
                                             {5, 5.91, 2.38, 0.642, 0.261},
                                             {10, 7.83, 2.46, 0.276, 0.373},
                                             {20, 9.40, 2.66, 0.098, 0.447}}};

struct Moments {
  double mean = 0, stddev = 0;
};

Moments moments(const std::vector<double>& values) {
  Moments m;
  for (const double v : values) m.mean += v / static_cast<double>(values.size());
  for (const double v : values) m.stddev += (v - m.mean) * (v - m.mean) / static_cast<double>(values.size() - 1);
  m.stddev = std::sqrt(m.stddev);
  return m;
}

// False alarms: each bound is 5 standard errors of both Monte-Carlos together plus the rounding of the table (half of
// its last digit): below 1e-6 per check, 20 checks, hence below 2e-5 for the test. The seed is fixed.
TEST(PcmModel, SetPulsesGiveThePublishedMeansSpreadsAndSteps) {
  const auto cell = load_cell_preset("pcm")->make();
  std::vector<double> conductance(kCells, 0.1), step(kCells);
  double negative = 0;
  int pulse = 0;
  for (const Vector& expected : kVectors) {
    for (; pulse < expected.pulses; ++pulse) {
      const RandomStream stream(1, Purpose::set_pulse, 0, static_cast<std::uint64_t>(pulse));
      negative = 0;
      for (std::uint32_t c = 0; c < kCells; ++c) {
        const auto before = static_cast<float>(conductance[c]);
        const float after = cell->set(before, static_cast<std::uint32_t>(pulse), {random_gaussian(stream, c), 0});
        step[c] = static_cast<double>(after) - before;
        conductance[c] = after;
        negative += (after <= before) / static_cast<double>(kCells);  // equal: clipped at the lowest conductance
      }
    }
    const Moments g = moments(conductance), s = moments(step);
    const double both = std::sqrt(2.0 / kCells);
    const double share = expected.share_negative;
    EXPECT_NEAR(g.mean, expected.mean, 5 * g.stddev * both + 0.005) << expected.pulses << " pulses";
    EXPECT_NEAR(g.stddev, expected.stddev, 5 * g.stddev * both + 0.005) << expected.pulses << " pulses";
    EXPECT_NEAR(s.mean, expected.step, 5 * s.stddev * both + 0.0005) << expected.pulses << " pulses";
    EXPECT_NEAR(negative, share, 5 * std::sqrt(share * (1 - share)) * both + 0.0005) << expected.pulses << " pulses";
  }
}

TEST(PcmModel, NoiseFreeTrajectoryIsExact) {
  constexpr std::array<double, 10> kTrajectory = {1.9246, 3.2916, 4.3367, 5.1530, 5.8048,
                                                  6.3365, 6.7790, 7.1541, 7.4771, 7.7590};
  const auto cell = load_cell_preset("pcm")->make();
  for (std::uint32_t n = 1; n <= 10; ++n) EXPECT_NEAR(cell->mean_conductance_us(n), kTrajectory[n - 1], 1e-4) << n;
  EXPECT_NEAR(cell->mean_conductance_us(15), 8.7671, 1e-4);
  EXPECT_NEAR(cell->mean_conductance_us(20), 9.3803, 1e-4);
}

TEST(PcmModel, ResetLeavesASmallConductance) {
  const auto cell = load_cell_preset("pcm")->make();
  const RandomStream stream(2, Purpose::reset_pulse, 0, 0);
  std::vector<double> g(kCells);
  for (std::uint32_t c = 0; c < kCells; ++c) g[c] = cell->reset(random_gaussian(stream, c));
  const Moments m = moments(g);
  EXPECT_NEAR(m.mean, 0.1, 5 * 0.01 / std::sqrt(kCells));
  EXPECT_NEAR(m.stddev, 0.01, 5 * 0.01 / std::sqrt(2.0 * kCells));
  EXPECT_GE(*std::min_element(g.begin(), g.end()), 0.01f);
}

TEST(PcmModel, ConductancesStayWithinTheirBounds) {
  const auto cell = load_cell_preset("pcm")->make();
  EXPECT_FLOAT_EQ(cell->set(19.9f, 3, {6, 0}), 20);
  EXPECT_FLOAT_EQ(cell->set(0.2f, 3, {-6, 0}), 0.1f);
}

// A whole tile ages as the power law says: from the reference age on, G(t) = G (t / 38.6 s)^-0.04.
TEST(PcmModel, OneYearOfDriftMatchesTheClosedForm) {
  TileSpec spec;
  spec.inputs = spec.outputs = 64;
  Tile tile(spec, load_cell_preset("pcm")->make());
  for (const double seconds : {1.0, 3600.0, 86400.0, 2.592e6, 3.1536e7}) {
    Tile aged(spec, load_cell_preset("pcm")->make());
    aged.age(seconds);
    const double expected = std::pow((seconds + 38.6) / 38.6, -0.04);
    for (std::uint32_t p = 0; p < 4096; ++p) {
      const double fresh = tile.pairs()[p].conductance_us[0];
      ASSERT_NEAR(aged.conductance_us(p, 0), fresh * expected, 1.02e-3 * fresh * expected) << seconds << " s";
    }
  }
}

}  // namespace
}  // namespace ohmic
