// Do the constants of known cells come back from what is measured of them? Unit tests of the fit: src/ohmic/device.

#include <gtest/gtest.h>

#include <cmath>

#include "ohmic/core/random.h"
#include "ohmic/device/fit_test_support.h"

namespace ohmic::test {
namespace {

// Intervals miss 1 in 20 by design. Of 33 constants more than 6 are missed in 1 of 1,000 sets of seeds if all is right
// (binomial); an error beyond 4.5 standard errors in 1 of 4,000.
TEST(FitOfKnownCells, ThePresetsConstantsComeBackFromSingleReads) {
  int missed = 0;
  for (const std::uint64_t seed : {1, 2, 3}) {
    const CellFit fit = fit_cell(sampled("pcm", {.cells = 300, .pulses = 20, .seed = seed}));
    EXPECT_TRUE(fit.has_converged);
    EXPECT_GT(fit.quality.r_squared, 0.995);
    EXPECT_NEAR(fit.quality.reduced_chi_square, 1, 5 * std::sqrt(2 / 6000.0));
    EXPECT_EQ(value(fit, "step_mean_curvature_per_us"), 0);
    EXPECT_EQ(value(fit, "step_spread"), 0);
    EXPECT_TRUE(warns(fit, "no repeated reads"));
    for (const Truth& truth : truths()) {
      const FittedConstant& c = constant(fit, truth.name);
      EXPECT_TRUE(c.is_derived) << c.name;
      EXPECT_LT(std::abs(c.value - truth.value), 4.5 * standard_error(c) + 0.05 * std::abs(truth.value))
          << c.name << " " << c.value << " seed " << seed;
      missed += is_recovered(c, truth.value) ? 0 : 1;
    }
  }
  EXPECT_LE(missed, 6);
}

// One read in five is missing at random: intervals are wider, not wrong.
TEST(FitOfKnownCells, GapsInTheSequencesAreIntegratedOver) {
  Measurements m = sampled("pcm", {.cells = 300, .pulses = 20, .seed = 6});
  const RandomStream stream(7, Purpose::data_order, 0, 0);
  std::uint32_t element = 0;
  for (MeasuredCell& cell : m.cells) {
    for (PulseReads& reads : cell.pulses) {
      if (random_uniform(stream, element++) < 0.2) reads.clear();
    }
  }
  const CellFit fit = fit_cell(m);
  int missed = 0;
  for (const Truth& truth : truths()) missed += is_recovered(constant(fit, truth.name), truth.value) ? 0 : 1;
  EXPECT_LE(missed, 3);
  EXPECT_NEAR(fit.quality.reduced_chi_square, 1, 0.1);
}

TEST(FitOfKnownCells, ASpreadFromCellToCellIsNotTakenForSlopeOrMemory) {
  // RRAM with soft bounds: mean step 0.4 (1 - (G - 0.5) / 20), noise 30 % of it, cells differ by 30 %.
  const CellFit fit = fit_cell(sampled("rram_soft_bounds", {.cells = 40, .pulses = 16, .seed = 1}));
  EXPECT_NEAR(value(fit, "step_spread"), 0.3, 5 * 0.3 / std::sqrt(80.0));
  EXPECT_NEAR(value(fit, "step_mean_slope"), -0.02, 0.01);
  EXPECT_EQ(value(fit, "step_mean_memory_us"), 0);
  EXPECT_FALSE(constant(fit, "memory_decay_pulses").is_derived);
}

TEST(FitOfKnownCells, SaturationIsFoundWhereThereIsSome) {
  PcmParameters p = pcm_constants();
  p.conductance_max_us = 8;
  const CellFit fit = fit_cell(sampled(*p.make(), {.cells = 150, .pulses = 20, .seed = 1}));
  EXPECT_TRUE(constant(fit, "conductance_max_us").is_derived);
  EXPECT_NEAR(value(fit, "conductance_max_us"), 8, 0.1);
  const CellFit free = fit_cell(sampled("pcm", {.cells = 100, .pulses = 5, .seed = 1}));
  EXPECT_FALSE(constant(free, "conductance_max_us").is_derived);
  EXPECT_NE(constant(free, "conductance_max_us").remark, "");
}

TEST(FitOfKnownCells, CurvatureIsKeptOnlyWhereTheDataAskForIt) {
  FittedParameters p;
  p.common = pcm_constants();
  p.common.step_mean_slope = -0.3;
  p.common.step_mean_offset_us = 1.6;
  p.step_mean_curvature_per_us = 0.015;
  const CellFit fit = fit_cell(sampled(*p.make(), {.cells = 200, .pulses = 20, .seed = 1}));
  const FittedConstant& curvature = constant(fit, "step_mean_curvature_per_us");
  EXPECT_TRUE(curvature.is_derived);
  EXPECT_LT(std::abs(curvature.value - 0.015), 4.5 * standard_error(curvature));
}

}  // namespace
}  // namespace ohmic::test
