#pragma once

// The terms of the law as functions of the conductance, with their derivatives: parts of step_likelihood.h.

#include <cmath>
#include <numbers>
#include <vector>

#include "ohmic/device/step_likelihood.h"

namespace ohmic {

inline constexpr double kSqrtTwoPi = 2.5066282746310002;

inline double density(double z) { return std::exp(-0.5 * z * z) / kSqrtTwoPi; }
inline double below(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

inline constexpr double kLeastShareOfNoise = 0.05;  ///< of the read noise in the spread of a step

/// The step of one pulse as a function of the conductance before it.
class StepOfPulse {
 public:
  StepOfPulse(const CellLaw& law, std::size_t pulse, double factor)
      : law_(law), memory_(law.memory(pulse)), pulse_(static_cast<double>(pulse)), factor_(factor) {}

  double mean(double x) const {
    return law_[LawConstant::mean_offset] +
           x * (law_[LawConstant::mean_slope] + x * law_[LawConstant::mean_curvature]) +
           law_[LawConstant::mean_memory] * memory_;
  }
  double end(double x) const { return x + factor_ * mean(x); }
  double end_slope(double x) const {
    return 1 + factor_ * (law_[LawConstant::mean_slope] + 2 * x * law_[LawConstant::mean_curvature]);
  }
  /// The law's spread, bent smoothly so that it stays above the least one.
  double stddev(double x) const {
    const double least = least_stddev(x), above = linear_stddev(x) - least;
    return least + 0.5 * (above + std::sqrt(above * above + 4 * least * least));
  }
  double stddev_slope_at(double x) const {
    return bend(x) * (law_[LawConstant::stddev_slope] + 2 * x * law_[LawConstant::stddev_curvature]) +
           kLeastShareOfNoise * lift(x) * law_[LawConstant::read_slope];
  }
  /// Adds what d ln p / d end and d ln p / d stddev, of a step from x, mean for the constants.
  void add_gradient(LawVector& gradient, double x, double by_end, double by_stddev) const {
    const auto add = [&](LawConstant c, double value) { gradient[static_cast<std::size_t>(c)] += value; };
    const double mean_part = factor_ * by_end, stddev_part = bend(x) * by_stddev;
    const double fading = memory_ * pulse_ * std::exp(-law_[LawConstant::log_decay]);  // dP / d ln decay
    add(LawConstant::mean_offset, mean_part);
    add(LawConstant::mean_slope, mean_part * x);
    add(LawConstant::mean_curvature, mean_part * x * x);
    add(LawConstant::mean_memory, mean_part * memory_);
    add(LawConstant::stddev_offset, stddev_part);
    add(LawConstant::stddev_slope, stddev_part * x);
    add(LawConstant::stddev_curvature, stddev_part * x * x);
    add(LawConstant::stddev_memory, stddev_part * memory_);
    const double noise_part = kLeastShareOfNoise * lift(x) * by_stddev;
    add(LawConstant::read_offset, noise_part);
    add(LawConstant::read_slope, noise_part * x);
    add(LawConstant::log_decay,
        fading * (mean_part * law_[LawConstant::mean_memory] + stddev_part * law_[LawConstant::stddev_memory]));
  }

 private:
  double linear_stddev(double x) const {
    return law_[LawConstant::stddev_offset] +
           x * (law_[LawConstant::stddev_slope] + x * law_[LawConstant::stddev_curvature]) +
           law_[LawConstant::stddev_memory] * memory_;
  }
  double least_stddev(double x) const {
    return law_.least_stddev_us +
           kLeastShareOfNoise * (law_[LawConstant::read_offset] + law_[LawConstant::read_slope] * x);
  }
  // d stddev / d line of the law, and d stddev / d least.
  double bend(double x) const {
    const double least = least_stddev(x), above = linear_stddev(x) - least;
    return 0.5 * (1 + above / std::sqrt(above * above + 4 * least * least));
  }
  double lift(double x) const {
    const double least = least_stddev(x), above = linear_stddev(x) - least;
    return 0.5 + 0.5 * (4 * least - above) / std::sqrt(above * above + 4 * least * least);
  }

  const CellLaw& law_;
  double memory_, pulse_, factor_;
};

/// ln density of all reads after one pulse as a function of the conductance, and its derivatives.
class Emission {
 public:
  Emission(const std::vector<ReadGroup>& groups, const CellLaw& law) : groups_(groups), law_(law) {}

  double log_density(double x) const {
    double sum = 0;
    for (const ReadGroup& g : groups_) {
      const double s = stddev(x, g), error = g.mean_us - x * g.factor;
      sum -= g.count * std::log(s * kSqrtTwoPi) + (g.count * error * error + g.squares_us2) / (2 * s * s);
    }
    return sum;
  }
  double by_conductance(double x) const {
    double sum = 0;
    for (const ReadGroup& g : groups_) {
      const double s = stddev(x, g), error = g.mean_us - x * g.factor;
      sum += g.factor * g.count * error / (s * s) + law_[LawConstant::read_slope] * g.factor * by_stddev(x, g);
    }
    return sum;
  }
  void add_gradient(LawVector& gradient, double x, double weight) const {
    for (const ReadGroup& g : groups_) {
      const double change = weight * by_stddev(x, g);
      gradient[static_cast<std::size_t>(LawConstant::read_offset)] += change;
      gradient[static_cast<std::size_t>(LawConstant::read_slope)] += change * x * g.factor;
    }
  }

 private:
  double stddev(double x, const ReadGroup& g) const {
    return law_[LawConstant::read_offset] + law_[LawConstant::read_slope] * x * g.factor;
  }
  double by_stddev(double x, const ReadGroup& g) const {
    const double s = stddev(x, g), error = g.mean_us - x * g.factor;
    return ((g.count * error * error + g.squares_us2) / (s * s) - g.count) / s;
  }

  const std::vector<ReadGroup>& groups_;
  const CellLaw& law_;
};

}  // namespace ohmic
