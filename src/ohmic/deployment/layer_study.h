#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ohmic/deployment/compensation.h"
#include "ohmic/deployment/deployed_network.h"
#include "ohmic/deployment/network_on_cells.h"

namespace ohmic {

/// What is known of one layer of a deployed network.
struct LayerReport {
  std::string name;
  std::size_t weights = 0;
  bool on_cells = true;
  struct Snr {
    std::string at, compensate;
    double db = 0;  ///< mean over the chips
  };
  std::vector<Snr> snr;
  // Where sensitivity was measured: this layer alone on cells, the rest digital.
  bool has_sensitivity = false;
  double accuracy_loss = 0;  ///< digital accuracy minus that
  double output_error = 0;   ///< mean squared change of the network's outputs over their variance
};

/// Signal-to-noise ratio of each part on cells, in dB: outputs of the fp32 weights against what the cells give for the
/// same inputs, those of the network in fp32. Parts in fp32 have infinity.
///
///     10 log10( sum y^2 / sum (y_cells - y)^2 )
std::vector<double> signal_to_noise(DeployedNetwork& network, NetworkOnCells& cells, const std::vector<bool>& on_cells,
                                    const Matrix& images, std::uint64_t first_read);

struct SensitivityRequest {
  int images = 1000;     ///< of the training set, so that the test set does not choose
  double age_s = 86400;  ///< after programming; tiles are compensated (gdc)
  int calibration_samples = 256;
  std::function<void(double)> on_progress;  ///< share done
};

/// Measures every part alone on the cells of a chip that is none of those evaluated. Leaves all parts digital.
std::vector<LayerReport> measure_sensitivity(DeployedNetwork& network, NetworkOnCells& cells,
                                             const SensitivityRequest& request);

/// Which parts to leave digital so that they hold at most `budget` (0 to 1) of the weights: in the order of falling
/// output error per weight, those that fit. `digital`: parts that are digital anyway, which count.
std::vector<bool> choose_digital(std::span<const LayerReport> layers, double budget, std::vector<bool> digital);

}  // namespace ohmic
