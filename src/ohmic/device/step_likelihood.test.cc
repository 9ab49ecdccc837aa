// Is the likelihood the integral that it stands for, and is its gradient its derivative?

#include "ohmic/device/step_likelihood.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ohmic/core/parallel.h"

namespace ohmic {
namespace {

using enum LawConstant;

/// Constants near those of a phase-change cell, with every term at work.
CellLaw some_law() {
  CellLaw law;
  law[mean_offset] = 0.9, law[mean_slope] = -0.09, law[mean_curvature] = 0.002, law[mean_memory] = 1.3;
  law[stddev_offset] = 0.3, law[stddev_slope] = 0.08, law[stddev_curvature] = 0.001, law[stddev_memory] = 1.5;
  law[log_decay] = std::log(2.5);
  law[read_offset] = 0.13, law[read_slope] = 0.03;
  law[reset_mean] = 0.3, law[reset_variance] = 0.01;
  law[lowest] = 0.1, law[highest] = 3.0;
  return law;
}

/// Reads that touch both bounds; nothing was read after pulse 2.
CellSequence some_cell(double first) {
  return {{{{1, 1, 0.25, 0}},
           {{1, 2, first, 0.02}, {0.9, 1, 0.9 * first + 0.1, 0}},
           {},
           {{1, 1, 2.9, 0}},
           {{1, 3, 3.05, 0.05}}}};
}

double normal(double z) { return std::exp(-0.5 * z * z) / std::sqrt(2 * M_PI); }
double below(double z) { return 0.5 * std::erfc(-z / std::sqrt(2)); }

double read_density(const std::vector<ReadGroup>& groups, double x, const CellLaw& law) {
  double log = 0;
  for (const ReadGroup& g : groups) {
    const double s = law[read_offset] + law[read_slope] * x * g.factor, error = g.mean_us - x * g.factor;
    log -= g.count * std::log(s * std::sqrt(2 * M_PI)) + (g.count * error * error + g.squares_us2) / (2 * s * s);
  }
  return std::exp(log);
}

/// The slow, obvious twin: one fine grid over all conductances, with a point mass at either end.
double slow_log_likelihood(const CellSequence& cell, const CellLaw& law, double factor) {
  constexpr int kPoints = 1000;
  const double width = (law[highest] - law[lowest]) / kPoints;
  const auto at = [&](int k) { return law[lowest] + (k + 0.5) * width; };
  const auto step_mean = [&](double x, int n) {
    return factor * (law[mean_offset] + law[mean_slope] * x + law[mean_curvature] * x * x +
                     law[mean_memory] * std::exp(-n / std::exp(law[log_decay])));
  };
  const auto step_stddev = [&](double x, int n) {
    const double line = law[stddev_offset] + law[stddev_slope] * x + law[stddev_curvature] * x * x +
                        law[stddev_memory] * std::exp(-n / std::exp(law[log_decay]));
    const double least = law.least_stddev_us + 0.05 * (law[read_offset] + law[read_slope] * x);
    return least + 0.5 * (line - least + std::hypot(line - least, 2 * least));
  };
  std::vector<double> x, mass;
  const double reset_stddev = std::sqrt(law[reset_variance]);
  for (int k = 0; k < kPoints; ++k) {  // RESET may lie below the lowest conductance after a SET pulse
    const double from = 1.0 * (k + 0.5) / kPoints;
    x.push_back(from);
    mass.push_back(normal((from - law[reset_mean]) / reset_stddev) / reset_stddev / kPoints *
                   read_density(cell.pulses[0], from, law));
  }
  x.push_back(0);
  mass.push_back(below(-law[reset_mean] / reset_stddev) * read_density(cell.pulses[0], 0, law));
  for (std::size_t p = 1; p < cell.pulses.size(); ++p) {
    const int n = static_cast<int>(p);
    std::vector<double> next_x, next(kPoints + 2, 0.0);
    for (int k = 0; k < kPoints; ++k) next_x.push_back(at(k));
    next_x.push_back(law[lowest]);
    next_x.push_back(law[highest]);
    for (std::size_t j = 0; j < x.size(); ++j) {
      const double end = x[j] + step_mean(x[j], n), s = step_stddev(x[j], n);
      for (std::size_t k = 0; k < kPoints; ++k) next[k] += mass[j] * normal((next_x[k] - end) / s) / s * width;
      next[kPoints] += mass[j] * below((law[lowest] - end) / s);
      next[kPoints + 1] += mass[j] * below((end - law[highest]) / s);
    }
    for (std::size_t k = 0; k < next.size(); ++k) next[k] *= read_density(cell.pulses[p], next_x[k], law);
    x = next_x, mass = next;
  }
  double sum = 0;
  for (const double m : mass) sum += m;
  return std::log(sum);
}

TEST(StepLikelihood, IsTheIntegralOverAllConductances) {
  for (const auto& [first, factor] : {std::pair(0.05, 1.0), {1.2, 1.3}, {2.8, 1.0}, {2.8, 1.3}}) {
    const CellSequence cell = some_cell(first);
    const double fast = score_cell(cell, some_law(), ScoreDetail::value, factor).log_likelihood;
    EXPECT_NEAR(fast, slow_log_likelihood(cell, some_law(), factor), 2e-4) << first << " " << factor;
  }
}

TEST(StepLikelihood, WithASpreadIsTheIntegralOverTheCellsOwnFactor) {
  CellLaw law = some_law();
  law[step_spread] = 0.25;
  const CellSequence cell = some_cell(1.2);
  double sum = 0;
  constexpr int kPoints = 160;
  for (int k = 0; k < kPoints; ++k) {
    const double xi = -5 + 10 * (k + 0.5) / kPoints;
    sum +=
        normal(xi) * 10 / kPoints * std::exp(score_cell(cell, law, ScoreDetail::value, 1 + 0.25 * xi).log_likelihood);
  }
  EXPECT_NEAR(score_cell(cell, law, ScoreDetail::value).log_likelihood, std::log(sum), 2e-3);
}

TEST(StepLikelihood, GradientIsTheDerivative) {
  for (const double spread : {0.0, 0.25}) {
    for (const double first : {0.05, 1.2, 2.8}) {
      CellLaw law = some_law();
      law[step_spread] = spread;
      const CellSequence cell = some_cell(first);
      const CellScore score = score_cell(cell, law, ScoreDetail::gradient);
      for (std::size_t c = 0; c < kLawConstants; ++c) {
        if (c == static_cast<std::size_t>(step_spread) && spread == 0) continue;
        const double change = 1e-4 * std::max(0.05, std::abs(law.values[c]));
        CellLaw above = law, lower = law;
        above.values[c] += change, lower.values[c] -= change;
        const double slope = (score_cell(cell, above, ScoreDetail::value).log_likelihood -
                              score_cell(cell, lower, ScoreDetail::value).log_likelihood) /
                             (2 * change);
        EXPECT_NEAR(score.gradient[c], slope, 0.01 * std::abs(slope) + 0.02) << "constant " << c << ", first " << first;
      }
    }
  }
}

TEST(StepLikelihood, AnUnboundedConductanceIsALimit) {
  CellLaw far = some_law(), without = some_law();
  far[highest] = 200;
  without[highest] = std::numeric_limits<double>::infinity();
  const CellSequence cell = some_cell(1.2);
  EXPECT_NEAR(score_cell(cell, far, ScoreDetail::value).log_likelihood,
              score_cell(cell, without, ScoreDetail::value).log_likelihood, 1e-5);
}

TEST(StepLikelihood, AnOutlierDoesNotDecideAlone) {
  CellSequence cell = some_cell(1.2);
  CellLaw law = some_law();
  law[highest] = std::numeric_limits<double>::infinity();
  cell.pulses[3] = {{1, 1, 80.0, 0}};
  const CellScore score = score_cell(cell, law, ScoreDetail::gradient);
  EXPECT_TRUE(std::isfinite(score.log_likelihood));
  EXPECT_LT(std::abs(score.gradient[static_cast<std::size_t>(mean_offset)]), 20);
}

TEST(StepLikelihood, BitsDoNotDependOnThreads) {
  std::vector<CellSequence> cells;
  for (int i = 0; i < 40; ++i) cells.push_back(some_cell(0.1 + 0.07 * i));
  set_thread_count(1);
  const TotalScore one = score_cells(cells, some_law(), ScoreDetail::gradient);
  set_thread_count(3);
  const TotalScore three = score_cells(cells, some_law(), ScoreDetail::gradient);
  set_thread_count(0);
  EXPECT_EQ(one.log_likelihood, three.log_likelihood);
  EXPECT_EQ(one.gradient, three.gradient);
}

// Clipped steps, seen through read noise, have standardised errors of mean 0 and variance 1 by construction; 5 standard
// errors of 4,000 of them.
TEST(StepLikelihood, PredictionErrorsOfACellWithoutBoundsAreStandard) {
  CellLaw law = some_law();
  law[lowest] = 0, law[highest] = std::numeric_limits<double>::infinity();
  law[mean_offset] = 2;
  double sum = 0, squares = 0;
  std::uint64_t state = 1;
  const auto gaussian = [&state] {
    double total = -6;
    for (int k = 0; k < 12; ++k) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      total += static_cast<double>(state >> 11) / 9007199254740992.0;
    }
    return total;
  };
  constexpr int kCells = 1000, kSteps = 4;
  for (int i = 0; i < kCells; ++i) {
    CellSequence cell;
    double x = std::max(0.0, 5 + 0.1 * gaussian());
    CellLaw start = law;
    start[reset_mean] = 5;
    for (int n = 0; n <= kSteps; ++n) {
      const double p = start.memory(static_cast<std::size_t>(n));
      if (n > 0) {
        x += law[mean_offset] + law[mean_slope] * x + law[mean_curvature] * x * x + law[mean_memory] * p +
             gaussian() * 0.3 *
                 (law[stddev_offset] + law[stddev_slope] * x + law[stddev_curvature] * x * x + law[stddev_memory] * p);
      }
      cell.pulses.push_back({{1, 1, x + gaussian() * (law[read_offset] + law[read_slope] * x), 0}});
    }
    for (LawConstant c : {stddev_offset, stddev_slope, stddev_curvature, stddev_memory}) start[c] *= 0.3;
    for (const Residual& r : prediction_residuals(cell, start)) sum += r.value, squares += r.value * r.value;
  }
  const double count = kCells * kSteps;
  EXPECT_NEAR(sum / count, 0, 5 / std::sqrt(count));
  EXPECT_NEAR(squares / count, 1, 5 * std::sqrt(2 / count));
}

}  // namespace
}  // namespace ohmic
