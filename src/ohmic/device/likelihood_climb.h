#pragma once

// Finds the constants under which the measurements are most likely, and how sure they are.

#include <optional>
#include <vector>

#include "ohmic/device/step_likelihood.h"

namespace ohmic {

/// What each constant may be.
struct LawBounds {
  LawVector low{}, high{};
};

/// A symmetric matrix over some constants, in their order.
using LawMatrix = std::vector<std::vector<double>>;

/// Solves `matrix` x = `right` by Cholesky; nothing if the matrix is not positive definite.
std::optional<std::vector<double>> solve_positive(LawMatrix matrix, std::vector<double> right);

/// The diagonal of the inverse; nothing if the matrix is not positive definite.
std::optional<std::vector<double>> inverse_diagonal(const LawMatrix& matrix);

struct ClimbResult {
  CellLaw law;
  double log_likelihood = 0;
  bool has_converged = false;
};

/// Changes the `free` constants within their bounds until the likelihood is highest: Newton steps with Levenberg's
/// damping, on the outer product of the cells' scores where there are many cells (Berndt, Hall, Hall and Hausman), else
/// and where that has not settled after 20 steps, on differences of the gradient. Ends when another step promises less
/// than 10^-3 in ln likelihood, or after 80 steps.
ClimbResult climb(const std::vector<CellSequence>& cells, const CellLaw& start, const std::vector<LawConstant>& free,
                  const LawBounds& bounds);

/// The observed information: minus the second derivatives of the log-likelihood by the constants.
LawMatrix observed_information(const std::vector<CellSequence>& cells, const CellLaw& law,
                               const std::vector<LawConstant>& constants, const LawBounds& bounds);

/// Standard errors of the constants, cheaply: from the outer product of the scores where there are many cells.
std::optional<std::vector<double>> rough_errors(const std::vector<CellSequence>& cells, const CellLaw& law,
                                                const std::vector<LawConstant>& constants, const LawBounds& bounds);

/// Whether a constant stands at a bound and the likelihood would rise beyond it.
bool is_held(const LawBounds& bounds, const CellLaw& law, const LawVector& gradient, LawConstant constant);

/// What the log-likelihood would gain by freeing `candidate` too, by its gradient (score test). Takes the maximum over
/// `free` as given.
double promised_gain(const std::vector<CellSequence>& cells, const CellLaw& law, std::vector<LawConstant> free,
                     LawConstant candidate);

}  // namespace ohmic
