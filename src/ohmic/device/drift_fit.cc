#include "ohmic/device/drift_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace ohmic {
namespace {

constexpr double kSureOfSpread = 3;  ///< standard errors

double age_of(const CellRead& read, double reference_s) { return std::isnan(read.time_s) ? reference_s : read.time_s; }

std::vector<double> all_times(const Measurements& measurements) {
  std::vector<double> times;
  for (const MeasuredCell& cell : measurements.cells) {
    for (const PulseReads& reads : cell.pulses) {
      for (const CellRead& read : reads) {
        if (!std::isnan(read.time_s)) times.push_back(read.time_s);
      }
    }
  }
  std::sort(times.begin(), times.end());
  return times;
}

double nearest_to_geometric_mean(const std::vector<double>& times) {
  double sum = 0;
  for (const double time : times) sum += std::log(time);
  const double middle = sum / static_cast<double>(times.size());
  const auto distance = [&](double t) { return std::abs(std::log(t) - middle); };
  return *std::min_element(times.begin(), times.end(), [&](double a, double b) { return distance(a) < distance(b); });
}

/// Mean over cells and reads of the conductance after each pulse, not below 0: what weights are made of.
std::vector<double> mean_levels(const Measurements& measurements) {
  std::vector<double> sums(measurements.pulse_count() + 1, 0.0), counts(sums.size(), 0.0);
  for (const MeasuredCell& cell : measurements.cells) {
    for (std::size_t n = 0; n < cell.pulses.size(); ++n) {
      for (const CellRead& read : cell.pulses[n]) sums[n] += read.conductance_us;
      counts[n] += static_cast<double>(cell.pulses[n].size());
    }
  }
  for (std::size_t n = 0; n < sums.size(); ++n) sums[n] = counts[n] > 0 ? std::max(0.0, sums[n] / counts[n]) : 0;
  return sums;
}

/// Weighted sums over the reads of one cell and pulse: the conductance, and what they say about the exponent.
struct LevelSums {
  double slope = 0;        ///< of the log-likelihood by nu
  double information = 0;  ///< its variance
  double residual2 = 0;    ///< squared residuals, in uS^2
  double freedom = 0;
};

class DriftRegression {
 public:
  DriftRegression(const Measurements& measurements, double reference_s)
      : measurements_(measurements), reference_s_(reference_s), levels_(mean_levels(measurements)) {
    for (const double level : levels_) top_level_ = std::max(top_level_, level);
    noise_ = {0.02 * top_level_, 0};
  }

  double run() {
    for (int round = 0; round < 4; ++round) {
      for (int newton = 0; newton < 4; ++newton) {
        double slope = 0, information = 0;
        for (std::size_t i = 0; i < measurements_.cells.size(); ++i) {
          const LevelSums sums = cell_sums(i);
          slope += sums.slope;
          information += sums.information;
        }
        if (information > 0) exponent_ = std::clamp(exponent_ + slope / information, -1.0, 2.0);
      }
      update_noise();
    }
    return exponent_;
  }

  LevelSums cell_sums(std::size_t cell) const {
    LevelSums total;
    const auto& pulses = measurements_.cells[cell].pulses;
    for (std::size_t n = 0; n < pulses.size(); ++n) {
      const LevelSums sums = level_sums(pulses[n], n);
      total.slope += sums.slope;
      total.information += sums.information;
      total.freedom += sums.freedom;
    }
    return total;
  }
  const ReadNoiseEstimate& noise() const { return noise_; }
  bool has_repeats() const { return has_repeats_; }

 private:
  LevelSums level_sums(const PulseReads& reads, std::size_t pulse) const {
    LevelSums sums;
    if (reads.size() < 2) return sums;
    double ff = 0, fy = 0, fd = 0;
    const auto visit = [&](auto&& use) {
      for (const CellRead& read : reads) {
        const double ln_age = std::log(age_of(read, reference_s_) / reference_s_);
        const double factor = std::exp(-exponent_ * ln_age);
        const double stddev = noise_.offset_us + noise_.slope * levels_[pulse] * factor;
        use(read.conductance_us, factor, -ln_age * factor, 1 / (stddev * stddev));
      }
    };
    visit([&](double y, double f, double d, double w) {
      ff += w * f * f;
      fy += w * f * y;
      fd += w * f * d;
    });
    const double conductance = fy / ff;
    visit([&](double y, double f, double d, double w) {
      const double error = y - conductance * f, own = d - f * fd / ff;
      sums.slope += w * error * conductance * own;
      sums.information += w * conductance * conductance * own * own;
      sums.residual2 += error * error;
    });
    sums.freedom = static_cast<double>(reads.size()) - 1;
    return sums;
  }

  // The spread of residuals after each pulse, as a line over the mean conductance there.
  void update_noise() {
    std::vector<double> squares(levels_.size(), 0.0), freedom(levels_.size(), 0.0);
    for (const MeasuredCell& cell : measurements_.cells) {
      for (std::size_t n = 0; n < cell.pulses.size(); ++n) {
        const LevelSums sums = level_sums(cell.pulses[n], n);
        squares[n] += sums.residual2;
        freedom[n] += sums.freedom;
      }
    }
    double w = 0, wx = 0, wxx = 0, wy = 0, wxy = 0;
    for (std::size_t n = 0; n < levels_.size(); ++n) {
      if (freedom[n] < 1) continue;
      has_repeats_ = true;
      const double stddev = std::sqrt(squares[n] / freedom[n]);
      const double weight = freedom[n] / std::max(stddev * stddev, 1e-12 * top_level_ * top_level_);
      w += weight, wx += weight * levels_[n], wxx += weight * levels_[n] * levels_[n];
      wy += weight * stddev, wxy += weight * levels_[n] * stddev;
    }
    if (w > 0) set_noise(w, wx, wxx, wy, wxy);
  }

