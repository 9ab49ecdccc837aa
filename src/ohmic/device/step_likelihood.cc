#include "ohmic/device/step_likelihood.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numbers>

#include "ohmic/core/parallel.h"

namespace ohmic {
namespace {

using enum LawConstant;

constexpr double kOutlierProbability = 1e-8;
constexpr double kWindowStddevs = 5;       ///< of the smoother, to either side
constexpr double kLeastWindowStddevs = 3;  ///< left of a window that a bound cuts
constexpr std::size_t kFewestNodes = 14;
constexpr double kSqrtTwoPi = 2.5066282746310002;

double density(double z) { return std::exp(-0.5 * z * z) / kSqrtTwoPi; }
double below(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

/// Nodes and weights of Gauss-Legendre quadrature on [-1, 1].
struct Quadrature {
  std::vector<double> nodes, weights;
};

Quadrature gauss_legendre(std::size_t count) {
  Quadrature q{std::vector<double>(count), std::vector<double>(count)};
  const double n = static_cast<double>(count);
  for (std::size_t i = 0; i < count; ++i) {
    double x = std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (n + 0.5));
    double slope = 1;
    for (int newton = 0; newton < 8; ++newton) {
      double p = 1, before = 0;
      for (std::size_t k = 1; k <= count; ++k) {
        const double degree = static_cast<double>(k);
        const double next = ((2 * degree - 1) * x * p - (degree - 1) * before) / degree;
        before = p;
        p = next;
      }
      slope = n * (x * p - before) / (x * x - 1);
      x -= p / slope;
    }
    q.nodes[i] = x;
    q.weights[i] = 2 / ((1 - x * x) * slope * slope);
  }
  return q;
}

// The sizes in use, each a compromise of speed and of resolving a narrow step in wide read noise.
constexpr std::array<std::size_t, 6> kNodeCounts = {kFewestNodes, 18, 26, 40, 64, 96};

const Quadrature& legendre_of_at_least(double wanted) {
  static const std::array<Quadrature, kNodeCounts.size()> kTables = [] {
    std::array<Quadrature, kNodeCounts.size()> tables;
    for (std::size_t k = 0; k < tables.size(); ++k) tables[k] = gauss_legendre(kNodeCounts[k]);
    return tables;
  }();
  for (std::size_t k = 0; k + 1 < kTables.size(); ++k) {
    if (static_cast<double>(kNodeCounts[k]) >= wanted) return kTables[k];
  }
  return kTables.back();
}

/// The step of one pulse as a function of the conductance before it.
class StepOfPulse {
 public:
  StepOfPulse(const CellLaw& law, std::size_t pulse, double factor)
      : law_(law), memory_(law.memory(pulse)), pulse_(static_cast<double>(pulse)), factor_(factor) {}

  double mean(double x) const {
    return law_[mean_offset] + x * (law_[mean_slope] + x * law_[mean_curvature]) + law_[mean_memory] * memory_;
  }
  double end(double x) const { return x + factor_ * mean(x); }
  double end_slope(double x) const { return 1 + factor_ * (law_[mean_slope] + 2 * x * law_[mean_curvature]); }
  /// The law's spread, bent smoothly so that it stays above zero.
  double stddev(double x) const {
    const double line = linear_stddev(x), least = law_.least_stddev_us;
    return 0.5 * (line + std::sqrt(line * line + 4 * least * least));
  }
  double stddev_slope_at(double x) const { return bend(x) * (law_[stddev_slope] + 2 * x * law_[stddev_curvature]); }
  /// Adds what d ln p / d end and d ln p / d stddev, of a step from x, mean for the constants.
  void add_gradient(LawVector& gradient, double x, double by_end, double by_stddev) const {
    const auto add = [&](LawConstant c, double value) { gradient[static_cast<std::size_t>(c)] += value; };
    const double mean_part = factor_ * by_end, stddev_part = bend(x) * by_stddev;
    const double fading = memory_ * pulse_ * std::exp(-law_[log_decay]);  // dP / d ln decay
    add(mean_offset, mean_part);
    add(mean_slope, mean_part * x);
    add(mean_curvature, mean_part * x * x);
    add(mean_memory, mean_part * memory_);
    add(stddev_offset, stddev_part);
    add(LawConstant::stddev_slope, stddev_part * x);
    add(stddev_curvature, stddev_part * x * x);
    add(stddev_memory, stddev_part * memory_);
    add(log_decay, fading * (mean_part * law_[mean_memory] + stddev_part * law_[stddev_memory]));
  }

