#include "ohmic/device/fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ohmic/core/error.h"
#include "ohmic/device/law_start.h"
#include "ohmic/device/likelihood_climb.h"
#include "ohmic/device/preset.h"

namespace ohmic {
namespace {

using enum LawConstant;

constexpr double kTwoSided95 = 1.959964;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kVisible = 1.92;      ///< ln likelihood: 5 % by chance, and half the width of a 95 % interval
constexpr double kLeastBoundMass = 3;  ///< cell-pulses at a bound, below which it is not known
constexpr std::size_t kCellsToTrustSpreads = 30;
constexpr std::uint64_t kComparisonSeed = 1;

using Constants = std::vector<LawConstant>;

std::size_t index(LawConstant c) { return static_cast<std::size_t>(c); }

/// Fits the law, adding to and taking from its constants by the information criterion.
class LawFit {
 public:
  LawFit(const std::vector<CellSequence>& cells, const DriftFit& drift, const FitOptions& options)
      : cells_(cells), options_(options) {
    for (const CellSequence& cell : cells_) {
      for (std::size_t p = 1; p < cell.pulses.size(); ++p) steps_ += cell.pulses[p].empty() ? 0 : 1;
    }
    best_.law = first_guess(cells, drift);
    set_bounds();
  }

  void run() {
    report("fitting steps, read noise and RESET");
    free_ = {mean_offset, mean_slope,  mean_memory, stddev_offset, stddev_slope,   stddev_memory,
             log_decay,   read_offset, read_slope,  reset_mean,    reset_variance, lowest};
    best_ = climb(cells_, best_.law, free_, bounds_);
    try_highest();
    try_without_memory();
    report("trying curvatures");
    try_curvature(mean_curvature);
    try_curvature(stddev_curvature);
    report("trying a spread from cell to cell");
    try_spread();
    drop_unknown_bounds();
    report("estimating intervals");
    find_errors();
    find_highest_interval();
  }

  const CellLaw& law() const { return best_.law; }
  const ClimbResult& result() const { return best_; }
  bool is_free(LawConstant c) const { return std::find(free_.begin(), free_.end(), c) != free_.end(); }
  bool is_at_low_bound(LawConstant c) const { return best_.law[c] <= bounds_.low[index(c)]; }
  const Estimate& highest_interval() const { return highest_interval_; }
  /// Standard error; NaN if the data do not hold it.
  double error(LawConstant c) const { return errors_[index(c)]; }

 private:
  void report(const char* what) const {
    if (options_.on_progress) options_.on_progress(what);
  }

  void set_bounds();
  bool try_model(const Constants& free, const CellLaw& start, double price);
  void try_highest();
  bool is_sure(LawConstant c) const;
  void try_without_memory();
  void try_curvature(LawConstant c);
  void try_spread();
  void drop_unknown_bounds();
  LawMatrix sub_matrix(const LawMatrix& full, const Constants& constants) const;
  void polish(const Constants& moving, const LawMatrix& information, const LawVector& gradient);
  void find_errors();
  void find_ridge(Constants others, const LawMatrix& information);
  void find_highest_interval();
  double price_of_constant() const { return 0.5 * std::log(static_cast<double>(steps_)); }

