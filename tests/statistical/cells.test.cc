// Do the random parts of every cell of the catalogue have the law that its source gives them? The expected laws are
// written a second time, in tests/cell_laws.h; distributions are compared by Kolmogorov-Smirnov and by moments.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "../cell_laws.h"
#include "ohmic/core/random.h"
#include "ohmic/device/characterise.h"
#include "ohmic/device/programming.h"

namespace ohmic {
namespace {

using namespace test;

constexpr std::uint32_t kCells = 100000;
// Kolmogorov: sqrt(n) D exceeds 2.8 with probability 2 exp(-2 2.8^2) = 3e-7. The quantile error of the Gaussians, 4e-5,
// adds less than 2e-5 to D, which is 0.009 here.
constexpr double kKolmogorov = 2.8;
constexpr double kErrors = 5;  // standard errors; 6e-7

std::vector<double> gaussian_draws(Purpose purpose, std::uint32_t unit, std::uint32_t count = kCells) {
  const RandomStream stream(97, purpose, unit, 0);
  std::vector<double> z(count);
  for (std::uint32_t i = 0; i < count; ++i) z[i] = random_gaussian(stream, i);
  return z;
}

/// The largest distance between the distribution of the values and `below`, away from the bounds, where clipped values
/// pile up. Values are stored in floats: some coincide.
template <class Law>
double distance(std::vector<double> values, double low, double high, const Law& below) {
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  double largest = 0;
  for (std::size_t first = 0, next = 0; first < values.size(); first = next) {
    while (next < values.size() && values[next] == values[first]) ++next;
    if (values[first] <= static_cast<float>(low) || values[first] >= static_cast<float>(high)) continue;
    const double expected = below(values[first]);
    largest = std::max({largest, expected - static_cast<double>(first) / n, static_cast<double>(next) / n - expected});
  }
  return largest;
}

void expect_law(const std::vector<double>& values, const ClippedNormal& law, const std::string& what) {
  const double n = static_cast<double>(values.size());
  if (law.stddev == 0) {
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    EXPECT_NEAR(*least, law.mean, 1e-5 * (1 + law.mean)) << what;
    EXPECT_EQ(*least, *most) << what;
    return;
  }
  EXPECT_LT(std::sqrt(n) * distance(values, law.low, law.high, [&](double x) { return law.below(x); }), kKolmogorov)
      << what;
  double mean = 0, variance = 0;
  for (const double v : values) mean += v / n;
  for (const double v : values) variance += (v - mean) * (v - mean) / n;
  // Clipping beyond 4 sigma takes less than 0.1 % off the variance, 1e-5 sigma off the mean.
  const bool is_free = law.mean - 4 * law.stddev > law.low && law.mean + 4 * law.stddev < law.high;
  if (!is_free) return;
  EXPECT_NEAR(mean, law.mean, kErrors * law.stddev / std::sqrt(n) + 1e-4 * law.stddev) << what;
  EXPECT_NEAR(variance / (law.stddev * law.stddev), 1, kErrors * std::sqrt(2 / n) + 2e-3) << what;
}

class EveryCell : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<CellModel> cell = load_cell_preset(GetParam())->make();
};

// SET pulses from three conductances after three numbers of pulses, each on 1e5 cells, each with a spread of its own:
// KS, mean and variance; 27 checks, false-alarm rate below 2e-5 per cell.
TEST_P(EveryCell, SetPulsesHaveTheirLaw) {
  const auto pulse = gaussian_draws(Purpose::set_pulse, 0), of_cell = gaussian_draws(Purpose::step_spread, 0);
  for (const double share : {0.25, 0.5, 0.75}) {
    const auto g = static_cast<float>(share * usable_conductance_us(*cell));
    for (const std::uint32_t n : {0U, 2U, 20U}) {
      std::vector<double> after(kCells);
      for (std::size_t i = 0; i < kCells; ++i) {
        after[i] = cell->set(g, n, {static_cast<float>(pulse[i]), static_cast<float>(of_cell[i])});
      }
      expect_law(after, expected_set(GetParam(), g, n), fmt::format("from {} uS after {} pulses", g, n));
    }
  }
}

// Programmed by statistics: the outcome around three targets; false-alarm rate below 6e-6 per cell. Cells without are
// covered by the next test.
TEST_P(EveryCell, StatisticalProgrammingHasItsLaw) {
  if (!cell->has_target_programming()) return;
  for (const double share : {0.1, 0.5, 0.9}) {
    const double target = share * cell->conductance_max_us();
    std::vector<float> achieved(kCells);
    std::vector<std::uint8_t> pulses(kCells);
    program_cells(*cell, {ProgrammingMethod::statistical}, {5, 1, 2},
                  std::vector<float>(kCells, static_cast<float>(target)), {achieved, pulses, {}});
    expect_law({achieved.begin(), achieved.end()}, expected_program(GetParam(), target),
               fmt::format("target {} uS", target));
  }
}

// -------------------------------------------------------------------------------------------- program and verify

struct Procedure {
  std::vector<double> achieved, pulses;
  double converged = 0;
};

/// Program-and-verify of one cell after the other, as the header of program_cells describes it.
Procedure slow_verify(const CellModel& cell, const ProgrammingSpec& spec, float target, std::uint32_t cells) {
  Procedure all;
  for (std::uint32_t c = 0; c < cells; ++c) {
    std::uint32_t draws = 0;
    const RandomStream stream(1234, Purpose::fault, 9, c);  // none of those that program_cells draws from
    const auto gaussian = [&] { return random_gaussian(stream, draws++); };
    const float of_cell = gaussian();
    float g = cell.reset(gaussian());
    std::uint32_t seen = 0;
    double given = 0;
    for (std::int64_t round = 0;; ++round) {
      const double noise = cell.read_noise().stddev_us(g, g, cell.drift().reference_age_s);
      const double missing = target - (g + noise * gaussian());
      if (std::abs(missing) <= spec.tolerance_us) ++all.converged;
      if (std::abs(missing) <= spec.tolerance_us || round == spec.most_iterations) break;
      if (missing < 0 && !cell.has_adjustable_pulses() && !cell.has_depression()) {
        g = cell.reset(gaussian());
        seen = 0;
        continue;
      }
      g = cell.adjust(g, seen, static_cast<float>(missing), {gaussian(), of_cell});
      seen += missing > 0;
      ++given;
    }
    all.achieved.push_back(g);
    all.pulses.push_back(given);
  }
  return all;
}

/// Two-sample Kolmogorov-Smirnov, sqrt(n m / (n + m)) D.
double two_sample_distance(std::vector<double> a, std::vector<double> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  double largest = 0;
  for (const double x : a) {
    const auto share = [x](const std::vector<double>& v) {
      return static_cast<double>(std::upper_bound(v.begin(), v.end(), x) - v.begin()) / static_cast<double>(v.size());
    };
    largest = std::max(largest, std::abs(share(a) - share(b)));
  }
  const auto n = static_cast<double>(a.size()), m = static_cast<double>(b.size());
  return std::sqrt(n * m / (n + m)) * largest;
}

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

double variance_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += (v - mean_of(values)) * (v - mean_of(values));
  return sum / static_cast<double>(values.size());
}

