// Do the cells of the catalogue follow the laws of their sources? Closed forms and published numbers; what is random in
// them is tested in tests/statistical/cells.test.cc.

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "../cell_laws.h"
#include "ohmic/device/binary_pcm.h"
#include "ohmic/device/characterise.h"
#include "ohmic/device/pcm_inference.h"
#include "ohmic/device/preset.h"

namespace ohmic {
namespace {

using test::Constants;
using test::constants_of;

std::unique_ptr<CellModel> cell_named(const std::string& name) { return load_cell_preset(name)->make(); }

// ------------------------------------------------------------------------- pcm_inference, Joshi et al. (2020)

struct InferenceVector {
  double g, sigma_prog, mu_nu, sigma_nu, q_s;
};
// To four decimals, as the design's table prints them.
constexpr std::array<InferenceVector, 3> kInference = {
    {{0.1, 0.4483, 0.0601, 0.0229, 0.0393}, {0.5, 0.9527, 0.049, 0.008, 0.0138}, {1, 1.0554, 0.049, 0.008, 0.0088}}};
constexpr double kPrinted = 0.51e-4;

TEST(PcmInference, ProgrammingErrorIsThePublishedOne) {
  const auto cell = cell_named("pcm_inference");
  const auto& model = dynamic_cast<const PcmInferenceCell&>(*cell);
  for (const InferenceVector& v : kInference) {
    EXPECT_NEAR(model.programming_stddev_us(25 * v.g), v.sigma_prog, kPrinted) << v.g;
    const float up = cell->program(static_cast<float>(12), {1, 0}), down = cell->program(12, {-1, 0});
    EXPECT_NEAR(up - down, 2 * model.programming_stddev_us(12), 1e-5);
  }
}

TEST(PcmInference, DriftExponentsAreThePublishedOnes) {
  const DriftLaw law = cell_named("pcm_inference")->drift();
  for (const InferenceVector& v : kInference) {
    EXPECT_NEAR(law.exponent_of(25 * v.g, 0), v.mu_nu, kPrinted) << v.g;
    EXPECT_NEAR(law.exponent_of(25 * v.g, 1) - law.exponent_of(25 * v.g, 0), v.sigma_nu, kPrinted) << v.g;
  }
  EXPECT_NEAR(law.exponent_of(1e-6, 0), 0.1, 1e-12) << "the upper bound of the mean";
  EXPECT_NEAR(law.exponent_of(1e-6, 1), 0.145, 1e-12) << "the upper bound of the spread";
}

TEST(PcmInference, AnExponentIsNeverNegative) {
  const DriftLaw law = cell_named("pcm_inference")->drift();
  EXPECT_NEAR(law.exponent_of(2.5, -6.3), 6.3 * 0.02288 - 0.06009, 1e-4);
  for (const float z : {-6.3F, -3.0F, 0.0F, 6.3F}) EXPECT_GE(law.exponent_of(1, z), 0) << z;
}

// sigma_read = G(t) Q_s sqrt(ln((t + t_r) / (2 t_r))), t_r = 250 ns.
TEST(PcmInference, FlickerNoiseIsThePublishedOne) {
  const ReadNoiseLaw law = cell_named("pcm_inference")->read_noise();
  for (const InferenceVector& v : kInference) {
    for (const double t : {25.0, 3600.0, kYearSeconds}) {
      const double drifted = 0.7 * 25 * v.g;
      const double growth = std::sqrt(std::log((t + 250e-9) / 500e-9));
      EXPECT_NEAR(law.stddev_us(25 * v.g, drifted, t) / (drifted * growth), v.q_s, kPrinted) << v.g << ", " << t;
    }
  }
  EXPECT_NEAR(law.stddev_us(0.01, 0.01, 250e-9 * (2 * std::exp(1.0) - 1)), 0.01 * 0.2, 1e-9) << "Q_s is at most 0.2";
}

TEST(PcmInference, DriftFactorsAreThePublishedOnes) {
  const DriftLaw law = cell_named("pcm_inference")->drift();
  constexpr std::array<std::pair<double, double>, 5> kFactors = {
      {{25, 0.961}, {3600, 0.775}, {86400, 0.664}, {30 * 86400.0, 0.562}, {kYearSeconds, 0.497}}};
  // The table counts from the reference read, t_c = 20 s after programming: 0.961 is (45 / 20)^-0.049.
  for (const auto& [since, factor] : kFactors) {
    EXPECT_NEAR(law.factor(since + 20, 0.049), factor, 0.51e-3) << since << " s";
  }
  EXPECT_EQ(law.factor(1, 0.049), 1) << "a cell younger than t_c reads as at t_c";
}

// -------------------------------------------------------------------------------------------- exponential step

TEST(PcmExponential, StepAndNoiseFollowTheFormulas) {
  const auto cell = cell_named("pcm_exponential");
  for (const double w : {0.1, 0.5, 1.0, 1.5}) {
    const auto g = static_cast<float>(8 * w);
    const double dw = 0.01 * (1 + 27.235 * std::exp(-2.5 * w));
    const double std = 0.6 * (std::abs(dw) + 0.042 + 0.108 * std::abs(w));
    EXPECT_NEAR((cell->set(g, 0, {}) - g) / 8, dw, 1e-6) << w;
    EXPECT_NEAR((cell->set(g, 0, {1, 0}) - cell->set(g, 0, {})) / 8, std, 1e-6) << w;
    EXPECT_EQ(cell->set(g, 0, {}), cell->set(g, 200, {})) << "there is no memory of pulses";
  }
  EXPECT_EQ(cell->reset(3), 0);
}

// Its purpose: a second description of the device that pcm describes. Without noise the two stay within a fifth of each
// other over the pulses that training gives.
TEST(PcmExponential, AgreesWithThePulseMemoryModel) {
  const auto cell = cell_named("pcm_exponential"), pcm = cell_named("pcm");
  for (std::uint32_t n = 1; n <= 15; ++n) {
    EXPECT_NEAR(cell->mean_conductance_us(n) / pcm->mean_conductance_us(n), 1, 0.2) << n;
  }
}

// ------------------------------------------------------------------------------------------------------- rram

// dG = up (1 - w): the gap to the highest conductance closes by the same share each time.
TEST(Rram, SoftBoundsApproachTheirEndsExponentially) {
  const auto cell = cell_named("rram_soft_bounds");
  const Constants c = constants_of("rram_soft_bounds");
  const double low = c.at("conductance_min_us"), range = c.at("conductance_max_us") - low;
  const double kept = 1 - c.at("step_up_us") / range;
  float up = cell->reset(0), down = static_cast<float>(low + range);
  for (int n = 1; n <= 200; ++n) {
    up = cell->set(up, 0, {});
    down = cell->depress(down, {});
    ASSERT_NEAR(up, low + range * (1 - std::pow(kept, n)), 2e-4) << n;
    ASSERT_NEAR(down, low + range * std::pow(kept, n), 2e-4) << n;
  }
}

// dw = a (1 - s w), hence w_n = (1 - (1 - a s)^n) / s until the bound.
TEST(Rram, TheLinearStepShrinksToHalf) {
  const auto cell = cell_named("rram_linear");
  const Constants c = constants_of("rram_linear");
  const double low = c.at("conductance_min_us"), range = c.at("conductance_max_us") - low;
  const double a = c.at("step_up_us") / range, s = c.at("saturation");
  float g = cell->reset(0);
  for (int n = 1; n <= 130; ++n) {
    g = cell->set(g, 0, {});
    ASSERT_NEAR(g, low + range * (1 - std::pow(1 - a * s, n)) / s, 2e-4) << n;
  }
  const auto top = static_cast<float>(low + range);
  EXPECT_NEAR(top - cell->depress(top, {}), c.at("step_down_us"), 1e-5);
  EXPECT_NEAR(cell->set(top - 1e-3F, 0, {}), top, 1e-9) << "the bound holds";
  EXPECT_NEAR(cell->set(static_cast<float>(low + 0.98 * range), 0, {}) - (low + 0.98 * range),
              c.at("step_up_us") * (1 - 0.98 * s), 1e-5);
}

TEST(Rram, ThePowerStepIsAPowerOfTheRoom) {
  const auto cell = cell_named("rram_power");
  const Constants c = constants_of("rram_power");
  const double low = c.at("conductance_min_us"), range = c.at("conductance_max_us") - low;
  for (const double w : {0.0, 0.25, 0.5, 0.9}) {
    const auto g = static_cast<float>(low + w * range);
    EXPECT_NEAR(cell->set(g, 0, {}) - g, c.at("step_up_us") * std::pow(1 - w, 1.6), 2e-5) << w;
    EXPECT_NEAR(cell->depress(g, {}) - g, -c.at("step_down_us") * std::pow(w, 1.6), 2e-5) << w;
  }
}

// The continuous law has (1 - w)^-0.6 = 1 + 0.6 a n with a = 0.03 of the range per pulse; finite steps run ahead of it,
// by less than 5 % of the gap.
TEST(Rram, ThePowerStepApproachesItsEndAlgebraically) {
  const auto cell = cell_named("rram_power");
  const Constants c = constants_of("rram_power");
  const double range = c.at("conductance_max_us") - c.at("conductance_min_us");
  for (const std::uint32_t n : {10U, 50U, 200U}) {
    const double gap = (c.at("conductance_max_us") - cell->mean_conductance_us(n)) / range;
    const double continuous = std::pow(1 + 0.6 * c.at("step_up_us") / range * n, -1 / 0.6);
    EXPECT_NEAR(gap / continuous, 1, 0.05) << n;
    EXPECT_LT(gap, continuous) << "Euler steps of a convex law lead";
  }
}

TEST(Rram, NoiseIsRelativeToTheStepAndASlowCellNeverTurnsBack) {
  for (const char* name : {"rram_soft_bounds", "rram_linear", "rram_power"}) {
    const auto cell = cell_named(name);
    const float g = 5, step = cell->set(g, 0, {}) - g;
    EXPECT_NEAR(cell->set(g, 0, {1, 0}) - g, 1.3 * step, 1e-5) << name;
    EXPECT_NEAR(cell->set(g, 0, {0, -1}) - g, 0.7 * step, 1e-5) << name;
    EXPECT_EQ(cell->set(g, 0, {0, -6}), g) << name << ": a dead cell";
  }
}

// ----------------------------------------------------------------------------------------- binary and projected

TEST(BinaryPcm, AWriteForgetsWhatWasBefore) {
  const auto cell = cell_named("binary_pcm");
  const Constants c = constants_of("binary_pcm");
  for (const float before : {0.0F, 0.1F, 12.0F, 40.0F}) {
    EXPECT_NEAR(cell->set(before, 7, {1, 2}), c.at("high_us") + c.at("high_stddev_us"), 1e-5) << before;
  }
  EXPECT_NEAR(cell->reset(1), c.at("low_us") + c.at("low_stddev_us"), 1e-6);
  EXPECT_FALSE(cell->has_depression());
}

// 6.3 sigma is the farthest that a draw reaches: the two states of a shipped binary cell never meet the threshold.
TEST(BinaryPcm, TheStatesStayOnTheirSidesOfTheThreshold) {
  const auto cell = cell_named("binary_pcm");
  const double threshold = dynamic_cast<const BinaryPcmCell&>(*cell).threshold_us();
  EXPECT_LT(cell->reset(6.3F), threshold);
  EXPECT_GT(cell->set(0, 0, {-4.5F, 0}), threshold) << "but for one SET in 3e5";
}

TEST(ProjectedPcm, HasTheStepsOfPcmAndATenthOfItsDriftAndNoise) {
  const auto pcm = cell_named("pcm"), projected = cell_named("projected_pcm");
  for (const std::uint32_t n : {0U, 1U, 5U, 30U}) EXPECT_EQ(projected->set(3, n, {0.5, 0}), pcm->set(3, n, {0.5, 0}));
  for (const double g : {0.1, 5.0, 12.0}) {
    EXPECT_NEAR(projected->drift().exponent_of(g, 0) / pcm->drift().exponent_of(g, 0), 0.1, 1e-9);
    EXPECT_NEAR(projected->read_noise().stddev_us(g, g, 1) / pcm->read_noise().stddev_us(g, g, 1), 0.1, 1e-9);
  }
}

TEST(ProjectedPcm, ProgrammedToTargetsHasATenthOfTheDriftAndFlicker) {
  const auto pcm = cell_named("pcm_inference"), projected = cell_named("projected_pcm_inference");
  for (const float g : {0.5F, 2.5F, 25.0F}) {
    EXPECT_EQ(projected->program(g, {1, 0}), pcm->program(g, {1, 0}));
    for (const double z : {0.0, 2.0}) {
      EXPECT_NEAR(projected->drift().exponent_of(g, z) / pcm->drift().exponent_of(g, z), 0.1, 1e-9) << g << " " << z;
    }
    EXPECT_NEAR(projected->read_noise().stddev_us(g, g, 3600) / pcm->read_noise().stddev_us(g, g, 3600), 0.1, 1e-9);
  }
}

}  // namespace
}  // namespace ohmic