  const std::vector<CellSequence>& cells_;
  const FitOptions& options_;
  std::size_t steps_ = 0;
  Constants free_;
  LawBounds bounds_;
  ClimbResult best_;
  LawVector errors_{};
  Estimate highest_interval_;
  LawVector along_highest_{};  ///< change of each constant per change of the highest conductance
};

void LawFit::set_bounds() {
  const double least = best_.law.least_stddev_us;
  const auto set = [&](LawConstant c, double low, double high) {
    bounds_.low[index(c)] = low;
    bounds_.high[index(c)] = high;
  };
  for (const LawConstant c : {mean_offset, mean_memory, stddev_memory}) set(c, -100, 100);
  for (const LawConstant c : {mean_slope, mean_curvature, stddev_slope, stddev_curvature}) set(c, -10, 10);
  set(stddev_offset, 0, 100);
  set(log_decay, std::log(0.2), std::log(1000.0));
  set(step_spread, 0, 1);
  set(read_offset, least, 100);
  set(read_slope, 0, 10);
  set(reset_mean, 0, 1e4);
  set(reset_variance, least * least, 1e8);
  set(lowest, 0, 1e4);
  set(highest, 1e-3, std::numeric_limits<double>::infinity());
}

// Takes the model if it gains more ln likelihood than `price`.
bool LawFit::try_model(const Constants& free, const CellLaw& start, double price) {
  const ClimbResult trial = climb(cells_, start, free, bounds_);
  if (!(trial.log_likelihood > best_.log_likelihood + price)) return false;
  best_ = trial;
  free_ = free;
  return true;
}

// Saturation: if some cells stand at a highest conductance, a bound among the highest reads explains them.
void LawFit::try_highest() {
  std::vector<double> reads;
  for (const CellSequence& cell : cells_) {
    for (std::size_t p = 1; p < cell.pulses.size(); ++p) {
      const double y = mean_conductance(cell.pulses[p]);
      if (std::isfinite(y)) reads.push_back(y);
    }
  }
  std::sort(reads.begin(), reads.end());
  Constants free = free_;
  free.push_back(highest);
  double best = best_.log_likelihood - 0.05 * static_cast<double>(steps_);
  CellLaw start = best_.law;
  for (const double share : {0.5, 0.75, 0.9, 0.97, 0.99, 0.997, 0.999, 0.9997, 1.0}) {
    CellLaw trial = best_.law;
    trial[highest] = reads[static_cast<std::size_t>(share * static_cast<double>(reads.size() - 1))];
    if (trial[highest] <= trial[lowest]) continue;
    const double likelihood = score_cells(cells_, trial, ScoreDetail::value).log_likelihood;
    if (likelihood > best) best = likelihood, start = trial;
  }
  // Every cell has such a bound, so it needs no more than to be visible.
  if (start[highest] < std::numeric_limits<double>::infinity()) try_model(free, start, kVisible);
}

// Whether a constant differs from zero by so many standard errors that no criterion would drop it.
bool LawFit::is_sure(LawConstant c) const {
  constexpr double kSure = 8;
  const auto errors = rough_errors(cells_, best_.law, free_, bounds_);
  const auto place = static_cast<std::size_t>(std::find(free_.begin(), free_.end(), c) - free_.begin());
  return errors && std::abs(best_.law[c]) > kSure * (*errors)[place];
}

// Memory costs three constants, its decay being one.
void LawFit::try_without_memory() {
  if (is_sure(mean_memory) || is_sure(stddev_memory)) return;
  Constants free = free_;
  std::erase_if(free, [](LawConstant c) { return c == mean_memory || c == stddev_memory || c == log_decay; });
  CellLaw start = best_.law;
  start[mean_memory] = start[stddev_memory] = 0;
  const double middle = start.memory(1);
  start[mean_offset] += 0.2 * middle * best_.law[mean_memory];
  try_model(free, start, -3 * price_of_constant());
}

void LawFit::try_curvature(LawConstant c) {
  // With few cells the scores' outer product is no good measure, so the model itself is tried.
  const bool has_many = cells_.size() >= 100;
  if (has_many && promised_gain(cells_, best_.law, free_, c) < 0.5 * price_of_constant()) return;
  Constants free = free_;
  free.push_back(c);
  try_model(free, best_.law, price_of_constant());
}

// The likelihood of each cell's own step factor, by differences, tells what spread is likely at all.
void LawFit::try_spread() {
  constexpr double kDifference = 0.05;
  double best_gain = 0, best_spread = 0;
  std::vector<std::pair<double, double>> parts;
  for (const CellSequence& cell : cells_) {
    const auto at = [&](double factor) {
      return score_cell(cell, best_.law, ScoreDetail::value, factor).log_likelihood;
    };
    const double below = at(1 - kDifference), here = at(1), above = at(1 + kDifference);
    parts.emplace_back((above - below) / (2 * kDifference), (above - 2 * here + below) / (kDifference * kDifference));
  }
  for (double spread = 0.02; spread <= 1; spread *= 1.25) {
    double gain = 0;
    for (const auto& [slope, curvature] : parts) {
      const double width = 1 - spread * spread * std::min(curvature, 0.0);
      gain += 0.5 * spread * spread * slope * slope / width - 0.5 * std::log(width);
    }
    if (gain > best_gain) best_gain = gain, best_spread = spread;
  }
  const double price = 0.5 * std::log(static_cast<double>(cells_.size()));
  if (best_gain < price) return;
  CellLaw start = best_.law;
  start[step_spread] = best_spread;
  Constants free = free_;
  free.push_back(step_spread);
  try_model(free, start, price);
}

// A bound at which hardly any cell stands is not in the data.
void LawFit::drop_unknown_bounds() {
  const BoundMass mass = mass_at_bounds(cells_, best_.law);
  if (mass.lowest < kLeastBoundMass) std::erase(free_, lowest);
  if (mass.highest < kLeastBoundMass) std::erase(free_, highest);
}

// The rows and columns of a matrix over the free constants that belong to some of them.
LawMatrix LawFit::sub_matrix(const LawMatrix& full, const Constants& constants) const {
  const auto place = [&](LawConstant c) {
    return static_cast<std::size_t>(std::find(free_.begin(), free_.end(), c) - free_.begin());
  };
  LawMatrix part;
  for (const LawConstant a : constants) {
    part.emplace_back();
    for (const LawConstant b : constants) part.back().push_back(full[place(a)][place(b)]);
  }
  return part;
}

// A last Newton step, as the second derivatives are at hand.
void LawFit::polish(const Constants& moving, const LawMatrix& information, const LawVector& gradient) {
  std::vector<double> slope;
  for (const LawConstant c : moving) slope.push_back(gradient[index(c)]);
  const auto step = solve_positive(information, slope);
  if (!step) return;
  CellLaw law = best_.law;
  for (std::size_t k = 0; k < moving.size(); ++k) {
    const std::size_t c = index(moving[k]);
    law.values[c] = std::clamp(law.values[c] + (*step)[k], bounds_.low[c], bounds_.high[c]);
  }
  const double likelihood = score_cells(cells_, law, ScoreDetail::value).log_likelihood;
  if (likelihood > best_.log_likelihood) best_.law = law, best_.log_likelihood = likelihood;
}

// How the other constants follow the highest conductance on the ridge of the likelihood.
void LawFit::find_ridge(Constants others, const LawMatrix& information) {
  std::erase(others, highest);
  Constants with = others;
  with.push_back(highest);
  std::vector<double> right = sub_matrix(information, with).back();
  right.pop_back();
  const auto change = solve_positive(sub_matrix(information, others), right);
  if (!change) return;
  for (std::size_t k = 0; k < others.size(); ++k) along_highest_[index(others[k])] = -(*change)[k];
}

// A bound that few cells reach has a lopsided likelihood: its interval is where the likelihood has not fallen far.
void LawFit::find_highest_interval() {
  if (!is_free(highest)) return;
  const auto is_likely = [&](double bound) {
    CellLaw law = best_.law;
    for (std::size_t c = 0; c < kLawConstants; ++c) {
      if (along_highest_[c] == 0) continue;
      law.values[c] += along_highest_[c] * (bound - best_.law[highest]);
      law.values[c] = std::clamp(law.values[c], bounds_.low[c], bounds_.high[c]);
    }
    law[highest] = bound;
    return score_cells(cells_, law, ScoreDetail::value).log_likelihood > best_.log_likelihood - kVisible;
  };
  const double best = best_.law[highest];
  const auto edge = [&](double inside, double outside) {
    for (int halving = 0; halving < 10; ++halving) {
      const double middle = 0.5 * (inside + outside);
      (is_likely(middle) ? inside : outside) = middle;
    }
    return inside;
  };
  const double far = best + 2 * (best - best_.law[lowest]);
  highest_interval_ = {best, edge(best, best_.law[lowest]), is_likely(far) ? kNaN : edge(best, far)};
}

void LawFit::find_errors() {
  errors_.fill(kNaN);
  const LawVector gradient = score_cells(cells_, best_.law, ScoreDetail::gradient).gradient;
  Constants moving, held;
  for (const LawConstant c : free_) (is_held(bounds_, best_.law, gradient, c) ? held : moving).push_back(c);
  const LawMatrix information = observed_information(cells_, best_.law, free_, bounds_);
  polish(moving, sub_matrix(information, moving), gradient);
  if (is_free(highest)) find_ridge(moving, information);
  if (const auto variances = inverse_diagonal(sub_matrix(information, moving))) {
    for (std::size_t k = 0; k < moving.size(); ++k) errors_[index(moving[k])] = std::sqrt((*variances)[k]);
  }
  // Beside a bound, a constant has its own curvature only.
  for (const LawConstant c : held) {
    Constants with = moving;
    with.push_back(c);
    if (const auto variances = inverse_diagonal(sub_matrix(information, with)))
      errors_[index(c)] = std::sqrt(variances->back());
  }
}

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

class ConstantList : public FieldVisitor {
 public:
  using FieldVisitor::choice;
  using FieldVisitor::field;
  ConstantList(const LawFit& fit, const DriftFit& drift, double top_us) : fit_(fit), drift_(drift), top_us_(top_us) {}

