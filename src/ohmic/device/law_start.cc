#include "ohmic/device/law_start.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "ohmic/device/likelihood_climb.h"

namespace ohmic {
namespace {

using enum LawConstant;

constexpr std::array kDecays = {0.7, 1.5, 3.0, 6.0, 12.0, 30.0, 100.0};
constexpr double kFarOut = 6;                           ///< in robust standard deviations
constexpr double kMeanOfAbsolute = 0.7978845608028654;  ///< E|xi| of a standard normal variable

/// One observed step.
struct Step {
  double from_us, change_us;
  std::size_t pulse;
  std::size_t cell;
};

std::vector<Step> observed_steps(const std::vector<CellSequence>& cells) {
  std::vector<Step> steps;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    for (std::size_t p = 1; p < cells[i].pulses.size(); ++p) {
      const double from = mean_conductance(cells[i].pulses[p - 1]), to = mean_conductance(cells[i].pulses[p]);
      if (std::isfinite(from) && std::isfinite(to)) steps.push_back({from, to - from, p, i});
    }
  }
  return steps;
}

double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// offset + slope G + memory P.
struct Plane {
  std::array<double, 3> c{};
  double at(const Step& s, double decay) const {
    return c[0] + c[1] * s.from_us + c[2] * std::exp(-static_cast<double>(s.pulse) / decay);
  }
};

struct Regression {
  Plane plane;
  double squares = 0;
};

Regression regress(const std::vector<Step>& steps, const std::vector<double>& values, double decay) {
  LawMatrix m(3, std::vector<double>(3, 0.0));
  std::vector<double> right(3, 0.0);
  for (std::size_t k = 0; k < steps.size(); ++k) {
    const std::array<double, 3> x = {1, steps[k].from_us, std::exp(-static_cast<double>(steps[k].pulse) / decay)};
    for (std::size_t i = 0; i < 3; ++i) {
      right[i] += x[i] * values[k];
      for (std::size_t j = 0; j < 3; ++j) m[i][j] += x[i] * x[j];
    }
  }
  for (std::size_t i = 0; i < 3; ++i) m[i][i] *= 1 + 1e-10;
  Regression result;
  if (const auto solved = solve_positive(m, right)) std::copy(solved->begin(), solved->end(), result.plane.c.begin());
  for (std::size_t k = 0; k < steps.size(); ++k) {
    const double error = values[k] - result.plane.at(steps[k], decay);
    result.squares += error * error;
  }
  return result;
}

std::vector<double> changes(const std::vector<Step>& steps) {
  std::vector<double> values;
  for (const Step& step : steps) values.push_back(step.change_us);
  return values;
}

std::vector<double> residuals(const std::vector<Step>& steps, const Plane& plane, double decay) {
  std::vector<double> values;
  for (const Step& step : steps) values.push_back(step.change_us - plane.at(step, decay));
  return values;
}

/// Steps far from all others are left out of the guess.
std::vector<Step> without_outliers(const std::vector<Step>& steps) {
  std::vector<double> sizes;
  for (const Step& step : steps) sizes.push_back(std::abs(step.change_us));
  const double far = kFarOut * std::max(1.5 * median_of(sizes), 1e-12);
  std::vector<Step> kept;
  std::copy_if(steps.begin(), steps.end(), std::back_inserter(kept),
               [&](const Step& s) { return std::abs(s.change_us) < 2 * far; });
  return kept;
}

// A read error raises one step and lowers the next: their covariance is minus its variance.
double noise_variance_from_neighbours(const std::vector<Step>& steps, const std::vector<double>& errors) {
  double sum = 0, count = 0;
  for (std::size_t k = 1; k < steps.size(); ++k) {
    if (steps[k].cell != steps[k - 1].cell || steps[k].pulse != steps[k - 1].pulse + 1) continue;
    sum -= errors[k] * errors[k - 1];
    count += 1;
  }
  return count > 0 ? std::max(0.0, sum / count) : 0;
}

void guess_noise(CellLaw& law, const std::vector<Step>& steps, const std::vector<double>& errors,
                 const DriftFit& drift) {
  if (drift.has_repeats) {
    law[read_offset] = drift.noise.offset_us;
    law[read_slope] = drift.noise.slope;
    return;
  }
  double level = 0;
  for (const Step& step : steps) level += std::max(0.0, step.from_us) / static_cast<double>(steps.size());
  const double noise = std::sqrt(noise_variance_from_neighbours(steps, errors));
  law[read_offset] = 0.5 * noise;
  law[read_slope] = level > 0 ? 0.5 * noise / level : 0;
}

void guess_reset(CellLaw& law, const std::vector<CellSequence>& cells, double least) {
  double sum = 0, squares = 0, count = 0;
  for (const CellSequence& cell : cells) {
    const double y = mean_conductance(cell.pulses.front());
    if (!std::isfinite(y)) continue;
    sum += y, squares += y * y, count += 1;
  }
  const double mean = count > 0 ? sum / count : 0;
  const double noise = law[read_offset] + law[read_slope] * mean;
  const double scatter = count > 1 ? squares / count - mean * mean : 0;
  law[reset_mean] = std::max(mean, 0.0);
  law[reset_variance] = std::max(scatter - noise * noise, 0.05 * noise * noise + least * least);
}

void guess_lowest(CellLaw& law, const std::vector<CellSequence>& cells) {
  law[highest] = std::numeric_limits<double>::infinity();
  double best = -std::numeric_limits<double>::infinity();
  const double reset = std::max(0.0, law[reset_mean]);
  for (const double candidate : {0.0, 0.5 * reset, reset}) {
    CellLaw trial = law;
    trial[lowest] = candidate;
    const double likelihood = score_cells(cells, trial, ScoreDetail::value).log_likelihood;
    if (likelihood > best) best = likelihood, law[lowest] = candidate;
  }
}

/// Mean over cells of all steps of one pulse.
std::vector<Step> mean_steps(const std::vector<Step>& steps) {
  std::map<std::size_t, std::pair<Step, double>> sums;
  for (const Step& step : steps) {
    auto& [sum, count] = sums.try_emplace(step.pulse, Step{0, 0, step.pulse, 0}, 0.0).first->second;
    sum.from_us += step.from_us, sum.change_us += step.change_us, count += 1;
  }
  std::vector<Step> means;
  for (const auto& [pulse, entry] : sums) {
    means.push_back({entry.first.from_us / entry.second, entry.first.change_us / entry.second, pulse, 0});
  }
  return means;
}

/// offset + slope G by least squares; no slope where all start alike.
Plane line_through(const std::vector<Step>& steps, const std::vector<double>& values) {
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (std::size_t k = 0; k < steps.size(); ++k) {
    n += 1, x += steps[k].from_us, y += values[k];
    xx += steps[k].from_us * steps[k].from_us, xy += steps[k].from_us * values[k];
  }
  const double determinant = n * xx - x * x;
  const double slope = determinant > 1e-12 * n * xx ? (n * xy - x * y) / determinant : 0;
  return {{n > 0 ? (y - slope * x) / n : 0, slope, 0}};
}

std::vector<double> stddev_sizes(const std::vector<double>& errors) {
  std::vector<double> sizes;
  for (const double error : errors) sizes.push_back(std::abs(error) / kMeanOfAbsolute);
  return sizes;
}

}  // namespace

