#include "ohmic/device/fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ohmic/core/constants.h"
#include "ohmic/core/error.h"
#include "ohmic/device/law_fit.h"
#include "ohmic/device/law_start.h"
#include "ohmic/device/preset.h"

namespace ohmic {
namespace {

using enum LawConstant;

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kCellsToTrustSpreads = 30;
constexpr std::uint64_t kComparisonSeed = 1;

/// Which constant of the law stands for which of the preset.
struct Correspondence {
  std::string_view name;
  LawConstant constant;
};
constexpr Correspondence kCorrespondences[] = {
    {"memory_decay_pulses", log_decay},
    {"step_mean_slope", mean_slope},
    {"step_mean_offset_us", mean_offset},
    {"step_mean_memory_us", mean_memory},
    {"step_stddev_slope", stddev_slope},
    {"step_stddev_offset_us", stddev_offset},
    {"step_stddev_memory_us", stddev_memory},
    {"step_spread", step_spread},
    {"conductance_min_us", lowest},
    {"conductance_max_us", highest},
    {"reset_mean_us", reset_mean},
    {"reset_stddev_us", reset_variance},
    {"read_noise_slope", read_slope},
    {"read_noise_offset_us", read_offset},
    {"step_mean_curvature_per_us", mean_curvature},
    {"step_stddev_curvature_per_us", stddev_curvature},
};

/// Assumptions where the data are silent.
struct Assumption {
  double value = 0;
  std::string_view why;
};

class ConstantList : public ConstantVisitor {
 public:
  using ConstantVisitor::field;
  ConstantList(const LawFit& fit, const DriftFit& drift, double top_us) : fit_(fit), drift_(drift), top_us_(top_us) {}

  void field(const FieldInfo& info, double& value) override {
    FittedConstant constant{
        std::string(info.name), std::string(info.unit), std::string(info.doc), 0, kUnknown, kUnknown, false, {}};
    fill(constant);
    constant.value = std::clamp(constant.value, info.min, info.max);
    value = constant.value;
    list_.push_back(std::move(constant));
  }
  std::vector<FittedConstant> take() { return std::move(list_); }

 private:
  void fill(FittedConstant& constant) const;
  void fill_from_law(FittedConstant& constant, LawConstant c) const;
  static void fill_seen(FittedConstant& constant, double value);
  void fill_drift(FittedConstant& constant) const;
  Assumption assumption(std::string_view name) const;

