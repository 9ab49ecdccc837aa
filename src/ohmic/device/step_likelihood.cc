#include "ohmic/device/step_likelihood.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "ohmic/core/parallel.h"
#include "ohmic/device/conductance_grid.h"
#include "ohmic/device/law_terms.h"

namespace ohmic {
namespace {

using enum LawConstant;

constexpr double kOutlierProbability = 1e-8;

/// d ln p by the end of the mean step and by the spread, for a step that ends at a node.
struct StepSlopes {
  double by_end, by_stddev;
};

/// Forward and backward sums over the grids of one cell.
class CellFilter {
 public:
  CellFilter(const CellSequence& cell, const CellLaw& law, double factor)
      : cell_(cell), law_(law), factor_(factor), grids_(make_grids(cell, law, factor)) {}

  double forward() {
    forward_.resize(grids_.size());
    emissions_.resize(grids_.size());
    scales_.assign(grids_.size(), 1);
    kernels_.resize(grids_.size());
    double log_likelihood = 0;
    for (std::size_t p = 0; p < grids_.size(); ++p) {
      log_likelihood += emit(p);
      predict(p);
      log_likelihood += normalise(p);
    }
    return log_likelihood;
  }

  LawVector backward() {
    LawVector gradient{};
    std::vector<double> after(grids_.back().size(), 1.0);
    for (std::size_t p = grids_.size(); p-- > 0;) {
      add_read_gradient(gradient, p, after);
      if (p == 0) {
        add_reset_gradient(gradient, after);
      } else {
        after = step_back(gradient, p, after);
      }
    }
    return gradient;
  }

  /// Posterior weights before the reads after pulse p + 1, for predictions.
  const std::vector<double>& filtered(std::size_t p) const { return forward_[p]; }
  const Grid& grid(std::size_t p) const { return grids_[p]; }
  BoundMass bound_mass();

 private:
  double emit(std::size_t p) {
    const Emission emission(cell_.pulses[p], law_);
    std::vector<double>& e = emissions_[p];
    for (const double x : grids_[p].x) e.push_back(emission.log_density(x));
    const double top = *std::max_element(e.begin(), e.end());
    for (double& value : e) value = std::exp(value - top);
    return top;
  }

  void predict(std::size_t p) {
    const Grid& to = grids_[p];
    std::vector<double>& a = forward_[p];
    a.assign(to.size(), 0);
    if (p == 0) {
      for (std::size_t k = 0; k < to.size(); ++k) a[k] = reset_density(k);
      return;
    }
    fill_kernel(p);
    const std::vector<double>& before = forward_[p - 1];
    for (std::size_t j = 0; j < before.size(); ++j) {
      const double* row = kernels_[p].data() + j * to.size();
      for (std::size_t k = 0; k < to.size(); ++k) a[k] += before[j] * row[k];
    }
  }

  double normalise(std::size_t p) {
    std::vector<double>& a = forward_[p];
    double sum = 0;
    for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] *= emissions_[p][k];
    for (double& value : a) value /= sum;
    scales_[p] = sum;
    return std::log(sum);
  }

  double reset_density(std::size_t k) const {
    const Grid& grid = grids_[0];
    const double stddev = std::sqrt(law_[reset_variance]);
    const double z = (grid.x[k] - law_[reset_mean]) / stddev;
    return k == grid.lower ? below(z) : grid.weight[k] * density(z) / stddev;
  }

  // Probability that a step is an outlier and ends at this node.
  double outlier(const Grid& to, std::size_t k) const {
    return k < to.continuous ? kOutlierProbability / outlier_range() * to.weight[k] : 0;
  }
  double outlier_range() const { return std::min(law_[highest], 1e4) - law_[lowest]; }

  void fill_kernel(std::size_t p) {
    const Grid &from = grids_[p - 1], &to = grids_[p];
    const StepOfPulse step(law_, p, factor_);
    kernels_[p].resize(from.size() * to.size());
    std::vector<double> outliers(to.size());
    for (std::size_t k = 0; k < to.size(); ++k) outliers[k] = outlier(to, k);
    for (std::size_t j = 0; j < from.size(); ++j) {
      const double end = step.end(from.x[j]), stddev = step.stddev(from.x[j]);
      const double per_stddev = 1 / stddev, scale = per_stddev / kSqrtTwoPi;
      double* row = kernels_[p].data() + j * to.size();
      for (std::size_t k = 0; k < to.continuous; ++k) {
        const double z = (to.x[k] - end) * per_stddev;
        row[k] = to.weight[k] * std::exp(-0.5 * z * z) * scale + outliers[k];
      }
      if (to.lower != kNoAtom) row[to.lower] = below((to.x[to.lower] - end) / stddev);
      if (to.upper != kNoAtom) row[to.upper] = below((end - to.x[to.upper]) / stddev);
    }
  }

