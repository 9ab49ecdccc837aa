#pragma once

// The likelihood of measured conductances under the law of the fitted cell, with the read noise taken for what it is:
// the true conductances are not seen, so they are integrated over.

#include <array>
#include <cstddef>
#include <vector>

namespace ohmic {

/// The constants of the law (fitted.h), uS but where said otherwise.
enum class LawConstant {
  mean_offset,
  mean_slope,
  mean_curvature,
  mean_memory,
  stddev_offset,
  stddev_slope,
  stddev_curvature,
  stddev_memory,
  log_decay,    ///< ln of pulses
  step_spread,  ///< relative
  read_offset,  ///< read noise at zero conductance
  read_slope,   ///< and per conductance
  reset_mean,
  reset_variance,  ///< uS^2
  lowest,          ///< bounds of the conductance after a SET pulse
  highest,
};
inline constexpr std::size_t kLawConstants = 16;
constexpr std::size_t index(LawConstant c) { return static_cast<std::size_t>(c); }
using LawVector = std::array<double, kLawConstants>;

struct CellLaw {
  LawVector values{};
  /// The spread of a step is kept above this and above a twentieth of the read noise: less could not be seen through
  /// it, and grids could not resolve it.
  double least_stddev_us = 1e-4;

  double operator[](LawConstant c) const { return values[index(c)]; }
  double& operator[](LawConstant c) { return values[index(c)]; }
  /// P = exp(-n / decay) of the n-th pulse, n from 1.
  double memory(std::size_t pulse) const;
};

/// Reads of one cell after one pulse that share their drift factor: y = factor G + noise.
struct ReadGroup {
  double factor = 1;
  double count = 0;
  double mean_us = 0;
  double squares_us2 = 0;  ///< sum of squared deviations from the mean
};

/// What was read of a cell after its n-th pulse, n the place; no groups where nothing was measured.
struct CellSequence {
  std::vector<std::vector<ReadGroup>> pulses;
};

/// ln of the density of a cell's reads, and its derivatives.
struct CellScore {
  double log_likelihood = 0;
  LawVector gradient{};
};

enum class ScoreDetail { value, gradient };

/// Exact but for quadrature (relative error about 1e-5): the conductance after each pulse is integrated over a grid of
/// its own, placed where a Kalman smoother expects it, with a point mass at each bound that the cell can be clipped to;
/// forward and backward sums over these grids give likelihood and gradient (Fisher's identity). `step_spread` above 0
/// is integrated by Gauss-Hermite quadrature around what each cell says of itself. A step may, with probability 1e-8,
/// be anything at all, so that a slip in the data does not decide alone.
CellScore score_cell(const CellSequence& cell, const CellLaw& law, ScoreDetail detail);

/// The same for a cell whose mean step is `step_factor` times that of the law.
CellScore score_cell(const CellSequence& cell, const CellLaw& law, ScoreDetail detail, double step_factor);

/// Sum over cells and, on request, the scores of the single cells. Deterministic for any number of threads.
struct TotalScore {
  double log_likelihood = 0;
  LawVector gradient{};
  std::vector<LawVector> cells;
};
TotalScore score_cells(const std::vector<CellSequence>& cells, const CellLaw& law, ScoreDetail detail);

/// How many cell-pulses lie at the lower and at the upper bound, as expected from the data.
struct BoundMass {
  double lowest = 0, highest = 0;
};
BoundMass mass_at_bounds(const std::vector<CellSequence>& cells, const CellLaw& law);

/// One standardised prediction error: what was read after a pulse, less what the law expected from the reads before, in
/// expected standard deviations. Where cells differ, each is expected to step as all its reads say it does.
struct Residual {
  std::size_t pulse = 0;
  double value = 0;
};
std::vector<Residual> prediction_residuals(const CellSequence& cell, const CellLaw& law);

}  // namespace ohmic
