#include "ohmic/solver/krylov.h"

#include <Eigen/Eigenvalues>
#include <Eigen/QR>
#include <Eigen/SVD>
#include <cmath>

namespace ohmic {
namespace {

// With step lengths alpha and ratios beta the Lanczos matrix has 1 / alpha_k + beta_(k-1) / alpha_(k-1) on its diagonal
// and sqrt(beta_k) / alpha_k beside it.
void note_spectrum(const std::vector<double>& alpha, const std::vector<double>& beta, KrylovResult& result) {
  const auto size = static_cast<Eigen::Index>(alpha.size());
  if (size == 0) return;
  Eigen::VectorXd diagonal(size), beside(std::max<Eigen::Index>(size - 1, 0));
  for (Eigen::Index k = 0; k < size; ++k) {
    const auto at = static_cast<std::size_t>(k);
    diagonal[k] = 1 / alpha[at] + (k > 0 ? beta[at - 1] / alpha[at - 1] : 0);
    if (k + 1 < size) beside[k] = std::sqrt(beta[at]) / alpha[at];
  }
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;
  solver.computeFromTridiagonal(diagonal, beside, Eigen::EigenvaluesOnly);
  result.smallest = solver.eigenvalues().minCoeff();
  result.largest = solver.eigenvalues().maxCoeff();
}

}  // namespace

KrylovResult conjugate_gradients(const Product& product, const Eigen::VectorXd& b, const KrylovLimits& limits) {
  KrylovResult result;
  result.x = Eigen::VectorXd::Zero(b.size());
  Eigen::VectorXd r = b, p = b;
  double rr = r.squaredNorm();
  const double enough = limits.tolerance * limits.tolerance * rr;
  std::vector<double> alphas, betas;
  while (result.products < limits.most_iterations && rr > enough) {
    const Eigen::VectorXd q = product(p);
    ++result.products;
    const double curvature = p.dot(q);
    if (curvature <= 0) {
      result.broke_down = true;
      break;
    }
    const double alpha = rr / curvature;
    result.x += alpha * p;
    r -= alpha * q;
    const double next = r.squaredNorm();
    alphas.push_back(alpha);
    betas.push_back(next / rr);
    p = r + next / rr * p;
    rr = next;
  }
  note_spectrum(alphas, betas, result);
  return result;
}

KrylovResult generalised_minimal_residuals(const Product& product, const Eigen::VectorXd& b,
                                           const KrylovLimits& limits) {
  KrylovResult result;
  result.x = Eigen::VectorXd::Zero(b.size());
  const double norm = b.norm();
  const int most = std::min<int>(limits.most_iterations, static_cast<int>(b.size()));
  if (norm == 0 || most == 0) return result;
  Eigen::MatrixXd basis(b.size(), most + 1), hessenberg = Eigen::MatrixXd::Zero(most + 1, most);
  basis.col(0) = b / norm;
  Eigen::VectorXd y;
  for (int k = 0; k < most; ++k) {
    Eigen::VectorXd w = product(basis.col(k));
    ++result.products;
    for (int pass = 0; pass < 2; ++pass) {  // twice is enough (Kahan; Parlett 1980)
      const Eigen::VectorXd h = basis.leftCols(k + 1).transpose() * w;
      w -= basis.leftCols(k + 1) * h;
      hessenberg.col(k).head(k + 1) += h;
    }
    hessenberg(k + 1, k) = w.norm();
    const Eigen::MatrixXd seen = hessenberg.topLeftCorner(k + 2, k + 1);
    Eigen::VectorXd target = Eigen::VectorXd::Zero(k + 2);
    target[0] = norm;
    y = seen.colPivHouseholderQr().solve(target);
    const double residual = (target - seen * y).norm();
    if (residual <= limits.tolerance * norm || k + 1 == most ||
        hessenberg(k + 1, k) <= 1e-14 * hessenberg.col(k).norm()) {
      const Eigen::VectorXd values = Eigen::JacobiSVD<Eigen::MatrixXd>(seen).singularValues();
      result.largest = values.maxCoeff();
      result.smallest = values.minCoeff();
      result.x = basis.leftCols(k + 1) * y;
      return result;
    }
    basis.col(k + 1) = w / hessenberg(k + 1, k);
  }
  return result;
}

}  // namespace ohmic