  /// Of a step that ends at a bound.
  static StepSlopes bound_slopes(const Grid& to, std::size_t k, double end, double stddev) {
    const double z = (to.x[k] - end) / stddev, side = k == to.lower ? 1 : -1;
    const double hazard = density(z) / std::max(below(side * z), 1e-300);
    return {-side * hazard / stddev, -side * z * hazard / stddev};
  }

  void add_read_gradient(LawVector& gradient, std::size_t p, const std::vector<double>& after) const {
    if (cell_.pulses[p].empty()) return;
    const Emission emission(cell_.pulses[p], law_);
    const Grid& grid = grids_[p];
    for (std::size_t k = 0; k < grid.size(); ++k) {
      emission.add_gradient(gradient, grid.x[k], forward_[p][k] * after[k]);
    }
    if (p == 0) return;
    for (const auto& [atom, constant] : {std::pair{grid.lower, lowest}, std::pair{grid.upper, highest}}) {
      if (atom == kNoAtom) continue;
      gradient[static_cast<std::size_t>(constant)] +=
          forward_[p][atom] * after[atom] * emission.by_conductance(grid.x[atom]);
    }
  }

  void add_reset_gradient(LawVector& gradient, const std::vector<double>& after) const {
    const Grid& grid = grids_[0];
    const double stddev = std::sqrt(law_[reset_variance]);
    for (std::size_t k = 0; k < grid.size(); ++k) {
      const double weight = forward_[0][k] * after[k];
      const double z = (grid.x[k] - law_[reset_mean]) / stddev;
      const StepSlopes inside = {z / stddev, (z * z - 1) / stddev};
      const StepSlopes s = k < grid.continuous ? inside : bound_slopes(grid, k, law_[reset_mean], stddev);
      gradient[static_cast<std::size_t>(reset_mean)] += weight * s.by_end;
      gradient[static_cast<std::size_t>(reset_variance)] += weight * s.by_stddev / (2 * stddev);
    }
  }

  std::vector<double> step_back(LawVector& gradient, std::size_t p, const std::vector<double>& after) const {
    const Grid &from = grids_[p - 1], &to = grids_[p];
    const StepOfPulse step(law_, p, factor_);
    std::vector<double> before(from.size(), 0.0), ahead(to.size()), outliers(to.size());
    for (std::size_t k = 0; k < to.size(); ++k) {
      ahead[k] = emissions_[p][k] * after[k] / scales_[p];
      outliers[k] = outlier(to, k);
    }
    for (std::size_t j = 0; j < from.size(); ++j) {
      const double end = step.end(from.x[j]), stddev = step.stddev(from.x[j]);
      const double* row = kernels_[p].data() + j * to.size();
      const double per_stddev = 1 / stddev;
      double sum = 0, by_end = 0, by_stddev = 0;  // over the nodes, in units of the step's spread
      for (std::size_t k = 0; k < to.continuous; ++k) {
        const double weight = (row[k] - outliers[k]) * ahead[k], z = (to.x[k] - end) * per_stddev;
        sum += row[k] * ahead[k];
        by_end += weight * z;
        by_stddev += weight * (z * z - 1);
      }
      by_end *= per_stddev, by_stddev *= per_stddev;
      for (std::size_t k = to.continuous; k < to.size(); ++k) {
        const StepSlopes s = bound_slopes(to, k, end, stddev);
        sum += row[k] * ahead[k];
        by_end += row[k] * ahead[k] * s.by_end;
        by_stddev += row[k] * ahead[k] * s.by_stddev;
      }
      before[j] = sum;
      by_end *= forward_[p - 1][j], by_stddev *= forward_[p - 1][j];
      step.add_gradient(gradient, from.x[j], by_end, by_stddev);
      gradient[static_cast<std::size_t>(step_spread)] += step.mean(from.x[j]) * by_end;  // by the cell's factor
      if (p > 1 && (j == from.lower || j == from.upper)) {
        const LawConstant bound = j == from.lower ? lowest : highest;
        gradient[static_cast<std::size_t>(bound)] +=
            by_end * step.end_slope(from.x[j]) + by_stddev * step.stddev_slope_at(from.x[j]);
      }
    }
    return before;
  }

