#include "ohmic/device/likelihood_climb.h"

#include <algorithm>
#include <cmath>

namespace ohmic {
namespace {

constexpr int kMostSteps = 80;
constexpr int kStepsToSettle = 20;  ///< after more, exact curvatures are worth their time
constexpr double kEnoughGain = 1e-3;
constexpr double kLittleGain = 1e-2;
constexpr std::size_t kCellsPerConstant = 3;  ///< fewer make the outer product of scores a poor curvature

/// The lower triangular factor L of matrix = L L', in place; false if there is none.
bool factorise(LawMatrix& m) {
  for (std::size_t i = 0; i < m.size(); ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = m[i][j];
      for (std::size_t k = 0; k < j; ++k) sum -= m[i][k] * m[j][k];
      if (i == j && !(sum > 0)) return false;
      m[i][j] = i == j ? std::sqrt(sum) : sum / m[j][j];
    }
  }
  return true;
}

std::vector<double> substitute(const LawMatrix& factor, std::vector<double> x) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) x[i] -= factor[i][k] * x[k];
    x[i] /= factor[i][i];
  }
  for (std::size_t i = x.size(); i-- > 0;) {
    for (std::size_t k = i + 1; k < x.size(); ++k) x[i] -= factor[k][i] * x[k];
    x[i] /= factor[i][i];
  }
  return x;
}

LawMatrix outer_product(const TotalScore& score, const std::vector<LawConstant>& constants) {
  LawMatrix m(constants.size(), std::vector<double>(constants.size(), 0.0));
  for (const LawVector& cell : score.cells) {
    for (std::size_t i = 0; i < m.size(); ++i) {
      for (std::size_t j = 0; j < m.size(); ++j) m[i][j] += cell[index(constants[i])] * cell[index(constants[j])];
    }
  }
  return m;
}

/// The steps by which derivatives are taken: a fifth of a standard error, by the scores' own size.
std::vector<double> difference_steps(const TotalScore& score, const std::vector<LawConstant>& constants,
                                     const CellLaw& law) {
  std::vector<double> steps;
  for (const LawConstant c : constants) {
    double squares = 0;
    for (const LawVector& cell : score.cells) squares += cell[index(c)] * cell[index(c)];
    const double least = 1e-6 * std::max(std::abs(law[c]), 1e-3);
    steps.push_back(std::max(least, squares > 0 ? 0.2 / std::sqrt(squares) : least));
  }
  return steps;
}

LawMatrix curvature_of(const std::vector<CellSequence>& cells, const TotalScore& score, const CellLaw& law,
                       const std::vector<LawConstant>& constants, const LawBounds& bounds) {
  if (cells.size() >= kCellsPerConstant * constants.size()) return outer_product(score, constants);
  return observed_information(cells, law, constants, bounds);
}

class Climber {
 public:
  Climber(const std::vector<CellSequence>& cells, const CellLaw& start, const std::vector<LawConstant>& free,
          const LawBounds& bounds)
      : cells_(cells), free_(free), bounds_(bounds), law_(start) {
    for (const LawConstant c : free_) law_[c] = std::clamp(law_[c], bounds.low[index(c)], bounds.high[index(c)]);
    score_ = score_cells(cells_, law_, ScoreDetail::gradient);
  }

  ClimbResult run() {
    bool has_converged = false;
    for (; steps_ < kMostSteps && !has_converged; ++steps_) has_converged = !advance();
    return {law_, score_.log_likelihood, has_converged};
  }

 private:
  std::vector<LawConstant> movable() const {
    std::vector<LawConstant> constants;
    for (const LawConstant c : free_) {
      if (!is_held(bounds_, law_, score_.gradient, c)) constants.push_back(c);
    }
    return constants;
  }

  // One step upward; false if there is none worth taking.
  bool advance() {
    const std::vector<LawConstant> constants = movable();
    if (constants.empty() || idle_steps_ >= 2) return false;
    const LawMatrix full = steps_ < kStepsToSettle ? curvature_of(cells_, score_, law_, constants, bounds_)
                                                   : observed_information(cells_, law_, constants, bounds_);
    std::vector<double> slope;
    for (const LawConstant c : constants) slope.push_back(score_.gradient[index(c)]);
    for (int trial = 0; trial < 14; ++trial) {
      LawMatrix damped = full;
      for (std::size_t i = 0; i < damped.size(); ++i) {
        damped[i][i] += damping_ * std::max(std::abs(full[i][i]), 1e-9) + 1e-12;
      }
      const auto step = solve_positive(damped, slope);
      const double promise = step ? promised(slope, *step) : 0;
      if (step && promise < kEnoughGain && damping_ < 1) return false;
      if (step && take(constants, *step)) {
        damping_ = std::max(damping_ / 8, 1e-6);
        return true;
      }
      damping_ *= 5;
    }
    return false;
  }

