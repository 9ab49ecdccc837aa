#pragma once

// One page about a cell fitted to measurements: data and model laid over each other.

#include <string>
#include <vector>

namespace ohmic {

/// What the page shows, as plain numbers in uS and s. "Model" is always cells simulated by the fitted model and read as
/// the measured ones were.
struct FitPageData {
  struct Constant {
    std::string name, meaning, value, interval, unit, status, remark;  ///< as text
  };
  /// All cells after one number of SET pulses.
  struct Pulse {
    double pulse = 0;
    double cells = 0;
    double data_mean = 0, data_stddev = 0, model_mean = 0, model_stddev = 0;
    double ks_distance = 0, ks_bound = 0, chi_square = 0;
    std::vector<double> data, model;  ///< sorted conductances
  };
  /// Steps from one range of conductance.
  struct Step {
    double conductance = 0;
    double steps = 0;
    double data_mean = 0, data_stddev = 0, model_mean = 0, model_stddev = 0;
  };
  /// Mean conductance over time after one number of pulses.
  struct Drift {
    double pulse = 0;
    std::vector<double> times, data, model;
  };

  std::string title;
  std::string finding;             ///< the result in a sentence
  std::vector<std::string> facts;  ///< file, cells, pulses, program
  std::vector<std::string> warnings;
  std::vector<Constant> constants;
  std::vector<Pulse> pulses;
  std::vector<Step> steps;
  std::vector<double> data_residuals, model_residuals;  ///< sorted
  std::vector<Drift> drift;                             ///< empty if there are no reads at several times
};

/// One self-contained HTML page, without scripts.
std::string render_fit_page(const FitPageData& data);

}  // namespace ohmic
