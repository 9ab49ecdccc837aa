// Do the constants of a cell come back from measurements of it, and is what the data do not hold said so?

#include "ohmic/device/fit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "ohmic/core/error.h"
#include "ohmic/core/parallel.h"
#include "ohmic/core/random.h"
#include "ohmic/core/test_support.h"
#include "ohmic/device/fit_test_support.h"
#include "ohmic/device/preset.h"
#include "ohmic/device/sampling.h"

namespace ohmic {
namespace {

using namespace test;

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
  const Measurements m = sampled("pcm", {.cells = test::tries(40, 8), .pulses = 5, .seed = 1});
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
  const Measurements m = sampled("pcm", {.cells = test::tries(40, 8), .pulses = 5, .seed = 1});
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