 private:
  double linear_stddev(double x) const {
    return law_[stddev_offset] + x * (law_[LawConstant::stddev_slope] + x * law_[stddev_curvature]) +
           law_[stddev_memory] * memory_;
  }
  double bend(double x) const {
    const double line = linear_stddev(x), least = law_.least_stddev_us;
    return 0.5 * (1 + line / std::sqrt(line * line + 4 * least * least));
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
      sum += g.factor * g.count * error / (s * s) + law_[read_slope] * g.factor * by_stddev(x, g);
    }
    return sum;
  }
  void add_gradient(LawVector& gradient, double x, double weight) const {
    for (const ReadGroup& g : groups_) {
      const double change = weight * by_stddev(x, g);
      gradient[static_cast<std::size_t>(read_offset)] += change;
      gradient[static_cast<std::size_t>(read_slope)] += change * x * g.factor;
    }
  }

 private:
  double stddev(double x, const ReadGroup& g) const { return law_[read_offset] + law_[read_slope] * x * g.factor; }
  double by_stddev(double x, const ReadGroup& g) const {
    const double s = stddev(x, g), error = g.mean_us - x * g.factor;
    return ((g.count * error * error + g.squares_us2) / (s * s) - g.count) / s;
  }

  const std::vector<ReadGroup>& groups_;
  const CellLaw& law_;
};

/// Where the conductance after one pulse may lie.
struct Belief {
  double mean = 0, variance = 0;
};

/// A Kalman filter and smoother (Rauch, Tung and Striebel) on the law linearised at its estimates: good enough to say
/// where to integrate.
class Smoother {
 public:
  Smoother(const CellSequence& cell, const CellLaw& law, double factor) : cell_(cell), law_(law), factor_(factor) {}

  std::vector<Belief> run() {
    filter();
    std::vector<Belief> smooth = filtered_;
    for (std::size_t p = smooth.size() - 1; p-- > 0;) {
      const double gain = filtered_[p].variance * slopes_[p + 1] / predicted_[p + 1].variance;
      smooth[p].mean += gain * (smooth[p + 1].mean - predicted_[p + 1].mean);
      smooth[p].variance += gain * gain * (smooth[p + 1].variance - predicted_[p + 1].variance);
      smooth[p].variance = std::max(smooth[p].variance, 1e-6 * filtered_[p].variance);
    }
    return smooth;
  }

 private:
  void filter() {
    Belief belief{law_[reset_mean], law_[reset_variance]};
    for (std::size_t p = 0; p < cell_.pulses.size(); ++p) {
      slopes_.push_back(1);
      if (p > 0) belief = stepped(belief, p);
      predicted_.push_back(belief);
      for (const ReadGroup& group : cell_.pulses[p]) belief = updated(belief, group);
      filtered_.push_back(belief);
    }
  }
  Belief stepped(const Belief& b, std::size_t pulse) {
    const StepOfPulse step(law_, pulse, factor_);
    const double from = std::clamp(b.mean, law_[lowest], law_[highest]);
    const double slope = step.end_slope(from), stddev = step.stddev(from);
    slopes_.back() = slope;
    return {step.end(from), slope * slope * b.variance + stddev * stddev};
  }
  Belief updated(const Belief& b, const ReadGroup& g) const {
    const double near = std::max(0.0, g.mean_us);
    const double stddev = law_[read_offset] + law_[read_slope] * near;
    const double noise = stddev * stddev / g.count;
    const double gain = b.variance * g.factor / (g.factor * g.factor * b.variance + noise);
    return {b.mean + gain * (g.mean_us - g.factor * b.mean),
            b.variance * noise / (g.factor * g.factor * b.variance + noise)};
  }

  const CellSequence& cell_;
  const CellLaw& law_;
  double factor_;
  std::vector<Belief> predicted_, filtered_;
  std::vector<double> slopes_;
};

constexpr std::size_t kNoAtom = std::numeric_limits<std::size_t>::max();

/// The grid after one pulse: nodes of a quadrature and, at the end, the point masses at the bounds.
struct Grid {
  std::vector<double> x, weight;
  std::size_t continuous = 0;  ///< so many nodes before the point masses
  std::size_t lower = kNoAtom, upper = kNoAtom;

