#pragma once

#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/core/config.h"
#include "ohmic/crossbar/counters.h"
#include "ohmic/crossbar/specs.h"
#include "ohmic/device/preset.h"
#include "ohmic/device/programming.h"
#include "ohmic/solver/linear_system.h"

namespace ohmic {

enum class KrylovMethod {
  automatic,  ///< cg where the matrix is symmetric with a positive diagonal, else gmres
  cg,
  gmres,
};
inline constexpr std::array<std::string_view, 3> kKrylovMethods = {"automatic", "cg", "gmres"};

/// Mixed-precision solution of A x = b (Le Gallo et al., Nature Electronics 1:246, 2018): the matrix is on arrays of
/// cells, an inner Krylov solver multiplies by it there, and iterative refinement in double precision corrects what
/// that misses:
///
///     r = b - A x  (double);   z = inner solution of A z = r  (analog);   x <- x + z;   until |r| <= tolerance |b|
struct SolverSpec {
  std::int64_t seed = 1;
  KrylovMethod method = KrylovMethod::automatic;
  double tolerance = 1e-12;
  std::int64_t most_refinements = 200;
  std::int64_t inner_iterations = 25;  ///< [assumed]
  double inner_tolerance = 0.05;       ///< [assumed: about the error of one analog product]
  bool equilibrate = true;
  bool digital_diagonal = true;
  double age_s = 25;
  DeviceSpec device{"pcm_inference"};
  SynapseSpec synapse;
  PeripherySpec periphery;
  ProgrammingSpec programming;
  FaultSpec faults;
};

void describe(FieldVisitor& v, SolverSpec& s);

/// State after one refinement.
struct RefinementStep {
  double residual = 0;               ///< |b - A x| / |b|, in double precision
  std::int64_t analog_products = 0;  ///< so far
};

enum class SolverStatus { converged, stalled, out_of_refinements, interrupted };

struct SolverResult {
  SolverStatus status = SolverStatus::out_of_refinements;
  KrylovMethod method = KrylovMethod::cg;
  Eigen::VectorXd x;
  std::vector<RefinementStep> steps;  ///< the first one before any refinement
  std::int64_t analog_products = 0;
  std::int64_t digital_products = 0;  ///< in double precision: one per refinement
  double product_error = 0;           ///< |A~ v - A v| / |A v| of one analog product of a random vector
  double condition = 0;  ///< of the equilibrated matrix, as seen through the cells; where it stalled a lower
                         ///< bound from double precision
  std::int64_t cells = 0;
  Counters counters;
  std::string explanation;  ///< why it stopped, where it did not converge
};

/// Solves with the matrix on simulated arrays. `on_step` sees each refinement and says whether to go on. Error if the
/// matrix is not square, is empty, or has a row of zeros.
SolverResult solve_in_memory(const LinearSystem& system, const SolverSpec& spec,
                             const std::function<bool(const RefinementStep&)>& on_step = {});

}  // namespace ohmic
