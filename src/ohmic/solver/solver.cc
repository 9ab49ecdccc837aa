#include "ohmic/solver/solver.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ohmic/core/error.h"
#include "ohmic/solver/analog_matrix.h"
#include "ohmic/solver/krylov.h"

namespace ohmic {
namespace {

constexpr std::uint64_t kFirstTestVector = 1000;  // seeds
constexpr int kStepsToJudge = 4;                  // refinements in which the residual has to fall
constexpr double kLeastProgress = 0.9;            // to at most this share of what it was before them
constexpr int kProductsForCondition = 80;
constexpr double kHopelessGrowth = 100;  // over the best so far

void check(const LinearSystem& system) {
  const Eigen::MatrixXd& a = system.matrix;
  if (a.rows() != a.cols() || a.rows() == 0) {
    fail("{} has {} rows and {} columns; equations to solve need as many rows as columns", system.name, a.rows(),
         a.cols());
  }
  if (system.right_side.size() != a.rows()) {
    fail("{} has {} unknowns but the right side {} numbers", system.name, a.rows(), system.right_side.size());
  }
  Eigen::Index empty = 0;
  if (a.cwiseAbs().rowwise().maxCoeff().minCoeff(&empty) == 0) {
    fail("{}: row {} of the matrix is zero, so the equations have no single solution", system.name, empty + 1);
  }
}

bool suits_cg(const Eigen::MatrixXd& a) { return a.diagonal().minCoeff() > 0 && is_symmetric(a); }

// One refinement after the other.
class Refinement {
 public:
  Refinement(const LinearSystem& system, const SolverSpec& spec)
      : system_(system), spec_(spec), analog_(system.matrix, spec) {
    result_.method = spec.method != KrylovMethod::automatic ? spec.method
                     : suits_cg(system.matrix)              ? KrylovMethod::cg
                                                            : KrylovMethod::gmres;
    result_.x = Eigen::VectorXd::Zero(system.right_side.size());
    result_.product_error = measure_product();
  }

  SolverResult run(const std::function<bool(const RefinementStep&)>& on_step) {
    const double norm = system_.right_side.norm();
    Eigen::VectorXd residual = system_.right_side;
    for (std::int64_t k = 0;; ++k) {
      const double relative = norm > 0 ? residual.norm() / norm : 0;
      result_.steps.push_back({relative, analog_.products() - measuring_products_});
      if (on_step && !on_step(result_.steps.back())) return finish(SolverStatus::interrupted);
      if (relative <= spec_.tolerance) return finish(SolverStatus::converged);
      if (stalls()) return finish(SolverStatus::stalled);
      if (k == spec_.most_refinements) return finish(SolverStatus::out_of_refinements);
      result_.x += correction(residual);
      residual = system_.right_side - system_.matrix * result_.x;
      ++result_.digital_products;
    }
  }

 private:
  // Of three random vectors, at the root of the mean square.
  double measure_product() {
    constexpr int kVectors = 3;
    double squares = 0;
    for (std::uint64_t k = 0; k < kVectors; ++k) {
      const Eigen::VectorXd v = random_vector(static_cast<int>(system_.matrix.rows()), kFirstTestVector + k);
      const Eigen::VectorXd exact = analog_.exact_product(v);
      squares += (analog_.product(v) - exact).squaredNorm() / exact.squaredNorm();
    }
    measuring_products_ = analog_.products();
    return std::sqrt(squares / kVectors);
  }

  Eigen::VectorXd correction(const Eigen::VectorXd& residual) {
    const Eigen::VectorXd scaled = analog_.scale_right_side(residual);
    const Product product = [this](const Eigen::VectorXd& v) { return analog_.product(v); };
    const KrylovLimits limits{static_cast<int>(spec_.inner_iterations), spec_.inner_tolerance};
    KrylovResult inner = result_.method == KrylovMethod::cg ? conjugate_gradients(product, scaled, limits)
                                                            : generalised_minimal_residuals(product, scaled, limits);
    if (inner.broke_down && spec_.method == KrylovMethod::automatic) {
      result_.method = KrylovMethod::gmres;  // as the cells have it, the matrix is not positive definite
      inner = generalised_minimal_residuals(product, scaled, limits);
    }
    if (inner.smallest > 0) result_.condition = std::max(result_.condition, inner.largest / inner.smallest);
    return analog_.unscale_solution(inner.x);
  }

