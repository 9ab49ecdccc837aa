#pragma once

// How well a fitted cell tells what was measured.

#include <cstddef>
#include <vector>

#include "ohmic/device/fitted.h"
#include "ohmic/device/measurements.h"
#include "ohmic/device/step_likelihood.h"

namespace ohmic {

/// The cells after n SET pulses, as read: measured and by the model.
struct PulseComparison {
  std::size_t pulse = 0;
  std::size_t cells = 0;
  double data_mean_us = 0, data_stddev_us = 0;
  double model_mean_us = 0, model_stddev_us = 0;
  double ks_distance = 0;  ///< Kolmogorov-Smirnov, of the conductances
  double ks_bound = 0;     ///< a right model exceeds it in 5 % of cases
  double chi_square = 0;   ///< mean square of the standardised prediction errors; 1 is expected (0 for RESET)
  std::vector<double> data_us, model_us;  ///< sorted conductances (first time after the pulse, mean over its reads)
};

/// Steps that start in one range of conductance, as read.
struct StepComparison {
  double conductance_us = 0;  ///< mean of the range
  std::size_t data_steps = 0;
  double data_mean_us = 0, data_stddev_us = 0;
  double model_mean_us = 0, model_stddev_us = 0;
};

struct FitQuality {
  std::vector<PulseComparison> pulses;
  std::vector<StepComparison> steps;
  std::vector<double> data_residuals, model_residuals;  ///< sorted standardised prediction errors
  double reduced_chi_square = 0;                        ///< of all prediction errors
  double r_squared = 0;                                 ///< of the mean trajectory
  double worst_ks_ratio = 0;                            ///< greatest distance as a multiple of its bound
  std::size_t pulses_beyond_ks = 0;
};

/// Compares measurements with cells simulated by the fitted model and read in the same way (times, repeats, noise), so
/// that like is compared with like: read noise and clipping are in both. Keyed by `seed`.
FitQuality compare_with_model(const Measurements& measurements, const FittedParameters& parameters, const CellLaw& law,
                              const std::vector<CellSequence>& sequences, std::uint64_t seed);

}  // namespace ohmic
