#include "ohmic/device/conductance_grid.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "ohmic/device/law_terms.h"

namespace ohmic {
namespace {

using enum LawConstant;

constexpr double kWindowStddevs = 5;       ///< of the smoother, to either side
constexpr double kLeastWindowStddevs = 3;  ///< left of a window that a bound cuts
constexpr std::size_t kFewestNodes = 14;

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
constexpr std::array<std::size_t, 5> kNodeCounts = {kFewestNodes, 18, 26, 40, 64};

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

}  // namespace

std::vector<Grid> make_grids(const CellSequence& cell, const CellLaw& law, double step_factor) {
  const std::vector<Belief> beliefs = Smoother(cell, law, step_factor).run();
  std::vector<Grid> grids = {make_grid(beliefs[0], 0, std::numeric_limits<double>::infinity(), 1e300)};
  for (std::size_t p = 1; p < beliefs.size(); ++p) {
    const double at = std::clamp(beliefs[p].mean, law[lowest], law[highest]);
    const double feature = StepOfPulse(law, p, step_factor).stddev(at);
    grids.push_back(make_grid(beliefs[p], law[lowest], law[highest], feature));
  }
  return grids;
}

}  // namespace ohmic