  const LawFit& fit_;
  const DriftFit& drift_;
  double top_us_;
  std::vector<FittedConstant> list_;
};

void ConstantList::fill(FittedConstant& constant) const {
  for (const Correspondence& c : kCorrespondences) {
    if (c.name != constant.name) continue;
    if (fit_.is_free(c.constant)) return fill_from_law(constant, c.constant);
    if (fit_.is_seen(c.constant)) return fill_seen(constant, fit_.law()[c.constant]);
  }
  if (constant.name.starts_with("drift_") && drift_.is_known) {
    fill_drift(constant);
    if (constant.is_derived) return;
  }
  const Assumption assumed = assumption(constant.name);
  constant.value = assumed.value;
  constant.remark = assumed.why;
}

void ConstantList::fill_seen(FittedConstant& constant, double value) {
  constant.is_derived = true;
  constant.value = constant.low = constant.high = value;
  constant.remark = "several reads stand at exactly this value";
}

void ConstantList::fill_from_law(FittedConstant& constant, LawConstant c) const {
  const double value = fit_.law()[c], margin = kTwoSided95 * fit_.error(c);
  constant.is_derived = true;
  constant.value = value, constant.low = value - margin, constant.high = value + margin;
  if (c == highest) constant.low = fit_.highest_interval().low, constant.high = fit_.highest_interval().high;
  if (c == log_decay) {
    for (double* v : {&constant.value, &constant.low, &constant.high}) *v = std::exp(*v);
  }
  const bool is_positive = c == reset_variance || c == read_offset || c == read_slope || c == lowest ||
                           c == stddev_offset || c == step_spread || c == reset_mean;
  if (is_positive && constant.low < 0) constant.low = 0;
  if (is_positive && fit_.is_at_low_bound(c)) {
    constant.value = constant.low = 0;
    constant.remark = "the data are best told without it";
  }
  if (c == reset_variance) {
    for (double* v : {&constant.value, &constant.low, &constant.high}) *v = std::sqrt(*v);
  }
}

void ConstantList::fill_drift(FittedConstant& constant) const {
  const auto take = [&](const Estimate& e, std::string_view remark) {
    constant.is_derived = true;
    constant.value = e.value, constant.low = e.low, constant.high = e.high;
    constant.remark = remark;
  };
  if (constant.name == "drift_exponent") take(drift_.exponent, "");
  if (constant.name == "drift_exponent_spread") {
    take(drift_.spread, drift_.spread.value == 0 ? "no more scatter than read noise makes" : "");
  }
}

Assumption ConstantList::assumption(std::string_view name) const {
  const CellLaw& law = fit_.law();
  if (fit_.is_exact() && !name.starts_with("drift_") && !name.starts_with("conductance_")) {
    return {0, "the cells are all alike and read without noise"};
  }
  if (name == "memory_decay_pulses") return {1, "no pulse memory was found"};
  if (name == "step_mean_memory_us" || name == "step_stddev_memory_us") return {0, "no pulse memory was found"};
  if (name == "step_spread") return {0, "no spread from cell to cell was found"};
  if (name == "conductance_min_us") {
    return {std::max(0.0, fit_.is_exact() ? 0.0 : std::min(law[lowest], law[reset_mean])),
            "no cell stands at a lower bound"};
  }
  if (name == "conductance_max_us") return {top_us_, "the highest read; no cell stands at an upper bound"};
  if (name == "reset_min_us") return {0, "no conductance is negative"};
  if (name == "drift_reference_age_s") {
    return {drift_.reference_age_s,
            drift_.is_known ? "chosen among the times in the data, or asked for" : "without drift it has no effect"};
  }
  if (name == "drift_min_age_s") {
    return {std::min(1.0, drift_.youngest_s), "younger cells were not read"};
  }
  if (name == "drift_exponent") return {0, "no reads at several times after a pulse"};
  if (name == "drift_exponent_spread") return {0, "no reads at several times after a pulse"};
  return {0, "not asked for by the data (information criterion)"};
}

double highest_read(const std::vector<CellSequence>& cells) {
  double top = 1e-3;
  for (const CellSequence& cell : cells) {
    for (const auto& groups : cell.pulses) {
      const double y = mean_conductance(groups);
      if (std::isfinite(y)) top = std::max(top, y);
    }
  }
  return top;
}

void warn_of_few_cells(CellFit& fit, const Measurements& measurements) {
  if (measurements.cells.size() >= kCellsToTrustSpreads) return;
  fit.warnings.push_back(fmt::format(
      "only {} cells: spreads and the distribution over cells are uncertain below {}, and so are the intervals",
      measurements.cells.size(), kCellsToTrustSpreads));
}

// A mean that falls from one pulse to the next by more than three standard errors is no noise.
void warn_of_falling_mean(CellFit& fit) {
  const auto& pulses = fit.quality.pulses;
  std::vector<std::string> falls;
  for (std::size_t p = 1; p < pulses.size(); ++p) {
    if (pulses[p].cells < 2 || pulses[p - 1].cells < 2) continue;
    const auto variance = [](const PulseComparison& c) {
      return c.data_stddev_us * c.data_stddev_us / static_cast<double>(c.cells);
    };
    const double drop = pulses[p - 1].data_mean_us - pulses[p].data_mean_us;
    if (drop > 3 * std::sqrt(variance(pulses[p]) + variance(pulses[p - 1]))) {
      falls.push_back(fmt::format("{} to {}", p - 1, p));
    }
  }
  if (falls.empty()) return;
  const std::size_t count = falls.size();
  if (count > 3) falls.resize(3), falls.push_back("...");
  fit.warnings.push_back(fmt::format("the mean conductance falls from pulse {} ({} in all); SET pulses should raise it",
                                     fmt::join(falls, ", "), count));
}

void warn_of_unlike_mean(CellFit& fit) {
  constexpr double kGoodMean = 0.9, kGoodSpread = 1.5;
  const FitQuality& q = fit.quality;
  if (q.r_squared < kGoodMean) {
    fit.warnings.push_back(
        fmt::format("the model does not tell the mean trajectory (R2 = {:.3g}, at least {} is usual); the cell is not "
                    "described by these constants",
                    q.r_squared, kGoodMean));
  }
  if (q.reduced_chi_square > kGoodSpread || (q.reduced_chi_square > 0 && q.reduced_chi_square < 1 / kGoodSpread)) {
    fit.warnings.push_back(fmt::format(
        "prediction errors are {:.3g} times as large (squared) as the model expects; 1 is right, {:.2g} to {} "
        "is usual",
        q.reduced_chi_square, 1 / kGoodSpread, kGoodSpread));
  }
}

void warn_of_fit(CellFit& fit) {
  if (!fit.has_converged) fit.warnings.push_back("the fit did not settle; take its constants with caution");
  const auto lacks_interval = [](const FittedConstant& c) {
    return c.is_derived && !std::isfinite(c.low) && !std::isfinite(c.high);
  };
  const auto lacking = std::count_if(fit.constants.begin(), fit.constants.end(), lacks_interval);
  if (lacking > 0) {
    fit.warnings.push_back(fmt::format(
        "{} constants have no interval, as the data do not tell them apart near the best ones; look for odd reads",
        lacking));
  }
  if (fit.drift.is_known && fit.drift.exponent.value < 0) {
    fit.warnings.push_back(fmt::format("conductances rise with time (exponent {:.3g}); no drift is assumed instead",
                                       fit.drift.exponent.value));
  }
  if (fit.drift.is_known &&
      (fit.drift.reference_age_s < fit.drift.youngest_s || fit.drift.reference_age_s > fit.drift.oldest_s)) {
    fit.warnings.push_back(
        fmt::format("the reference age of {:.4g} s lies outside the data's times, {:.4g} to {:.4g} s",
                    fit.drift.reference_age_s, fit.drift.youngest_s, fit.drift.oldest_s));
  }
  if (!fit.drift.has_repeats && fit.quality.reduced_chi_square > 0) {
    fit.warnings.push_back(
        "no repeated reads: read noise is told from step noise by their correlations alone; its interval is wide");
  }
  warn_of_unlike_mean(fit);
  if (fit.quality.worst_ks_ratio > 2) {
    fit.warnings.push_back(fmt::format(
        "the model misses the distribution after {} of {} pulse numbers; look at the report before trusting it",
        fit.quality.pulses_beyond_ks, fit.quality.pulses.size()));
  }
}

// Without noise there is nothing by which to standardise an error.
void forget_scatter(CellFit& fit) {
  fit.warnings.push_back(
      "the cells are all alike and read without noise (below 0.2 % of a step): steps are by regression, spreads are 0");
  fit.quality.reduced_chi_square = fit.quality.worst_ks_ratio = 0;
  fit.quality.pulses_beyond_ks = 0;
  fit.quality.data_residuals.clear();
  for (PulseComparison& pulse : fit.quality.pulses) pulse.chi_square = 0;
}

void require_changes(const std::vector<CellSequence>& cells, const Measurements& measurements) {
  const StepSizes steps = step_sizes(cells);
  if (steps.count == 0) {
    fail("{}: no cell was read after two pulses in a row; the fit starts from single steps; read after every pulse",
         measurements.source);
  }
  if (steps.typical_us > 0) return;
  fail(
      "{}: the conductances do not change from pulse to pulse in more than half of {} steps; is \"conductance\" the "
      "right "
      "column?",
      measurements.source, steps.count);
}

}  // namespace

CellFit fit_cell(const Measurements& measurements, const FitOptions& options) {
  CellFit fit;
  fit.warnings = measurements.warnings;
  fit.drift = fit_drift(measurements, options.reference_age_s);
  const std::vector<CellSequence> cells = drift_corrected(measurements, fit.drift);
  require_changes(cells, measurements);
  const LawFit law(cells, fit.drift, options.on_progress);
  fit.log_likelihood = law.result().log_likelihood;
  fit.has_converged = law.result().has_converged;
  ConstantList list(law, fit.drift, highest_read(cells));
  fit.parameters.describe_fields(list);
  fit.constants = list.take();
  fit.quality = compare_with_model(measurements, fit.parameters, law.law(), cells, kComparisonSeed);
  if (law.is_exact()) forget_scatter(fit);
  warn_of_few_cells(fit, measurements);
  warn_of_falling_mean(fit);
  warn_of_fit(fit);
  return fit;
}

std::string fitted_preset_text(CellFit& fit, const Measurements& measurements, const std::string& file) {
  std::map<std::string, std::string> statuses;
  for (const FittedConstant& constant : fit.constants) {
    if (constant.is_derived) statuses[constant.name] = "derived";
  }
  const std::string what = fmt::format("{}, {} cells, SET pulses 0 to {}, {} reads", file, measurements.cells.size(),
                                       measurements.pulse_count(), measurements.read_count());
  return preset_text(fmt::format("Fitted to {}", what), fit.parameters, statuses,
                     fmt::format("maximum-likelihood fit to {}", what));
}

}  // namespace ohmic