  void field(const FieldInfo& info, double& value) override {
    FittedConstant constant{
        std::string(info.name), std::string(info.unit), std::string(info.doc), 0, kNaN, kNaN, false, {}};
    fill(constant);
    constant.value = std::clamp(constant.value, info.min, info.max);
    value = constant.value;
    list_.push_back(std::move(constant));
  }
  void field(const FieldInfo&, bool&) override {}
  void field(const FieldInfo&, std::int64_t&) override {}
  void field(const FieldInfo&, std::string&) override {}
  void field(const FieldInfo&, std::vector<double>&) override {}
  void field(const FieldInfo&, std::vector<std::string>&) override {}
  void choice(const FieldInfo&, std::span<const std::string_view>, int&) override {}
  std::vector<FittedConstant> take() { return std::move(list_); }

 protected:
  void begin_section(const FieldInfo&) override {}
  void end_section() override {}
  std::size_t begin_list(const FieldInfo&, std::size_t size) override { return size; }
  void begin_element() override {}
  void end_element() override {}
  void end_list() override {}

 private:
  void fill(FittedConstant& constant) const;
  void fill_from_law(FittedConstant& constant, LawConstant c) const;
  void fill_drift(FittedConstant& constant) const;
  Assumption assumption(std::string_view name) const;