  bool stalls() const {
    const auto& steps = result_.steps;
    if (steps.size() <= kStepsToJudge) return !std::isfinite(steps.back().residual);
    double best = steps.front().residual;
    for (const RefinementStep& step : steps) best = std::min(best, step.residual);
    const double before = steps[steps.size() - 1 - kStepsToJudge].residual;
    const double now = steps.back().residual;
    return !std::isfinite(now) || now > kHopelessGrowth * best || now > kLeastProgress * before;
  }

  SolverResult finish(SolverStatus status) {
    result_.status = status;
    result_.analog_products = analog_.products() - measuring_products_;
    result_.cells = analog_.cells();
    result_.counters = analog_.counters();
    result_.explanation = explanation();
    return result_;
  }

  // A lower bound, by the same Krylov method in double precision.
  double exact_condition() const {
    const Product product = [this](const Eigen::VectorXd& v) { return analog_.exact_product(v); };
    const KrylovLimits limits{kProductsForCondition, 1e-14};
    const Eigen::VectorXd scaled = analog_.scale_right_side(system_.right_side);
    const KrylovResult seen = suits_cg(system_.matrix) ? conjugate_gradients(product, scaled, limits)
                                                       : generalised_minimal_residuals(product, scaled, limits);
    return seen.smallest > 0 ? seen.largest / seen.smallest : std::numeric_limits<double>::infinity();
  }

  std::string explanation() {
    if (result_.status == SolverStatus::out_of_refinements) {
      return fmt::format(
          "{}: the residual stands at {:.2g} after {} refinements; allow more by --set most_refinements=...",
          system_.name, result_.steps.back().residual, spec_.most_refinements);
    }
    if (result_.status != SolverStatus::stalled) return {};
    result_.condition = exact_condition();
    return fmt::format(
        "{} is too ill-conditioned for these cells: refinement stands still at a relative residual of {:.2g} after {} "
        "analog products. A product on the cells is off by {:.2g}, so refinement converges only where the condition "
        "number stays well below {:.3g}; that of the scaled matrix is at least {:.3g}. Use cells with a smaller error, "
        "e.g. --set "
        "synapse.copies=8 or --device projected_pcm_inference, or precondition the equations",
        system_.name, result_.steps.back().residual, result_.steps.back().analog_products, result_.product_error,
        1 / result_.product_error, result_.condition);
  }

  const LinearSystem& system_;
  const SolverSpec& spec_;
  AnalogMatrix analog_;
  SolverResult result_;
  std::int64_t measuring_products_ = 0;
};

}  // namespace

void describe(FieldVisitor& v, SolverSpec& s) {
  v.field({"seed", "", "keys every random number", 0, 9e15}, s.seed);
  v.choice({"method", "", "the inner solver; automatic: cg where the matrix is symmetric with a positive diagonal"},
           kKrylovMethods, s.method);
  v.field({"tolerance", "", "residual to reach, relative to the right side", 1e-15, 1}, s.tolerance);
  v.field({"most_refinements", "", "corrections in double precision before it is given up", 1, 1e6},
          s.most_refinements);
  v.field({"inner_iterations", "products", "most analog products per correction", 1, 10000}, s.inner_iterations);
  v.field({"inner_tolerance", "", "residual at which the inner solver rests", 1e-9, 0.9}, s.inner_tolerance);
  v.field({"equilibrate", "", "scale rows and columns by their diagonal, or largest element"}, s.equilibrate);
  v.field({"digital_diagonal", "", "multiply by the diagonal digitally, so that its size does not coarsen the rest"},
          s.digital_diagonal);
  v.field({"age_s", "s", "time from programming to the first product", 0, 1e10}, s.age_s);
  v.section({"device", "", ""}, s.device);
  v.section({"synapse", "", ""}, s.synapse);
  v.section({"periphery", "", ""}, s.periphery);
  v.section({"programming", "", ""}, s.programming);
  v.section({"faults", "", ""}, s.faults);
}

SolverResult solve_in_memory(const LinearSystem& system, const SolverSpec& spec,
                             const std::function<bool(const RefinementStep&)>& on_step) {
  check(system);
  return Refinement(system, spec).run(on_step);
}

}  // namespace ohmic
