#include "ohmic/device/fit_quality.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/parallel.h"
#include "ohmic/device/drift_fit.h"
#include "ohmic/device/law_start.h"
#include "ohmic/device/sampling.h"

namespace ohmic {
namespace {

constexpr std::uint32_t kFewestModelCells = 4000;
constexpr std::uint32_t kMostModelReads = 4000000;
constexpr double kRounding = 1e-5;
constexpr std::size_t kStepRanges = 12;
constexpr std::size_t kFewestSteps = 10;  ///< of a range

struct Moments {
  double count = 0, sum = 0, squares = 0;
  void add(double x) { count += 1, sum += x, squares += x * x; }
  double mean() const { return count > 0 ? sum / count : 0; }
  double stddev() const {
    return count > 1 ? std::sqrt(std::max(0.0, (squares - sum * sum / count) / (count - 1))) : 0;
  }
};

/// What is compared of a cell and pulse: the first age group, mean over its repeats.
double seen(const std::vector<ReadGroup>& groups) {
  return groups.empty() ? std::numeric_limits<double>::quiet_NaN() : groups.front().mean_us;
}

// The way of reading that most of the measurements share.
SamplingPlan same_plan(const Measurements& measurements, std::uint64_t seed) {
  SamplingPlan plan;
  plan.pulses = static_cast<std::uint32_t>(measurements.pulse_count());
  plan.seed = seed;
  const PulseReads* fullest = nullptr;
  for (const MeasuredCell& cell : measurements.cells) {
    for (const PulseReads& reads : cell.pulses) {
      if (fullest == nullptr || reads.size() > fullest->size()) fullest = &reads;
    }
  }
  for (const CellRead& read : *fullest) {
    if (!std::isnan(read.time_s)) plan.times_s.push_back(read.time_s);
  }
  std::sort(plan.times_s.begin(), plan.times_s.end());
  plan.times_s.erase(std::unique(plan.times_s.begin(), plan.times_s.end()), plan.times_s.end());
  const std::size_t times = std::max<std::size_t>(1, plan.times_s.size());
  plan.reads = static_cast<std::uint32_t>(std::max<std::size_t>(1, fullest->size() / times));
  const auto reads_of_a_cell = static_cast<std::uint32_t>((plan.pulses + 1) * times * plan.reads);
  plan.cells = std::clamp(kMostModelReads / reads_of_a_cell, 200u, kFewestModelCells);
  return plan;
}

double ks_distance(const std::vector<double>& a, const std::vector<double>& b) {
  std::size_t i = 0, j = 0;
  double most = 0;
  while (i < a.size() && j < b.size()) {
    // Numbers that differ by rounding alone are equal.
    const double lower = std::min(a[i], b[j]), x = lower + kRounding * std::abs(lower);
    while (i < a.size() && a[i] <= x) ++i;
    while (j < b.size() && b[j] <= x) ++j;
    most = std::max(most, std::abs(static_cast<double>(i) / static_cast<double>(a.size()) -
                                   static_cast<double>(j) / static_cast<double>(b.size())));
  }
  return most;
}

std::vector<double> conductances_after(const std::vector<CellSequence>& cells, std::size_t pulse) {
  std::vector<double> values;
  for (const CellSequence& cell : cells) {
    if (pulse >= cell.pulses.size()) continue;
    const double y = seen(cell.pulses[pulse]);
    if (std::isfinite(y)) values.push_back(y);
  }
  std::sort(values.begin(), values.end());
  return values;
}

Moments moments_of(const std::vector<double>& values) {
  Moments moments;
  for (const double value : values) moments.add(value);
  return moments;
}

PulseComparison compare_pulse(const std::vector<CellSequence>& data, const std::vector<CellSequence>& model,
                              std::size_t pulse) {
  PulseComparison c;
  c.pulse = pulse;
  c.data_us = conductances_after(data, pulse);
  c.model_us = conductances_after(model, pulse);
  c.cells = c.data_us.size();
  const Moments measured = moments_of(c.data_us), simulated = moments_of(c.model_us);
  c.data_mean_us = measured.mean(), c.data_stddev_us = measured.stddev();
  c.model_mean_us = simulated.mean(), c.model_stddev_us = simulated.stddev();
  c.ks_distance = ks_distance(c.data_us, c.model_us);
  const double n = std::max(1.0, measured.count), m = simulated.count;
  c.ks_bound = 1.358 * std::sqrt((n + m) / (n * m));
  return c;
}

/// Steps between neighbouring pulses, as read: (conductance before, change).
std::vector<std::pair<double, double>> steps_of(const std::vector<CellSequence>& cells) {
  std::vector<std::pair<double, double>> steps;
  for (const CellSequence& cell : cells) {
    for (std::size_t p = 1; p < cell.pulses.size(); ++p) {
      const double from = seen(cell.pulses[p - 1]), to = seen(cell.pulses[p]);
      if (std::isfinite(from) && std::isfinite(to)) steps.emplace_back(from, to - from);
    }
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

std::vector<StepComparison> compare_steps(const std::vector<CellSequence>& data,
                                          const std::vector<CellSequence>& model) {
  const auto measured = steps_of(data), simulated = steps_of(model);
  std::vector<StepComparison> ranges;
  const std::size_t size = std::max(kFewestSteps, measured.size() / kStepRanges);
  for (std::size_t start = 0; start + size <= measured.size(); start += size) {
    const double low = measured[start].first, high = measured[start + size - 1].first;
    Moments before, change, model_change;
    for (std::size_t k = start; k < start + size; ++k) before.add(measured[k].first), change.add(measured[k].second);
    for (auto s = std::lower_bound(simulated.begin(), simulated.end(), std::pair{low, -1e300});
         s != simulated.end() && s->first <= high; ++s) {
      model_change.add(s->second);
    }
    if (model_change.count < 2) continue;
    ranges.push_back({before.mean(), size, change.mean(), change.stddev(), model_change.mean(), model_change.stddev()});
  }
  return ranges;
}

std::vector<Residual> residuals_of(const std::vector<CellSequence>& cells, const CellLaw& law, std::size_t most) {
  const std::size_t count = std::min(most, cells.size());
  std::vector<std::vector<Residual>> parts(count);
  parallel_chunks(count, 8, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) parts[i] = prediction_residuals(cells[i], law);
  });
  std::vector<Residual> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::vector<double> sorted_values(const std::vector<Residual>& residuals) {
  std::vector<double> values;
  for (const Residual& residual : residuals) values.push_back(residual.value);
  std::sort(values.begin(), values.end());
  return values;
}

void add_chi_squares(FitQuality& quality, const std::vector<Residual>& residuals) {
  std::vector<Moments> by_pulse(quality.pulses.size());
  Moments all;
  for (const Residual& r : residuals) {
    all.add(r.value * r.value);
    by_pulse[r.pulse].add(r.value * r.value);
  }
  quality.reduced_chi_square = all.mean();
  for (PulseComparison& pulse : quality.pulses) pulse.chi_square = by_pulse[pulse.pulse].mean();
}

void summarise(FitQuality& quality) {
  Moments means;
  double misfit = 0;
  for (const PulseComparison& pulse : quality.pulses) {
    if (pulse.cells == 0) continue;
    means.add(pulse.data_mean_us);
    misfit += (pulse.data_mean_us - pulse.model_mean_us) * (pulse.data_mean_us - pulse.model_mean_us);
    const double ratio = pulse.ks_distance / pulse.ks_bound;
    quality.worst_ks_ratio = std::max(quality.worst_ks_ratio, ratio);
    quality.pulses_beyond_ks += ratio > 1 ? 1 : 0;
  }
  const double total = means.stddev() * means.stddev() * (means.count - 1);
  quality.r_squared = total > 0 ? 1 - misfit / total : 0;
}

}  // namespace

FitQuality compare_with_model(const Measurements& measurements, const FittedParameters& parameters, const CellLaw& law,
                              const std::vector<CellSequence>& sequences, std::uint64_t seed) {
  const SamplingPlan plan = same_plan(measurements, seed);
  const Measurements simulated = sample_cells(*parameters.make(), plan);
  DriftFit drift;
  drift.reference_age_s = parameters.common.drift_reference_age_s;
  drift.cell_exponents.assign(simulated.cells.size(), parameters.common.drift_exponent);
  const std::vector<CellSequence> model = drift_corrected(simulated, drift);
  FitQuality quality;
  for (std::size_t p = 0; p <= measurements.pulse_count(); ++p) {
    quality.pulses.push_back(compare_pulse(sequences, model, p));
  }
  quality.steps = compare_steps(sequences, model);
  const auto residuals = residuals_of(sequences, law, sequences.size());
  quality.data_residuals = sorted_values(residuals);
  quality.model_residuals = sorted_values(residuals_of(model, law, 1000));
  add_chi_squares(quality, residuals);
  summarise(quality);
  return quality;
}

}  // namespace ohmic
