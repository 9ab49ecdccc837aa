#pragma once

// Drift from reads at several times after the same pulse.

#include <cstddef>
#include <vector>

#include "ohmic/device/measurements.h"
#include "ohmic/device/step_likelihood.h"

namespace ohmic {

/// Half the width of a 95 % interval in standard deviations.
inline constexpr double kTwoSided95 = 1.959964;

/// A number and its 95 % interval.
struct Estimate {
  double value = 0, low = 0, high = 0;
};

/// Standard deviation of a read, offset + slope G.
struct ReadNoiseEstimate {
  double offset_us = 0, slope = 0;
};

/// Mean conductance over all cells at one time after one pulse.
struct DriftPoint {
  std::size_t pulse = 0;
  double time_s = 0;
  double mean_us = 0;
  std::size_t cells = 0;
};

struct DriftFit {
  bool is_known = false;       ///< whether reads at several times said anything
  double reference_age_s = 1;  ///< the age at which conductances are stated
  double youngest_s = 1, oldest_s = 1;
  Estimate exponent, spread;           ///< G(t) = G (t / reference age)^-nu, nu = exponent + spread xi
  std::vector<double> cell_exponents;  ///< each cell's own, shrunk to the mean as its noise demands
  bool has_repeats = false;            ///< whether reads of one state were repeated, at one time or several
  ReadNoiseEstimate noise;             ///< from what is left of repeated reads; a first guess if there are none
  std::vector<DriftPoint> points;
};

/// Weighted least squares of all reads on G_ip (t / reference age)^-nu with a conductance G_ip per cell and pulse.
///
/// Weights come from the mean of all cells at that pulse, so that noise in a read does not decide on its own weight.
/// The interval of the mean exponent is from the scatter of the cells' contributions; the spread is the part of their
/// scatter that read noise does not account for (DerSimonian and Laird 1986), 0 unless it exceeds three standard
/// errors. The reference age is that asked for, else (0) the time in the data nearest to their geometric mean.
DriftFit fit_drift(const Measurements& measurements, double reference_age_s);

/// The reads with their drift factors, in the shape that the likelihood takes.
std::vector<CellSequence> drift_corrected(const Measurements& measurements, const DriftFit& drift);

}  // namespace ohmic