CellLaw guess_without_memory(const std::vector<CellSequence>& cells, const CellLaw& law) {
  const std::vector<Step> steps = without_outliers(observed_steps(cells));
  const std::vector<Step> means = mean_steps(steps);
  const Plane line = line_through(means, changes(means));
  const std::vector<double> sizes = stddev_sizes(residuals(steps, line, 1));
  const Plane spread = line_through(steps, sizes);
  CellLaw guess = law;
  guess[mean_memory] = guess[stddev_memory] = guess[mean_curvature] = guess[stddev_curvature] = 0;
  guess[mean_offset] = line.c[0], guess[mean_slope] = line.c[1];
  guess[stddev_offset] = std::max(spread.c[0], 0.1 * median_of(sizes) + law.least_stddev_us);
  guess[stddev_slope] = std::max(spread.c[1], 0.0);
  return guess;
}

double persistence_of_cells(const std::vector<CellSequence>& cells) {
  std::vector<std::pair<double, double>> rises;
  double first_mean = 0, second_mean = 0;
  for (const CellSequence& cell : cells) {
    const std::size_t middle = cell.pulses.size() / 2;
    if (cell.pulses.size() < 4) continue;
    // A gap between the halves, so that no read error is in both.
    const double first = mean_conductance(cell.pulses[middle - 1]) - mean_conductance(cell.pulses.front());
    const double second = mean_conductance(cell.pulses.back()) - mean_conductance(cell.pulses[middle]);
    if (!std::isfinite(first + second)) continue;
    rises.emplace_back(first, second);
    first_mean += first, second_mean += second;
  }
  const double count = static_cast<double>(rises.size());
  double both = 0, first_squares = 0, second_squares = 0;
  for (const auto& [first, second] : rises) {
    const double a = first - first_mean / count, b = second - second_mean / count;
    both += a * b, first_squares += a * a, second_squares += b * b;
  }
  // Their correlation, which among n unrelated pairs is 0 +- 1 / sqrt(n - 1), whatever their distribution.
  const double size = std::sqrt(first_squares * second_squares);
  return size > 0 ? both / size * std::sqrt(count - 1) : 0;
}