// A share that the slow procedure never saw may still be 1 in kSlow: its variance is added to each bound.
//
// The fast procedure against the slow one on 1e4 and 2e3 other cells: distribution of the outcome, share converged,
// mean number of pulses; three targets, false-alarm rate below 1e-5 per cell.
TEST_P(EveryCell, ProgramAndVerifyHasTheLawOfTheSlowProcedure) {
  constexpr std::uint32_t kFast = 10000, kSlow = 2000;
  const ProgrammingSpec spec{ProgrammingMethod::verify};
  for (const double share : {0.2, 0.5, 0.9}) {
    const auto target = static_cast<float>(share * usable_conductance_us(*cell));
    std::vector<float> achieved(kFast);
    std::vector<std::uint8_t> pulses(kFast);
    const ProgrammingResult fast =
        program_cells(*cell, spec, {5, 1, 3}, std::vector<float>(kFast, target), {achieved, pulses, {}});
    const Procedure slow = slow_verify(*cell, spec, target, kSlow);
    const std::string what = fmt::format("target {} uS", target);
    EXPECT_LT(two_sample_distance({achieved.begin(), achieved.end()}, slow.achieved), kKolmogorov) << what;
    const double p = slow.converged / kSlow, both = 1.0 / kFast + 1.0 / kSlow, unseen = 1.0 / kSlow;
    const auto rounds = static_cast<double>(spec.most_iterations);
    EXPECT_NEAR(static_cast<double>(fast.converged) / kFast, p, kErrors * std::sqrt((p * (1 - p) + unseen) * both));
    EXPECT_NEAR(static_cast<double>(fast.set_pulses + fast.depression_pulses) / kFast, mean_of(slow.pulses),
                kErrors * std::sqrt((variance_of(slow.pulses) + unseen * rounds * rounds) * both))
        << what;
  }
}

// ------------------------------------------------------------------------------------------- drift and read noise

