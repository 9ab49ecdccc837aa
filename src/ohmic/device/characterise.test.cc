#include "ohmic/device/characterise.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numeric>

#include "ohmic/core/error.h"
#include "ohmic/core/parallel.h"
#include "ohmic/core/test_support.h"
#include "ohmic/device/preset.h"

namespace ohmic {
namespace {

CharacterisationRequest small(std::int64_t pulses = 20, std::int64_t cells = 2000) { return {pulses, cells, 1, {}}; }

Characterisation study(const std::string& cell, const CharacterisationRequest& request = small()) {
  return characterise(*load_cell_preset(cell)->make(), request);
}

struct Vector {
  std::size_t pulses;
  double mean, stddev, step, share_negative;
};

// The published vectors of the pcm cell (tests/fidelity/pcm_model.test.cc checks the model itself). Bounds: 5 standard
// errors of that many cells, 0.01 uS for the RESET that has a spread here and the rounding of the table; 20 checks,
// 2e-5.
TEST(Characterise, FindsThePublishedFiguresOfPcm) {
  constexpr std::array<Vector, 5> kVectors = {{{1, 2.06, 1.52, 1.955, 0.147},
                                               {2, 3.43, 1.97, 1.372, 0.172},
                                               {5, 5.91, 2.38, 0.642, 0.261},
                                               {10, 7.83, 2.46, 0.276, 0.373},
                                               {20, 9.40, 2.66, 0.098, 0.447}}};
  constexpr double kCells = test::tries(100000, 20000);
  const Characterisation f = study("pcm", small(20, static_cast<std::int64_t>(kCells)));
  ASSERT_EQ(f.potentiation.size(), 21U);
  for (const Vector& v : kVectors) {
    const PulseOutcome& found = f.potentiation[v.pulses];
    const double error = 5 * v.stddev / std::sqrt(kCells);
    EXPECT_NEAR(found.conductance.mean_us, v.mean, error + 0.01) << v.pulses;
    EXPECT_NEAR(found.conductance.stddev_us, v.stddev, error + 0.01) << v.pulses;
    EXPECT_NEAR(found.mean_step_us, v.step, 5 * found.step_stddev_us / std::sqrt(kCells) + 0.0075) << v.pulses;
    EXPECT_NEAR(found.share_negative, v.share_negative, 5 * 0.5 / std::sqrt(kCells) + 0.0015) << v.pulses;
  }
  EXPECT_NEAR(f.potentiation[10].noise_free_us, 7.7590, 1e-4);
}

TEST(Characterise, StepsAddUpToTheConductance) {
  for (const char* cell : {"pcm", "rram_soft_bounds"}) {
    const Characterisation f = study(cell);
    double mean = f.potentiation.front().conductance.mean_us;
    for (std::size_t n = 1; n < f.potentiation.size(); ++n) {
      mean += f.potentiation[n].mean_step_us;
      EXPECT_NEAR(f.potentiation[n].conductance.mean_us, mean, 1e-5) << cell << ", pulse " << n;
    }
  }
}

TEST(Characterise, QuantilesAreInOrderAndHistogramsCountEveryCell) {
  const Characterisation f = study("pcm");
  for (const PulseOutcome& outcome : f.potentiation) {
    const auto& q = outcome.conductance.quantiles_us;
    EXPECT_TRUE(std::is_sorted(q.begin(), q.end())) << outcome.pulse;
  }
  EXPECT_NEAR(f.potentiation.back().conductance.quantiles_us[2], 9.09, 0.3);
  ASSERT_EQ(f.histograms.size(), 4U);
  for (const ConductanceHistogram& h : f.histograms) {
    EXPECT_EQ(std::accumulate(h.counts.begin(), h.counts.end(), std::uint64_t{0}), 2000U) << h.pulses;
    EXPECT_EQ(h.edges_us.size(), h.counts.size() + 1);
    double mean = 0;
    for (std::size_t k = 0; k < h.counts.size(); ++k) {
      mean += 0.5 * (h.edges_us[k] + h.edges_us[k + 1]) * static_cast<double>(h.counts[k]) / 2000;
    }
    const double bin = h.edges_us[1] - h.edges_us[0];
    EXPECT_NEAR(mean, f.potentiation[static_cast<std::size_t>(h.pulses)].conductance.mean_us, bin / 2) << h.pulses;
  }
}

TEST(Characterise, ACellThatCanGoDownInStepsIsLedThroughACycle) {
  const Characterisation f = study("rram_soft_bounds", small(150));
  ASSERT_EQ(f.depression.size(), 150U);
  EXPECT_EQ(f.depression.front().pulse, 151);
  EXPECT_LT(f.depression.front().mean_step_us, -0.3);
  EXPECT_LT(f.depression.back().conductance.mean_us, 0.2 * f.potentiation.back().conductance.mean_us);
  EXPECT_EQ(f.examples.front().size(), 301U);
  EXPECT_TRUE(study("pcm").depression.empty());
}

TEST(Characterise, DriftStartsAtTheLevelAndFollowsTheExponent) {
  const Characterisation f = study("pcm_inference", small(5, 20000));
  ASSERT_TRUE(f.drifts);
  for (const DriftCurve& curve : f.drift) {
    EXPECT_EQ(curve.ages.front().mean_us, curve.level_us) << "at 1 s, read as at 20 s";
    EXPECT_NEAR(std::log(curve.ages.back().mean_us / curve.level_us) / std::log(kYearSeconds / 20),
                -curve.exponent_mean, 0.15 * curve.exponent_mean);
    EXPECT_GT(curve.ages.back().stddev_us, 0);
  }
  const DriftCurve& full = f.drift.back();
  EXPECT_NEAR(full.exponent_mean, 0.049, 5 * 0.008 / std::sqrt(20000));
  EXPECT_NEAR(full.exponent_stddev, 0.008, 5 * 0.008 / std::sqrt(40000));
  EXPECT_FALSE(study("ideal").drifts);
  EXPECT_EQ(study("pcm").drift.back().exponent_stddev, 0) << "exactly: cells of the mean model are alike";
}

TEST(Characterise, ReadNoiseIsThatOfTheLaw) {
  const Characterisation f = study("pcm");
  for (const ReadNoisePoint& point : f.read_noise) {
    EXPECT_NEAR(point.stddev_us, 0.03 * point.conductance_us + 0.13, 1e-12);
  }
  EXPECT_TRUE(f.is_noisy);
  EXPECT_FALSE(f.has_flicker);
  EXPECT_TRUE(study("pcm_inference").has_flicker);
  EXPECT_FALSE(study("ideal").is_noisy);
}

TEST(Characterise, TargetsAreReachedAsProgramCellsReachesThem) {
  const Characterisation f = study("pcm");
  ASSERT_EQ(f.targets.size(), 11U);
  EXPECT_EQ(f.programming_method, ProgrammingMethod::verify);
  const TargetOutcome& half = f.targets[5];
  EXPECT_GT(half.share_converged, 0.99);
  EXPECT_NEAR(half.achieved.mean_us, half.target_us, 0.2);
  EXPECT_NEAR(half.reads, half.pulses + half.resets, 0.1) << "a RESET before, a read after each";
  const double bias = half.achieved.mean_us - half.target_us;
  EXPECT_NEAR(half.rms_error_us, std::hypot(half.achieved.stddev_us, bias), 1e-4);
  EXPECT_EQ(study("pcm_inference").programming_method, ProgrammingMethod::statistical);
}

bool same(const Characterisation& a, const Characterisation& b) {
  bool equal = a.examples == b.examples;
  for (std::size_t n = 0; n < a.potentiation.size(); ++n) {
    equal = equal && a.potentiation[n].conductance.mean_us == b.potentiation[n].conductance.mean_us &&
            a.potentiation[n].conductance.quantiles_us == b.potentiation[n].conductance.quantiles_us;
  }
  for (std::size_t k = 0; k < a.targets.size(); ++k) {
    equal = equal && a.targets[k].achieved.mean_us == b.targets[k].achieved.mean_us &&
            a.targets[k].rms_error_us == b.targets[k].rms_error_us;
  }
  for (std::size_t k = 0; k < a.drift.size(); ++k) {
    equal = equal && a.drift[k].ages.back().mean_us == b.drift[k].ages.back().mean_us;
  }
  return equal;
}

TEST(Characterise, ThreadsDoNotMatterAndTheSeedDoes) {
  const CharacterisationRequest request = small(5, 5000);
  set_thread_count(1);
  const Characterisation one = study("pcm_spread", request);
  set_thread_count(3);
  const Characterisation three = study("pcm_spread", request);
  set_thread_count(0);
  EXPECT_TRUE(same(one, three));
  CharacterisationRequest other = request;
  other.seed = 2;
  EXPECT_FALSE(same(one, study("pcm_spread", other)));
}

TEST(Characterise, WithoutAWishThePulsesSaturateTheCell) {
  const Characterisation f = study("rram_soft_bounds", small(0, 100));
  EXPECT_EQ(f.pulses, 149) << "0.98^149 = 0.049";
  EXPECT_EQ(static_cast<std::int64_t>(f.potentiation.size()), f.pulses + 1);
  EXPECT_EQ(study("binary_pcm", small(0, 100)).pulses, 10) << "at least ten";
}

TEST(Characterise, UsableIsWhatTheMeanCellReaches) {
  EXPECT_NEAR(study("pcm").usable_us, 0.88 / 0.084, 0.01) << "where the mean step vanishes";
  EXPECT_EQ(study("pcm_inference").usable_us, 25);
  EXPECT_EQ(study("binary_pcm").usable_us, 20);
}

TEST(Characterise, ARequestOutOfRangeIsAnError) {
  EXPECT_THROW(study("pcm", small(-1)), Error);
  EXPECT_THROW(study("pcm", small(1001)), Error);
  EXPECT_THROW(study("pcm", small(20, 1)), Error);
  CharacterisationRequest statistical = small();
  statistical.programming.method = ProgrammingMethod::statistical;
  EXPECT_THROW(study("pcm", statistical), Error);
}

TEST(Characterise, AgesIncludeTheNamedOnesAndRise) {
  const std::vector<double> ages = studied_ages_s();
  for (const double age : {1.0, 60.0, 3600.0, 86400.0, 30 * 86400.0, kYearSeconds}) {
    EXPECT_NE(std::find(ages.begin(), ages.end(), age), ages.end()) << age;
  }
  EXPECT_TRUE(std::is_sorted(ages.begin(), ages.end()));
  EXPECT_EQ(ages.back(), kYearSeconds);
}

TEST(CellConstants, AChangedOneSaysSo) {
  DeviceSpec device("pcm");
  ConfigDocument document;
  document.set("parameters.drift_exponent=0.06");
  read_fields(document, "device", device);
  for (const CellConstant& c : cell_constants(device)) {
    const bool changed = c.name == "drift_exponent";
    EXPECT_EQ(c.status == "set", changed) << c.name;
    if (!changed) continue;
    EXPECT_EQ(c.source, "set by hand; the preset has 0.04");
    EXPECT_EQ(c.value, 0.06);
  }
}

}  // namespace
}  // namespace ohmic