  std::size_t size() const { return x.size(); }
};

Grid make_grid(const Belief& belief, double low_bound, double high_bound, double least_feature) {
  const double stddev = std::sqrt(belief.variance);
  double low = std::max(low_bound, belief.mean - kWindowStddevs * stddev);
  double high = std::min(high_bound, belief.mean + kWindowStddevs * stddev);
  high = std::min(high_bound, std::max(high, low_bound + kLeastWindowStddevs * stddev));
  low = std::max(low_bound, std::min(low, high_bound - kLeastWindowStddevs * stddev));
  // Seen from one node before, the integrand is as narrow as step and belief together.
  const double narrowing = std::sqrt(1 + belief.variance / (least_feature * least_feature));
  const Quadrature& q = legendre_of_at_least(static_cast<double>(kFewestNodes) * narrowing * 0.9);
  Grid grid;
  for (std::size_t k = 0; k < q.nodes.size(); ++k) {
    grid.x.push_back(0.5 * (low + high) + 0.5 * (high - low) * q.nodes[k]);
    grid.weight.push_back(0.5 * (high - low) * q.weights[k]);
  }
  grid.continuous = grid.x.size();
  const auto add_atom = [&](std::size_t& place, double at) {
    place = grid.x.size();
    grid.x.push_back(at);
    grid.weight.push_back(1);
  };
  if (low <= low_bound) add_atom(grid.lower, low_bound);
  if (high >= high_bound) add_atom(grid.upper, high_bound);
  return grid;
}

/// d ln p by the end of the mean step and by the spread, for a step that ends at a node.
struct StepSlopes {
  double by_end, by_stddev;
};

/// Forward and backward sums over the grids of one cell.
class CellFilter {
 public:
  CellFilter(const CellSequence& cell, const CellLaw& law, double factor) : cell_(cell), law_(law), factor_(factor) {
    const auto beliefs = Smoother(cell, law, factor).run();
    for (std::size_t p = 0; p < beliefs.size(); ++p) {
      if (p == 0) {
        grids_.push_back(make_grid(beliefs[0], 0, std::numeric_limits<double>::infinity(), 1e300));
      } else {
        const double at = std::clamp(beliefs[p].mean, law[lowest], law[highest]);
        grids_.push_back(make_grid(beliefs[p], law[lowest], law[highest], StepOfPulse(law, p, factor).stddev(at)));
      }
    }
  }

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
      gradient[static_cast<std::size_t>(step_spread)] += step.mean(from.x[j]) * by_end;  // by the factor, for now
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

/// Gauss-Hermite quadrature for a standard normal variable, 7 points.
constexpr std::array<double, 7> kNormalNodes = {-3.7504397177257425, -2.3667594107345415, -1.1544053947399682, 0,
                                                1.1544053947399682,  2.3667594107345415,  3.7504397177257425};
constexpr std::array<double, 7> kNormalWeights = {5.48268855972219e-4,  3.07571239675865e-2,  2.401231786050127e-1,
                                                  4.571428571428571e-1, 2.401231786050127e-1, 3.07571239675865e-2,
                                                  5.48268855972219e-4};

CellScore score_with_spread(const CellSequence& cell, const CellLaw& law, ScoreDetail detail) {
  constexpr std::size_t kSpread = static_cast<std::size_t>(step_spread);
  std::array<CellScore, kNormalNodes.size()> parts;
  double top = -std::numeric_limits<double>::infinity();
  for (std::size_t q = 0; q < parts.size(); ++q) {
    parts[q] = score_cell(cell, law, detail, 1 + law[step_spread] * kNormalNodes[q]);
    parts[q].gradient[kSpread] *= kNormalNodes[q];
    top = std::max(top, parts[q].log_likelihood);
  }
  CellScore total;
  double sum = 0;
  for (std::size_t q = 0; q < parts.size(); ++q) {
    const double weight = kNormalWeights[q] * std::exp(parts[q].log_likelihood - top);
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
Belief prediction(const CellFilter& filter, const CellLaw& law, std::size_t p) {
  const StepOfPulse step(law, p, 1);
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
  CellFilter filter(cell, law, 1);
  filter.forward();
  std::vector<Residual> residuals;
  for (std::size_t p = 1; p < cell.pulses.size(); ++p) {
    if (cell.pulses[p].empty()) continue;
    const ReadGroup& group = cell.pulses[p].front();
    const Belief belief = prediction(filter, law, p);
    const double noise = law[LawConstant::read_offset] + law[LawConstant::read_slope] * belief.mean * group.factor;
    const double variance = group.factor * group.factor * belief.variance + noise * noise / group.count;
    residuals.push_back({p, (group.mean_us - group.factor * belief.mean) / std::sqrt(variance)});
  }
  return residuals;
}

}  // namespace ohmic
