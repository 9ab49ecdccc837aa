#include "ohmic/device/law_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ohmic/device/law_start.h"

namespace ohmic {
namespace {

using enum LawConstant;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kVisible = 1.92;      ///< ln likelihood: 5 % by chance, and half the width of a 95 % interval
constexpr double kLeastBoundMass = 3;  ///< cell-pulses at a bound, below which it is not known

}  // namespace

LawFit::LawFit(const std::vector<CellSequence>& cells, const DriftFit& drift, Progress on_progress)
    : cells_(cells), on_progress_(std::move(on_progress)) {
  for (const CellSequence& cell : cells_) {
    for (std::size_t p = 1; p < cell.pulses.size(); ++p) steps_ += cell.pulses[p].empty() ? 0 : 1;
  }
  best_.law = first_guess(cells, drift);
  is_exact_ = has_no_scatter(cells, best_.law);
  set_bounds();
  run();
}

void LawFit::run() {
  if (is_exact_) return keep_guess();
  report("fitting steps, read noise and RESET");
  free_ = {mean_offset, mean_slope,  mean_memory, stddev_offset, stddev_slope,   stddev_memory,
           log_decay,   read_offset, read_slope,  reset_mean,    reset_variance, lowest};
  take_repeated_ends();
  best_ = climb(cells_, best_.law, free_, bounds_);
  try_highest();
  report("trying without pulse memory");
  try_without_memory();
  try_unlike_cells();
  report("trying a spread from cell to cell");
  try_spread();
  report("trying curvatures");
  const bool bends_mean = try_curvature(mean_curvature);
  if (try_curvature(stddev_curvature) || bends_mean) try_without_memory();
  drop_unknown_bounds();
  report("estimating intervals");
  find_errors();
  find_highest_interval();
}

bool LawFit::is_seen(LawConstant c) const { return std::find(seen_.begin(), seen_.end(), c) != seen_.end(); }

bool LawFit::is_free(LawConstant c) const { return std::find(free_.begin(), free_.end(), c) != free_.end(); }

void LawFit::set_bounds() {
  const double least = 1e-3 * typical_step_us(cells_);
  double pulses = 0;
  for (const CellSequence& cell : cells_) pulses = std::max(pulses, static_cast<double>(cell.pulses.size()) - 1);
  const auto set = [&](LawConstant c, double low, double high) {
    bounds_.low[index(c)] = low;
    bounds_.high[index(c)] = high;
  };
  for (const LawConstant c : {mean_offset, mean_memory, stddev_memory}) set(c, -100, 100);
  for (const LawConstant c : {mean_slope, mean_curvature, stddev_slope, stddev_curvature}) set(c, -10, 10);
  set(stddev_offset, 0, 100);
  set(log_decay, std::log(0.2), std::log(std::max(2.0, pulses)));  // longer is a trend, not a memory
  set(step_spread, 0, 1);
  set(read_offset, least, 100);
  set(read_slope, 0, 10);
  set(reset_mean, 0, 1e4);
  set(reset_variance, least * least, 1e8);
  set(lowest, 0, 1e4);
  set(highest, 1e-3, std::numeric_limits<double>::infinity());
}

void LawFit::keep_guess() {
  free_ = {mean_offset, mean_slope, reset_mean};
  const bool has_memory = std::abs(best_.law[mean_memory]) > 1e-4 * typical_step_us(cells_);
  if (has_memory) free_.insert(free_.end(), {mean_memory, log_decay});
  best_.has_converged = true;
  errors_.fill(0);
}

void LawFit::take_repeated_ends() {
  const RepeatedEnds ends = repeated_ends(cells_);
  const auto take = [&](LawConstant c, const std::optional<double>& value) {
    if (!value) return;
    best_.law[c] = *value;
    seen_.push_back(c);
    std::erase(free_, c);
  };
  take(lowest, ends.lowest);
  take(highest, ends.highest);
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
  if (is_seen(highest)) return;
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
  if (!is_free(log_decay) || is_sure(mean_memory) || is_sure(stddev_memory)) return;
  Constants free = free_;
  std::erase_if(free, [](LawConstant c) { return c == mean_memory || c == stddev_memory || c == log_decay; });
  const CellLaw start = guess_without_memory(cells_, best_.law);
  CellLaw same = best_.law;
  same[mean_memory] = same[stddev_memory] = 0;
  const auto value = [&](const CellLaw& law) { return score_cells(cells_, law, ScoreDetail::value).log_likelihood; };
  try_model(free, value(start) > value(same) ? start : same, -3 * price_of_constant());
}

// Where some cells rise faster than others all the time, the law without spread from cell to cell finds itself a
// maximum of its own, with a slope and a memory that feign it; so this one is looked for from another side.
void LawFit::try_unlike_cells() {
  constexpr double kSure = 3;
  if (persistence_of_cells(cells_) < kSure) return;
  Constants free = {mean_offset, mean_slope, stddev_offset,  stddev_slope, read_offset,
                    read_slope,  reset_mean, reset_variance, step_spread};
  if (!is_seen(lowest)) free.push_back(lowest);
  CellLaw start = guess_without_memory(cells_, best_.law);
  if (!is_seen(highest)) start[highest] = std::numeric_limits<double>::infinity();
  start[step_spread] = 0.2;
  const double constants_saved = static_cast<double>(free_.size()) - static_cast<double>(free.size());
  if (!try_model(free, start, -constants_saved * price_of_constant())) return;
  try_highest();
  free = free_;
  free.insert(free.end(), {mean_memory, stddev_memory, log_decay});
  start = best_.law;
  start[mean_memory] = 0.2 * best_.law[mean_offset];
  start[stddev_memory] = 0;
  try_model(free, start, 3 * price_of_constant());
}

bool LawFit::try_curvature(LawConstant c) {
  // With few cells the scores' outer product is no good measure, so the model itself is tried.
  const bool has_many = cells_.size() >= 100;
  if (has_many && promised_gain(cells_, best_.law, free_, c) < 0.5 * price_of_constant()) return false;
  Constants free = free_;
  free.push_back(c);
  return try_model(free, best_.law, price_of_constant());
}

// The likelihood of each cell's own step factor, by differences, tells what spread is likely at all.
void LawFit::try_spread() {
  if (is_free(step_spread)) return;
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

}  // namespace ohmic