  const CellSequence& cell_;
  const CellLaw& law_;
  double factor_;
  std::vector<Grid> grids_;
  std::vector<std::vector<double>> emissions_, forward_, kernels_;
  std::vector<double> scales_;
};

BoundMass CellFilter::bound_mass() {
  forward();
  BoundMass mass;
  for (std::size_t p = 1; p < grids_.size(); ++p) {
    if (cell_.pulses[p].empty()) continue;
    if (grids_[p].lower != kNoAtom) mass.lowest += forward_[p][grids_[p].lower];
    if (grids_[p].upper != kNoAtom) mass.highest += forward_[p][grids_[p].upper];
  }
  return mass;
}

/// Gauss-Hermite quadrature for a standard normal variable, 5 points.
constexpr std::array<double, 5> kNormalNodes = {-2.8569700138728056, -1.3556261799742659, 0, 1.3556261799742659,
                                                2.8569700138728056};
constexpr std::array<double, 5> kNormalWeights = {0.0112574113277207, 0.2220759220056126, 0.5333333333333333,
                                                  0.2220759220056126, 0.0112574113277207};

/// What is known of one cell's own xi, its mean step being 1 + spread xi times that of the law: where its posterior
/// density is highest and how wide it is there.
class OwnFactor {
 public:
  OwnFactor(const CellSequence& cell, const CellLaw& law) : cell_(cell), law_(law) {}

  Belief find() const {
    double before = 0, here = 0.5;
    double slope_before = slope(before), bend = -1;
    here = slope_before > 0 ? 0.5 : -0.5;
    for (int secant = 0; secant < 4; ++secant) {
      const double slope_here = slope(here);
      if (here != before) bend = std::min((slope_here - slope_before) / (here - before), -1.0);
      const double next = std::clamp(here - slope_here / bend, -kFar, kFar);
      before = here, slope_before = slope_here, here = next;
      if (std::abs(here - before) < 0.05 / std::sqrt(-bend)) break;
    }
    return {here, -1 / bend};
  }

 private:
  static constexpr double kFar = 5;

  // Of the log posterior density; the prior alone bends it by -1.
  double slope(double xi) const {
    const CellScore score = score_cell(cell_, law_, ScoreDetail::gradient, 1 + law_[step_spread] * xi);
    return law_[step_spread] * score.gradient[static_cast<std::size_t>(step_spread)] - xi;
  }