  const LawFit& fit_;
  const DriftFit& drift_;
  double top_us_;
  std::vector<FittedConstant> list_;
};

void ConstantList::fill(FittedConstant& constant) const {
  for (const Correspondence& c : kCorrespondences) {
    if (c.name == constant.name && fit_.is_free(c.constant)) return fill_from_law(constant, c.constant);
  }
  if (constant.name.starts_with("drift_") && drift_.is_known) {
    fill_drift(constant);
    if (constant.is_derived) return;
  }
  const Assumption assumed = assumption(constant.name);
  constant.value = assumed.value;
  constant.remark = assumed.why;
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
  if (name == "memory_decay_pulses") return {1, "no pulse memory was found"};
  if (name == "step_mean_memory_us" || name == "step_stddev_memory_us") return {0, "no pulse memory was found"};
  if (name == "step_spread") return {0, "no spread from cell to cell was found"};
  if (name == "conductance_min_us") {
    return {std::max(0.0, std::min(law[lowest], law[reset_mean])), "no cell stands at a lower bound"};
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

void warn_of_fit(CellFit& fit) {
  if (!fit.has_converged) fit.warnings.push_back("the fit did not settle; take its constants with caution");
  if (fit.drift.is_known && fit.drift.exponent.value < 0) {
    fit.warnings.push_back(fmt::format("conductances rise with time (exponent {:.3g}); no drift is assumed instead",
                                       fit.drift.exponent.value));
  }
  if (!fit.drift.has_repeats) {
    fit.warnings.push_back(
        "no repeated reads: read noise is told from step noise by their correlations alone; its interval is wide");
  }
  if (fit.quality.worst_ks_ratio > 2) {
    fit.warnings.push_back(fmt::format(
        "the model misses the distribution after {} of {} pulse numbers; look at the report before trusting it",
        fit.quality.pulses_beyond_ks, fit.quality.pulses.size()));
  }
}

void require_changes(const std::vector<CellSequence>& cells, const Measurements& measurements) {
  if (typical_step_us(cells) > 0) return;
  fail("{}: the conductances do not change from pulse to pulse; is \"conductance\" the right column?",
       measurements.source);
}

}  // namespace

CellFit fit_cell(const Measurements& measurements, const FitOptions& options) {
  CellFit fit;
  fit.warnings = measurements.warnings;
  fit.drift = fit_drift(measurements, options.reference_age_s);
  const std::vector<CellSequence> cells = drift_corrected(measurements, fit.drift);
  require_changes(cells, measurements);
  LawFit law(cells, fit.drift, options);
  law.run();
  fit.log_likelihood = law.result().log_likelihood;
  fit.has_converged = law.result().has_converged;
  ConstantList list(law, fit.drift, highest_read(cells));
  fit.parameters.describe_fields(list);
  fit.constants = list.take();
  fit.quality = compare_with_model(measurements, fit.parameters, law.law(), cells, kComparisonSeed);
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