RepeatedEnds repeated_ends(const std::vector<CellSequence>& cells) {
  constexpr int kEnough = 3;
  std::vector<double> reads;
  for (const CellSequence& cell : cells) {
    for (std::size_t p = 1; p < cell.pulses.size(); ++p) {
      const double y = mean_conductance(cell.pulses[p]);
      if (std::isfinite(y)) reads.push_back(y);
    }
  }
  std::sort(reads.begin(), reads.end());
  RepeatedEnds ends;
  if (reads.size() < kEnough) return ends;
  if (reads.front() == reads[kEnough - 1] && reads.front() >= 0) ends.lowest = reads.front();
  if (reads.back() == reads[reads.size() - kEnough]) ends.highest = reads.back();
  return ends;
}

bool has_no_scatter(const std::vector<CellSequence>& cells, const CellLaw& guess) {
  constexpr double kNothing = 2e-3;  // of a typical step, as the likelihood resolves no less
  const double decay = std::exp(guess[log_decay]);
  const Plane plane{{guess[mean_offset], guess[mean_slope], guess[mean_memory]}};
  const std::vector<double> errors = residuals(observed_steps(cells), plane, decay);
  return median_of(stddev_sizes(errors)) < kNothing * typical_step_us(cells);
}

double mean_conductance(const std::vector<ReadGroup>& groups) {
  double sum = 0, count = 0;
  for (const ReadGroup& group : groups) {
    sum += group.count * group.mean_us / group.factor;
    count += group.count;
  }
  return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
}

StepSizes step_sizes(const std::vector<CellSequence>& cells) {
  std::vector<double> sizes;
  for (const Step& step : observed_steps(cells)) sizes.push_back(std::abs(step.change_us));
  const std::size_t count = sizes.size();
  return {count, median_of(std::move(sizes))};
}

CellLaw first_guess(const std::vector<CellSequence>& cells, const DriftFit& drift) {
  const std::vector<Step> steps = without_outliers(observed_steps(cells));
  CellLaw law;
  law.least_stddev_us = 1e-3 * std::max(typical_step_us(cells), 1e-9);
  double decay = kDecays.front();
  Regression best = regress(steps, changes(steps), decay);
  for (const double candidate : kDecays) {
    const Regression trial = regress(steps, changes(steps), candidate);
    if (trial.squares < best.squares) best = trial, decay = candidate;
  }
  const std::vector<double> errors = residuals(steps, best.plane, decay);
  guess_noise(law, steps, errors, drift);
  law[read_offset] = std::max(law[read_offset], 2 * law.least_stddev_us);
  const std::vector<double> sizes = stddev_sizes(errors);
  const Plane spread = regress(steps, sizes, decay).plane;
  const double least = 0.1 * median_of(sizes) + law.least_stddev_us;
  law[mean_offset] = best.plane.c[0], law[mean_slope] = best.plane.c[1], law[mean_memory] = best.plane.c[2];
  law[stddev_offset] = std::max(spread.c[0], least);
  law[stddev_slope] = std::max(spread.c[1], 0.0);
  law[stddev_memory] = std::max(spread.c[2], 0.0);
  law[log_decay] = std::log(decay);
  guess_reset(law, cells, law.least_stddev_us);
  guess_lowest(law, cells);
  return law;
}

}  // namespace ohmic
