#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/deployment/compensation.h"
#include "ohmic/deployment/deployed_network.h"
#include "ohmic/deployment/layer_study.h"
#include "ohmic/deployment/network_on_cells.h"

namespace ohmic {

/// A time after programming, or the end of training, as given and in seconds.
struct TimePoint {
  std::string label;
  double seconds;
};

/// "25s", "30min", "1h", "1d", "1mo" (30 days), "1y" (365 days). Error names the text and the units.
TimePoint parse_time(std::string_view text);

struct DeploymentRequest {
  std::vector<TimePoint> times;  ///< ascending (sort_times)
  std::vector<Compensation> compensations;
  bool programs = false;          ///< fresh cells in place of those that were trained
  int chips = 1;                  ///< more than one only where `programs`
  int draws = 10;                 ///< evaluations of the test set on each chip, each with its own read noise
  int images = 0;                 ///< of the test set; 0: all
  int calibration_samples = 256;  ///< training samples for gdc
  int adabs_samples = 2600;       ///< training samples for adabs; Joshi et al. 2020 take 2600 of CIFAR-10
  int noise_samples = 64;         ///< test images for the signal-to-noise of each layer; 0: not measured
  std::vector<bool> on_cells;     ///< per part of the network
  std::string source;             ///< what was deployed (a checksum), to know a record of the same thing by
  std::function<void(const std::string& what, double done)> on_progress;  ///< share done
  std::function<void()> on_programmed;      ///< after each chip's programming, before it ages
  const std::atomic<bool>* stop = nullptr;  ///< when set, the chip at hand is left
};

/// Times in their order, each once.
void sort_times(DeploymentRequest& request);

/// What one chip gave: per time and compensation, in the order of the request, times outermost.
struct ChipRecord {
  std::uint64_t chip = 0;
  std::vector<std::vector<double>> accuracies;  ///< test accuracy of each draw, 0 to 1
  std::vector<std::vector<double>> snr_db;      ///< of each part
  std::vector<ProgrammedLayer> programmed;      ///< empty if trained cells were read as they are
};

/// Test accuracy at one time with one compensation, 0 to 1.
struct DeploymentResult {
  Compensation compensation;
  TimePoint at;
  double mean = 0;
  double stddev = 0;               ///< between chips; of one chip: between draws
  double lowest = 0, highest = 0;  ///< of all draws
  double read_stddev = 0;          ///< between draws of the same chip; 0 with one draw
  int draws = 0;                   ///< per chip
  std::vector<double> chips;       ///< mean of each chip
};

/// All that is known of a deployment.
struct DeploymentRecord {
  std::string request;  ///< tells requests apart
  std::vector<ChipRecord> chips;
  std::vector<DeploymentResult> results;
  std::vector<LayerReport> layers;
  double digital_accuracy = 0;  ///< of the weights in fp32 on the same images
};

/// Evaluates chip after chip, those in `record` already left out; calls `save` after each. The network's cells, or
/// those of fresh chips, age in the order of time. Error if nothing is on cells, or adabs is wanted without batch norm.
void evaluate_chips(DeployedNetwork& network, NetworkOnCells& cells, const DeploymentRequest& request,
                    DeploymentRecord& record, const std::function<void()>& save);

/// What tells a request from others: settings, times, compensations, draws, images; not the number of chips.
std::string request_key(const DeployedNetwork& network, const DeploymentRequest& request);

/// The results of the chips in a record, with `times` in the order of the request.
std::vector<DeploymentResult> summarise(const DeploymentRequest& request, std::span<const ChipRecord> chips);

/// The text of deploy.json, and back (chips and request only). Error if it is damaged.
std::string deployment_json(const DeploymentRecord& record, int draws);
DeploymentRecord read_deployment(const std::filesystem::path& path);

}  // namespace ohmic