  const CellSequence& cell_;
  const CellLaw& law_;
};

CellScore score_with_spread(const CellSequence& cell, const CellLaw& law, ScoreDetail detail) {
  constexpr std::size_t kSpread = static_cast<std::size_t>(step_spread);
  const Belief own = OwnFactor(cell, law).find();
  const double width = std::sqrt(own.variance);
  std::array<CellScore, kNormalNodes.size()> parts;
  std::array<double, kNormalNodes.size()> logs{};
  for (std::size_t q = 0; q < parts.size(); ++q) {
    const double x = kNormalNodes[q], xi = own.mean + width * x;
    parts[q] = score_cell(cell, law, detail, 1 + law[step_spread] * xi);
    parts[q].gradient[kSpread] *= xi;
    logs[q] = parts[q].log_likelihood + std::log(kNormalWeights[q] * width) + 0.5 * (x * x - xi * xi);
  }
  const double top = *std::max_element(logs.begin(), logs.end());
  CellScore total;
  double sum = 0;
  for (std::size_t q = 0; q < parts.size(); ++q) {
    const double weight = std::exp(logs[q] - top);
    sum += weight;
    for (std::size_t c = 0; c < kLawConstants; ++c) total.gradient[c] += weight * parts[q].gradient[c];
  }
  for (double& value : total.gradient) value /= sum;
  total.log_likelihood = top + std::log(sum);
  return total;
}

/// Mean and variance of a normal variable clipped to bounds.
Belief clipped(double mean, double stddev, double low, double high) {
  const double a = (low - mean) / stddev, b = (high - mean) / stddev;
  const double at_low = below(a), at_high = below(-b), inside = 1 - at_low - at_high;
  const double da = density(a), db = std::isfinite(b) ? density(b) : 0;
  const double first = inside * mean + stddev * (da - db) + at_low * low + (at_high > 0 ? at_high * high : 0);
  const double second = inside * (mean * mean + stddev * stddev) + 2 * mean * stddev * (da - db) +
                        stddev * stddev * (a * da - (std::isfinite(b) ? b * db : 0)) + at_low * low * low +
                        (at_high > 0 ? at_high * high * high : 0);
  return {first, std::max(0.0, second - first * first)};
}

// What the law expects of the conductance after pulse p from all reads before.
Belief prediction(const CellFilter& filter, const CellLaw& law, std::size_t p, double factor) {
  const StepOfPulse step(law, p, factor);
  const Grid& from = filter.grid(p - 1);
  double mean = 0, square = 0;
  for (std::size_t j = 0; j < from.size(); ++j) {
    const Belief b = clipped(step.end(from.x[j]), step.stddev(from.x[j]), law[lowest], law[highest]);
    mean += filter.filtered(p - 1)[j] * b.mean;
    square += filter.filtered(p - 1)[j] * (b.variance + b.mean * b.mean);
  }
  return {mean, std::max(0.0, square - mean * mean)};
}

}  // namespace

double CellLaw::memory(std::size_t pulse) const {
  return std::exp(-static_cast<double>(pulse) * std::exp(-(*this)[LawConstant::log_decay]));
}

CellScore score_cell(const CellSequence& cell, const CellLaw& law, ScoreDetail detail, double step_factor) {
  CellFilter filter(cell, law, step_factor);
  CellScore score;
  score.log_likelihood = filter.forward();
  if (detail == ScoreDetail::gradient) score.gradient = filter.backward();
  return score;
}

CellScore score_cell(const CellSequence& cell, const CellLaw& law, ScoreDetail detail) {
  if (law[LawConstant::step_spread] > 0) return score_with_spread(cell, law, detail);
  CellScore score = score_cell(cell, law, detail, 1);
  score.gradient[static_cast<std::size_t>(LawConstant::step_spread)] = 0;
  return score;
}

TotalScore score_cells(const std::vector<CellSequence>& cells, const CellLaw& law, ScoreDetail detail) {
  constexpr std::size_t kChunk = 8;
  std::vector<CellScore> scores(cells.size());
  parallel_chunks(cells.size(), kChunk, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) scores[i] = score_cell(cells[i], law, detail);
  });
  TotalScore total;
  for (const CellScore& score : scores) {
    total.log_likelihood += score.log_likelihood;
    for (std::size_t c = 0; c < kLawConstants; ++c) total.gradient[c] += score.gradient[c];
    total.cells.push_back(score.gradient);
  }
  return total;
}

BoundMass mass_at_bounds(const std::vector<CellSequence>& cells, const CellLaw& law) {
  BoundMass total;
  for (const CellSequence& cell : cells) {
    const BoundMass mass = CellFilter(cell, law, 1).bound_mass();
    total.lowest += mass.lowest;
    total.highest += mass.highest;
  }
  return total;
}

std::vector<Residual> prediction_residuals(const CellSequence& cell, const CellLaw& law) {
  const double spread = law[LawConstant::step_spread];
  const double factor = spread > 0 ? 1 + spread * OwnFactor(cell, law).find().mean : 1;
  CellFilter filter(cell, law, factor);
  filter.forward();
  std::vector<Residual> residuals;
  for (std::size_t p = 1; p < cell.pulses.size(); ++p) {
    if (cell.pulses[p].empty()) continue;
    const ReadGroup& group = cell.pulses[p].front();
    const Belief belief = prediction(filter, law, p, factor);
    const double noise = law[LawConstant::read_offset] + law[LawConstant::read_slope] * belief.mean * group.factor;
    const double variance = group.factor * group.factor * belief.variance + noise * noise / group.count;
    residuals.push_back({p, (group.mean_us - group.factor * belief.mean) / std::sqrt(variance)});
  }
  return residuals;
}

}  // namespace ohmic