  static double promised(const std::vector<double>& slope, const std::vector<double>& step) {
    double sum = 0;
    for (std::size_t i = 0; i < slope.size(); ++i) sum += 0.5 * slope[i] * step[i];
    return sum;
  }

  bool take(const std::vector<LawConstant>& constants, const std::vector<double>& step) {
    CellLaw trial = law_;
    for (std::size_t i = 0; i < constants.size(); ++i) {
      const std::size_t c = index(constants[i]);
      trial.values[c] = std::clamp(trial.values[c] + step[i], bounds_.low[c], bounds_.high[c]);
    }
    TotalScore score = score_cells(cells_, trial, ScoreDetail::gradient);
    const double gain = score.log_likelihood - score_.log_likelihood;
    if (!(gain > 0)) return false;
    idle_steps_ = gain < kLittleGain ? idle_steps_ + 1 : 0;
    law_ = trial;
    score_ = std::move(score);
    return true;
  }

  const std::vector<CellSequence>& cells_;
  const std::vector<LawConstant>& free_;
  const LawBounds& bounds_;
  CellLaw law_;
  TotalScore score_;
  double damping_ = 1e-2;
  int steps_ = 0;
  int idle_steps_ = 0;  ///< steps in a row that gained little
};

}  // namespace

std::optional<std::vector<double>> solve_positive(LawMatrix matrix, std::vector<double> right) {
  if (!factorise(matrix)) return std::nullopt;
  return substitute(matrix, std::move(right));
}

std::optional<std::vector<double>> inverse_diagonal(const LawMatrix& matrix) {
  std::vector<double> diagonal;
  for (std::size_t i = 0; i < matrix.size(); ++i) {
    std::vector<double> unit(matrix.size(), 0.0);
    unit[i] = 1;
    const auto column = solve_positive(matrix, std::move(unit));
    if (!column) return std::nullopt;
    diagonal.push_back((*column)[i]);
  }
  return diagonal;
}

bool is_held(const LawBounds& bounds, const CellLaw& law, const LawVector& gradient, LawConstant constant) {
  const std::size_t c = index(constant);
  return (law.values[c] <= bounds.low[c] && gradient[c] < 0) || (law.values[c] >= bounds.high[c] && gradient[c] > 0);
}

ClimbResult climb(const std::vector<CellSequence>& cells, const CellLaw& start, const std::vector<LawConstant>& free,
                  const LawBounds& bounds) {
  return Climber(cells, start, free, bounds).run();
}

LawMatrix observed_information(const std::vector<CellSequence>& cells, const CellLaw& law,
                               const std::vector<LawConstant>& constants, const LawBounds& bounds) {
  const TotalScore here = score_cells(cells, law, ScoreDetail::gradient);
  const std::vector<double> steps = difference_steps(here, constants, law);
  LawMatrix m(constants.size(), std::vector<double>(constants.size(), 0.0));
  for (std::size_t i = 0; i < constants.size(); ++i) {
    const std::size_t c = index(constants[i]);
    CellLaw above = law, below = law;
    above.values[c] = std::min(law.values[c] + steps[i], bounds.high[c]);
    below.values[c] = std::max(law.values[c] - steps[i], bounds.low[c]);
    const LawVector high = score_cells(cells, above, ScoreDetail::gradient).gradient;
    const LawVector low = score_cells(cells, below, ScoreDetail::gradient).gradient;
    const double width = above.values[c] - below.values[c];
    for (std::size_t j = 0; j < constants.size(); ++j) {
      const double second = -(high[index(constants[j])] - low[index(constants[j])]) / width;
      m[i][j] += 0.5 * second;
      m[j][i] += 0.5 * second;
    }
  }
  return m;
}

std::optional<std::vector<double>> rough_errors(const std::vector<CellSequence>& cells, const CellLaw& law,
                                                const std::vector<LawConstant>& constants, const LawBounds& bounds) {
  const TotalScore score = score_cells(cells, law, ScoreDetail::gradient);
  auto variances = inverse_diagonal(curvature_of(cells, score, law, constants, bounds));
  if (!variances) return std::nullopt;
  for (double& variance : *variances) variance = std::sqrt(variance);
  return variances;
}

double promised_gain(const std::vector<CellSequence>& cells, const CellLaw& law, std::vector<LawConstant> free,
                     LawConstant candidate) {
  free.push_back(candidate);
  const TotalScore score = score_cells(cells, law, ScoreDetail::gradient);
  std::vector<double> slope;
  for (const LawConstant c : free) slope.push_back(score.gradient[index(c)]);
  const auto step = solve_positive(outer_product(score, free), slope);
  if (!step) return 0;
  double sum = 0;
  for (std::size_t i = 0; i < slope.size(); ++i) sum += 0.5 * slope[i] * (*step)[i];
  return sum;
}

}  // namespace ohmic
