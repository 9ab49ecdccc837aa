#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/deployment/program_run.h"
#include "ohmic/network/graph.h"
#include "ohmic/training/run.h"

namespace ohmic {

/// What is done against drift when the network is read.
enum class Compensation {
  none,
  gdc,  ///< global drift compensation: per tile, outputs are scaled by r(t0) / r(t), r = mean |output| on a calibration
        ///< batch
  adabs,  ///< batch norm takes its mean and variance anew from calibration data (BatchNormLayer::begin_reestimation)
};
inline constexpr std::array<std::string_view, 3> kCompensations = {"none", "gdc", "adabs"};

/// A time after the end of training, as given and in seconds.
struct TimePoint {
  std::string label;
  double seconds;
};

/// "25s", "30min", "1h", "1d", "1mo" (30 days), "1y" (365 days). Error names the text and the units.
TimePoint parse_time(std::string_view text);

struct DeploymentRequest {
  std::vector<TimePoint> times;
  std::vector<Compensation> compensations;
  int draws = 10;                           ///< evaluations of the whole test set, each with its own read noise
  int calibration_samples = 256;            ///< training samples for gdc
  int adabs_samples = 2600;                 ///< training samples for adabs; Joshi et al. 2020 take 2600 of CIFAR-10
  std::function<void(double)> on_progress;  ///< share done
};

/// Test accuracy at one time with one compensation, 0 to 1, over the draws of read noise.
struct DeploymentResult {
  Compensation compensation;
  TimePoint at;
  double mean = 0, stddev = 0, lowest = 0, highest = 0;
  int draws = 0;
};

/// Lets the trained arrays of a run age, without programming them again, and reads the test set at each time. The run
/// is changed (it ages).
std::vector<DeploymentResult> evaluate_over_time(LoadedRun& run, const DeploymentRequest& request);

/// The text of deploy.json. `programmed`: empty if the trained cells were read as they are.
std::string deployment_json(std::span<const DeploymentResult> results, int draws,
                            std::span<const ProgrammedLayer> programmed);

}  // namespace ohmic
