// Do the constants of a cell come back from measurements of it, and is what the data do not hold said so?

#include "ohmic/device/fit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "ohmic/core/error.h"
#include "ohmic/core/parallel.h"
#include "ohmic/core/random.h"
#include "ohmic/device/fit_test_support.h"
#include "ohmic/device/preset.h"
#include "ohmic/device/sampling.h"

namespace ohmic {
namespace {

using namespace test;

// Reads at several times: drift and read noise are known apart, the rest as before. Rates as in
// tests/fidelity/fit.test.cc.
TEST(Fit, RepeatedReadsGiveReadNoiseAndDrift) {
  const SamplingPlan plan{.cells = 150, .pulses = 15, .reads = 2, .times_s = {1, 38.6, 1000}, .seed = 5};
  const CellFit fit = fit_cell(sampled("pcm", plan));
  EXPECT_NEAR(value(fit, "read_noise_offset_us"), 0.13, 0.05 * 0.13);
  EXPECT_NEAR(value(fit, "read_noise_slope"), 0.03, 0.05 * 0.03);
  EXPECT_NEAR(value(fit, "drift_exponent"), 0.04, 0.05 * 0.04);
  EXPECT_TRUE(is_recovered(constant(fit, "drift_exponent"), 0.04));
  EXPECT_EQ(value(fit, "drift_exponent_spread"), 0);
  EXPECT_EQ(value(fit, "drift_reference_age_s"), 38.6);
  EXPECT_FALSE(warns(fit, "no repeated reads"));
  int missed = 0;
  for (const Truth& truth : truths()) missed += is_recovered(constant(fit, truth.name), truth.value) ? 0 : 1;
  EXPECT_LE(missed, 3);
}

TEST(Fit, ASpreadOfTheDriftExponentIsFound) {
  const CellFit fit =
      fit_cell(sampled("pcm_spread", {.cells = 100, .pulses = 10, .times_s = {1, 38.6, 1000}, .seed = 2}));
  EXPECT_NEAR(value(fit, "drift_exponent"), 0.04, 0.004);  // 0.008 / 10 is a standard error of the mean of 100
  EXPECT_NEAR(value(fit, "drift_exponent_spread"), 0.008, 5 * 0.008 / std::sqrt(200.0));
}

TEST(Fit, TheReferenceAgeMovesTheConductancesAlongTheDrift) {
  const Measurements m = sampled("pcm", {.cells = 60, .pulses = 8, .times_s = {1, 38.6, 1000}, .seed = 3});
  const CellFit middle = fit_cell(m), early = fit_cell(m, {.reference_age_s = 1});
  EXPECT_EQ(value(early, "drift_reference_age_s"), 1);
  const double factor = std::pow(38.6, value(middle, "drift_exponent"));
  EXPECT_NEAR(value(early, "reset_mean_us") / value(middle, "reset_mean_us"), factor, 0.02 * factor);
  EXPECT_NEAR(value(early, "step_mean_slope"), value(middle, "step_mean_slope"), 0.005);
}

TEST(Fit, ReadsWithoutNoiseGiveNoReadNoise) {
  const auto model = with_variation(load_cell_preset("pcm")->make(), {.read_to_read = 0});
  const CellFit fit = fit_cell(sampled(*model, {.cells = 300, .pulses = 20, .seed = 4}));
  EXPECT_LT(value(fit, "read_noise_offset_us") + 5 * value(fit, "read_noise_slope"), 0.01);
  EXPECT_NEAR(value(fit, "conductance_min_us"), 0.1, 0.001);
  EXPECT_NEAR(value(fit, "reset_stddev_us"), 0.01, 0.002);
  int missed = 0;
  for (const Truth& truth : truths()) {
    const bool is_noise = std::string_view(truth.name).starts_with("read_noise");
    missed += is_noise || is_recovered(constant(fit, truth.name), truth.value) ? 0 : 1;
  }
  EXPECT_LE(missed, 3);
}

TEST(Fit, FewCellsAreFittedWithAWarning) {
  const CellFit fit = fit_cell(sampled("pcm", {.cells = 4, .pulses = 20, .seed = 1}));
  EXPECT_TRUE(warns(fit, "only 4 cells"));
  for (const FittedConstant& c : fit.constants) EXPECT_TRUE(std::isfinite(c.value)) << c.name;
  EXPECT_NO_THROW(fit.parameters.make());
}

TEST(Fit, AFallingMeanIsNamed) {
  Measurements m = sampled("pcm", {.cells = 60, .pulses = 4, .seed = 1});
  for (MeasuredCell& cell : m.cells) std::reverse(cell.pulses.begin(), cell.pulses.end());
  EXPECT_TRUE(warns(fit_cell(m), "the mean conductance falls from pulse"));
}

TEST(Fit, AModelThatDoesNotHoldIsNamed) {
  Measurements m = sampled("pcm", {.cells = 80, .pulses = 6, .seed = 1});
  for (std::size_t i = 0; i < m.cells.size(); i += 2) {  // every other cell hardly reacts
    for (PulseReads& reads : m.cells[i].pulses) reads[0].conductance_us = 0.1 + 0.02 * reads[0].conductance_us;
  }
  EXPECT_TRUE(warns(fit_cell(m), "the model misses the distribution"));
}

// White noise around one level, whatever the pulse: not what SET pulses do.
TEST(Fit, AMeanThatTheModelDoesNotTellIsNamed) {
  Measurements m = sampled("pcm", {.cells = 60, .pulses = 6, .seed = 1});
  const RandomStream stream(7, Purpose::data_order, 0, 0);
  std::uint32_t element = 0;
  for (MeasuredCell& cell : m.cells) {
    for (PulseReads& reads : cell.pulses) reads[0].conductance_us = 5 + random_gaussian(stream, element++);
  }
  EXPECT_TRUE(warns(fit_cell(m), "does not tell the mean trajectory"));
}

TEST(Fit, ReadsAfterEveryFifthPulseAreRefusedWithTheReason) {
  Measurements m = sampled("pcm", {.cells = 5, .pulses = 20, .seed = 1});
  for (MeasuredCell& cell : m.cells) {
    for (std::size_t n = 0; n < cell.pulses.size(); ++n) {
      if (n % 5 != 0) cell.pulses[n].clear();
    }
  }
  try {
    fit_cell(m);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("no cell was read after two pulses in a row"), std::string::npos);
  }
}

// Not far enough to be left out, too far for any noise of this cell.
TEST(Fit, OddReadsAreNotPassedOver) {
  Measurements m = sampled("pcm", {.cells = 60, .pulses = 10, .seed = 3});
  for (std::size_t k = 0; k < 6; ++k) m.cells[9 * k].pulses[k + 2][0].conductance_us = k % 2 == 0 ? 40 : -20;
  const CellFit fit = fit_cell(m);
  EXPECT_TRUE(warns(fit, "as the model expects"));
  for (const FittedConstant& c : fit.constants) EXPECT_TRUE(std::isfinite(c.value)) << c.name;
  EXPECT_TRUE(std::isfinite(constant(fit, "step_mean_slope").low) || warns(fit, "have no interval"));
}

// Noise so small that the likelihood does not resolve it.
TEST(Fit, ScatterFarBelowAStepCountsAsNone) {
  Measurements m = sampled("ideal", {.cells = 40, .pulses = 8, .seed = 1});
  const RandomStream stream(7, Purpose::data_order, 0, 0);
  std::uint32_t element = 0;
  for (MeasuredCell& cell : m.cells) {
    for (PulseReads& reads : cell.pulses) reads[0].conductance_us += 1e-4 * random_gaussian(stream, element++);
  }
  const CellFit fit = fit_cell(m);
  EXPECT_TRUE(warns(fit, "all alike"));
  EXPECT_FALSE(warns(fit, "misses"));
  EXPECT_NEAR(value(fit, "step_mean_offset_us"), 0.768, 1e-4);
}

TEST(Fit, AReferenceAgeBeyondTheDataIsNamed) {
  const Measurements m = sampled("pcm", {.cells = 20, .pulses = 4, .times_s = {1, 100}, .seed = 1});
  EXPECT_TRUE(warns(fit_cell(m, {.reference_age_s = 1e6}), "outside the data's times, 1 to 100 s"));
}

TEST(Fit, ConductancesThatStandStillAreRefused) {
  Measurements m = sampled("pcm", {.cells = 5, .pulses = 5, .seed = 1});
  for (MeasuredCell& cell : m.cells) {
    for (PulseReads& reads : cell.pulses) reads[0].conductance_us = 2;
  }
  EXPECT_THROW(fit_cell(m), Error);
}

TEST(Fit, CellsWithoutAnyScatterAreFittedExactly) {
  const CellFit fit = fit_cell(sampled("ideal", {.cells = 10, .pulses = 10, .seed = 1}));
  EXPECT_NEAR(value(fit, "step_mean_offset_us"), 0.768, 1e-5);
  EXPECT_NEAR(value(fit, "step_mean_slope"), 0, 1e-5);
  EXPECT_EQ(value(fit, "step_stddev_offset_us"), 0);
  EXPECT_TRUE(warns(fit, "all alike"));
  EXPECT_EQ(fit.quality.pulses_beyond_ks, 0u);
}

TEST(Fit, EqualDataGiveEqualConstantsWhateverTheThreads) {
  const Measurements m = sampled("pcm", {.cells = 40, .pulses = 5, .seed = 1});
  set_thread_count(1);
  const CellFit one = fit_cell(m);
  set_thread_count(3);
  const CellFit three = fit_cell(m);
  set_thread_count(0);
  for (std::size_t k = 0; k < one.constants.size(); ++k) {
    EXPECT_EQ(one.constants[k].value, three.constants[k].value) << one.constants[k].name;
  }
}

TEST(Fit, ThePresetReadsBackAsTheFittedCell) {
  const Measurements m = sampled("pcm", {.cells = 40, .pulses = 5, .seed = 1});
  CellFit fit = fit_cell(m);
  const std::string path = ::testing::TempDir() + "ohmic_fit_test.toml";
  std::ofstream(path) << fitted_preset_text(fit, m, "m.csv");
  const auto loaded = load_cell_preset(path);
  EXPECT_EQ(loaded->model(), "fitted");
  const auto& read = dynamic_cast<const FittedParameters&>(*loaded);
  EXPECT_EQ(read.common.step_mean_slope, fit.parameters.common.step_mean_slope);
  EXPECT_EQ(read.common.conductance_max_us, fit.parameters.common.conductance_max_us);
  EXPECT_EQ(read.common.read_noise_offset_us, fit.parameters.common.read_noise_offset_us);
  std::remove(path.c_str());
}

TEST(Sampling, ACellIsTheSameWhateverTheNumberOfCells) {
  const Measurements few = sampled("pcm", {.cells = 3, .pulses = 5, .seed = 9});
  const Measurements many = sampled("pcm", {.cells = 30, .pulses = 5, .seed = 9});
  for (std::size_t n = 0; n <= 5; ++n) {
    EXPECT_EQ(few.cells[2].pulses[n][0].conductance_us, many.cells[2].pulses[n][0].conductance_us);
  }
  EXPECT_NE(to_csv(few), to_csv(sampled("pcm", {.cells = 3, .pulses = 5, .seed = 10})));
}

// Mean and spread after 1 and 10 pulses of the published model (tests/fidelity), read noise added; 5 standard errors.
TEST(Sampling, CellsFollowTheirModel) {
  const Measurements m = sampled("pcm", {.cells = 4000, .pulses = 10, .seed = 1});
  const auto check = [&](std::size_t pulse, double mean, double stddev, double noise) {
    double sum = 0, squares = 0;
    for (const MeasuredCell& cell : m.cells) sum += cell.pulses[pulse][0].conductance_us;
    sum /= 4000;
    for (const MeasuredCell& cell : m.cells) squares += std::pow(cell.pulses[pulse][0].conductance_us - sum, 2);
    const double expected = std::hypot(stddev, noise);
    EXPECT_NEAR(sum, mean, 5 * expected / std::sqrt(4000.0) + 0.005);
    EXPECT_NEAR(std::sqrt(squares / 3999), expected, 5 * expected / std::sqrt(8000.0));
  };
  check(1, 2.06, 1.52, 0.2);
  check(10, 7.83, 2.46, 0.37);
}

}  // namespace
}  // namespace ohmic
