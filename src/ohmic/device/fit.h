#pragma once

// A cell's constants from measurements of its conductance under SET pulses.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ohmic/device/drift_fit.h"
#include "ohmic/device/fit_quality.h"
#include "ohmic/device/fitted.h"
#include "ohmic/device/measurements.h"

namespace ohmic {

struct FitOptions {
  double reference_age_s =
      0;  ///< age at which conductances are stated; 0: the time in the data nearest to their middle
  std::function<void(const std::string&)> on_progress = {};
};

/// One constant of the fitted cell.
struct FittedConstant {
  std::string name, unit, meaning;  ///< as in the preset
  double value = 0;
  double low = 0, high = 0;  ///< 95 % interval; NaN where the data say nothing on that side
  bool is_derived = false;   ///< from the data; otherwise assumed
  std::string remark;        ///< why it is assumed, or how it was found
};

struct CellFit {
  FittedParameters parameters;
  std::vector<FittedConstant> constants;  ///< in the order of the preset
  double log_likelihood = 0;
  bool has_converged = true;
  DriftFit drift;
  FitQuality quality;
  std::vector<std::string> warnings;  ///< of the data and of the fit
};

/// Fits the law of FittedCell by maximum likelihood, the true conductances behind the read noise integrated out
/// (step_likelihood.h), so that neither read noise nor clipping at the bounds biases the constants. Curvatures, pulse
/// memory and the spread of the step from cell to cell are kept if the Bayesian information criterion asks for them.
/// Intervals are from the observed information. Same measurements, same result, whatever the number of threads.
/// Error if the conductances do not change.
CellFit fit_cell(const Measurements& measurements, const FitOptions& options = {});

/// The preset file of a fit; `file` names the data.
std::string fitted_preset_text(CellFit& fit, const Measurements& measurements, const std::string& file);

}  // namespace ohmic
