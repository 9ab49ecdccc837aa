#pragma once

// Krylov methods whose product is given as a function, which may be inexact.

#include <Eigen/Core>
#include <functional>
#include <vector>

namespace ohmic {

using Product = std::function<Eigen::VectorXd(const Eigen::VectorXd&)>;

struct KrylovLimits {
  int most_iterations = 50;
  double tolerance = 0.01;  ///< of the residual as the method knows it, relative to the right side
};

struct KrylovResult {
  Eigen::VectorXd x;
  int products = 0;
  bool broke_down = false;  ///< a direction of no or negative curvature: the matrix, as seen, is not positive definite
  double smallest = 0, largest = 0;  ///< estimates of the extreme eigenvalues (cg) or singular values (gmres) as seen
};

/// Conjugate gradients (Hestenes and Stiefel 1952) from x = 0, for symmetric positive definite products; extreme
/// eigenvalues from its Lanczos matrix (Golub and Van Loan, Matrix Computations, section 10.2).
KrylovResult conjugate_gradients(const Product& product, const Eigen::VectorXd& b, const KrylovLimits& limits);

/// Generalised minimal residuals (Saad and Schultz 1986) from x = 0, one cycle.
KrylovResult generalised_minimal_residuals(const Product& product, const Eigen::VectorXd& b,
                                           const KrylovLimits& limits);

}  // namespace ohmic