  void set_noise(double w, double wx, double wxx, double wy, double wxy) {
    const double least = 1e-5 * top_level_;
    const double determinant = w * wxx - wx * wx;
    noise_.slope = determinant > 1e-9 * w * wxx ? std::max(0.0, (w * wxy - wx * wy) / determinant) : 0;
    noise_.offset_us = std::max(least, (wy - noise_.slope * wx) / w);
    if ((wy - noise_.slope * wx) / w < least && wxx > 0) noise_.slope = wxy / wxx;  // a line through zero
  }

  const Measurements& measurements_;
  double reference_s_;
  std::vector<double> levels_;
  double top_level_ = 1e-9;
  double exponent_ = 0;
  ReadNoiseEstimate noise_;
  bool has_repeats_ = false;
};

/// Sums over cells for mean and spread of the exponent.
void estimate_exponents(DriftFit& fit, const DriftRegression& regression, std::size_t cells) {
  double information = 0, information2 = 0, squares = 0, scatter = 0, scatter2 = 0, known = 0;
  std::vector<LevelSums> sums;
  for (std::size_t i = 0; i < cells; ++i) {
    sums.push_back(regression.cell_sums(i));
    const LevelSums& s = sums.back();
    if (!(s.information > 0)) continue;
    known += 1;
    information += s.information;
    information2 += s.information * s.information;
    squares += s.slope * s.slope;
    const double excess = s.slope * s.slope / s.information - 1;
    scatter += excess;
    scatter2 += excess * excess;
  }
  if (known < 2) return;
  const double margin = kTwoSided95 * std::sqrt(squares) / information * std::sqrt(known / (known - 1));
  fit.exponent = {fit.exponent.value, fit.exponent.value - margin, fit.exponent.value + margin};
  const double share = information - information2 / information;
  const double variance = (scatter + 1) / share, error = std::sqrt(scatter2) / share;
  const auto root = [](double v) { return std::sqrt(std::max(0.0, v)); };
  fit.spread = {variance > kSureOfSpread * error ? root(variance) : 0, root(variance - kTwoSided95 * error),
                root(variance + kTwoSided95 * error)};
  if (fit.spread.value == 0) fit.spread.low = 0;
  for (std::size_t i = 0; i < cells; ++i) {
    const double v = fit.spread.value * fit.spread.value;
    const double own = v > 0 ? v * sums[i].slope / (1 + v * sums[i].information) : 0;
    fit.cell_exponents[i] = fit.exponent.value + own;
  }
}

std::vector<DriftPoint> mean_points(const Measurements& measurements) {
  std::map<std::pair<std::size_t, double>, DriftPoint> points;
  for (const MeasuredCell& cell : measurements.cells) {
    for (std::size_t n = 0; n < cell.pulses.size(); ++n) {
      for (const CellRead& read : cell.pulses[n]) {
        DriftPoint& point = points[{n, read.time_s}];
        point.pulse = n, point.time_s = read.time_s;
        point.mean_us += read.conductance_us, ++point.cells;
      }
    }
  }
  std::vector<DriftPoint> list;
  for (auto& [key, point] : points) {
    point.mean_us /= static_cast<double>(point.cells);
    list.push_back(point);
  }
  return list;
}

bool has_several_times(const Measurements& measurements) {
  for (const MeasuredCell& cell : measurements.cells) {
    for (const PulseReads& reads : cell.pulses) {
      for (const CellRead& read : reads) {
        if (read.time_s != reads.front().time_s && !std::isnan(read.time_s)) return true;
      }
    }
  }
  return false;
}

ReadGroup group_of(const std::vector<double>& values, double factor) {
  ReadGroup group{factor, static_cast<double>(values.size()), 0, 0};
  for (const double value : values) group.mean_us += value / group.count;
  for (const double value : values) group.squares_us2 += (value - group.mean_us) * (value - group.mean_us);
  return group;
}

}  // namespace

DriftFit fit_drift(const Measurements& measurements, double reference_age_s) {
  DriftFit fit;
  const std::vector<double> times = all_times(measurements);
  if (!times.empty()) {
    fit.reference_age_s = nearest_to_geometric_mean(times);
    fit.youngest_s = times.front();
    fit.oldest_s = times.back();
  }
  if (reference_age_s > 0) fit.reference_age_s = reference_age_s;
  fit.cell_exponents.assign(measurements.cells.size(), 0.0);
  fit.is_known = has_several_times(measurements);
  DriftRegression regression(measurements, fit.reference_age_s);
  fit.exponent.value = regression.run();
  if (fit.is_known) {
    estimate_exponents(fit, regression, measurements.cells.size());
    fit.points = mean_points(measurements);
  } else {
    fit.exponent.value = 0;
  }
  fit.has_repeats = regression.has_repeats();
  fit.noise = regression.noise();
  return fit;
}

std::vector<CellSequence> drift_corrected(const Measurements& measurements, const DriftFit& drift) {
  std::vector<CellSequence> sequences;
  for (std::size_t i = 0; i < measurements.cells.size(); ++i) {
    CellSequence sequence;
    for (const PulseReads& reads : measurements.cells[i].pulses) {
      std::map<double, std::vector<double>> by_age;
      for (const CellRead& read : reads) {
        by_age[age_of(read, drift.reference_age_s)].push_back(read.conductance_us);
      }
      sequence.pulses.emplace_back();
      for (const auto& [age, values] : by_age) {
        const double factor = std::pow(age / drift.reference_age_s, -drift.cell_exponents[i]);
        sequence.pulses.back().push_back(group_of(values, factor));
      }
    }
    sequences.push_back(std::move(sequence));
  }
  return sequences;
}

}  // namespace ohmic