double folded_below(double x, const ExponentLaw& law) {
  const ClippedNormal normal{law.mean, law.stddev, -1e9, 1e9};
  return normal.below(x) - normal.below(-x);
}

// |mu + sigma xi| at three conductances: KS; false-alarm rate 1e-6 per cell. Without a spread all cells are alike.
TEST_P(EveryCell, DriftExponentsHaveTheirLaw) {
  const auto z = gaussian_draws(Purpose::drift_exponent, 3);
  for (const double share : {0.02, 0.3, 1.0}) {
    const double g = share * usable_conductance_us(*cell);
    const ExponentLaw law = expected_exponent(GetParam(), g);
    std::vector<double> exponents;
    for (const double gaussian : z) exponents.push_back(cell->drift().exponent_of(g, gaussian));
    if (law.stddev == 0) {
      EXPECT_NEAR(*std::min_element(exponents.begin(), exponents.end()), law.mean, 1e-12);
      EXPECT_NEAR(*std::max_element(exponents.begin(), exponents.end()), law.mean, 1e-12);
      continue;
    }
    EXPECT_LT(std::sqrt(kCells) * distance(exponents, -1, 1, [&](double x) { return folded_below(x, law); }),
              kKolmogorov)
        << g;
  }
}

// Cells drift apart: ln G(t) of many cells is Gaussian where exponents are (nothing folded at this conductance), with
// mean -mu ln(t / t_ref) and spread sigma ln(t / t_ref). 4 checks, 3e-6.
TEST_P(EveryCell, AYearOfDriftHasItsLaw) {
  const auto z = gaussian_draws(Purpose::drift_exponent, 4);
  const DriftLaw drift = cell->drift();
  const double g = 0.8 * usable_conductance_us(*cell), decades = std::log(kYearSeconds / drift.reference_age_s);
  const ExponentLaw law = expected_exponent(GetParam(), g);
  std::vector<double> fall;
  for (const double gaussian : z) {
    fall.push_back(-std::log(drift.factor(kYearSeconds, drift.exponent_of(g, gaussian))));
  }
  if (law.stddev == 0) {
    EXPECT_NEAR(mean_of(fall), law.mean * decades, 1e-9);
    return;
  }
  expect_law(fall, {law.mean * decades, law.stddev * decades, -1, 1e9}, "fall of ln G in a year");
}

// Reads of aged cells: KS, mean and variance at three conductances and two ages; false-alarm rate 1e-5 per cell.
TEST_P(EveryCell, ReadsHaveTheirLaw) {
  const auto z = gaussian_draws(Purpose::forward_read, 5);
  for (const double share : {0.1, 0.5, 1.0}) {
    for (const double age : {60.0, kYearSeconds}) {
      const double g = share * usable_conductance_us(*cell), drifted = 0.6 * g;
      const double stddev = cell->read_noise().stddev_us(g, drifted, age);
      std::vector<double> reads;
      for (const double gaussian : z) reads.push_back(drifted + stddev * gaussian);
      expect_law(reads, {drifted, expected_read_noise(GetParam(), g, drifted, age), -1e9, 1e9},
                 fmt::format("{} uS after {} s", g, age));
    }
  }
}

// Each switch takes one kind of variation away and leaves the others alone. Exact.
TEST_P(EveryCell, VariationsAreSwitchedOffOneByOne) {
  const float g = static_cast<float>(0.5 * usable_conductance_us(*cell));
  const auto without = [&](VariationSpec variation) {
    return with_variation(load_cell_preset(GetParam())->make(), variation);
  };
  const auto pulses = without({1, 0, 1}), cells = without({0, 1, 1}), reads = without({1, 1, 0});
  EXPECT_EQ(pulses->set(g, 3, {2, 1}), cell->set(g, 3, {0, 1}));
  EXPECT_EQ(pulses->reset(2), cell->reset(0));
  EXPECT_EQ(cells->set(g, 3, {2, 1}), cell->set(g, 3, {2, 0}));
  EXPECT_NEAR(cells->drift().exponent_of(g, 3), cell->drift().exponent_of(g, 0), 1e-15);
  EXPECT_EQ(reads->set(g, 3, {2, 1}), cell->set(g, 3, {2, 1}));
  EXPECT_EQ(reads->read_noise().stddev_us(g, g, 1e6), 0);
  EXPECT_EQ(reads->drift().exponent_of(g, 3), cell->drift().exponent_of(g, 3));
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryCell, testing::ValuesIn(cell_preset_names()), CellName());

}  // namespace
}  // namespace ohmic
