#pragma once

#include <atomic>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ohmic/deployment/deploy.h"

namespace ohmic {

/// One way to store weights more precisely: settings on top of the chip's.
struct PrecisionRung {
  std::string name;
  std::string measure;  ///< what it belongs to: "averaging", "slices" ...
  std::string device;   ///< empty: the chip's
  std::vector<std::string> settings;
};

/// The ladder of Eleftheriou et al., IBM J. Res. Dev. (2019): K-fold averaging, several cells per weight, slices of
/// equal and unequal significance, cells of unequal significance, projected cells, program-and-verify with rising
/// effort. For chips whose cell has no projected twin that rung is left out.
std::vector<PrecisionRung> precision_ladder(const ExperimentSpec& chip);

/// What a rung costs and gives.
struct RungResult {
  PrecisionRung rung;
  double cells_per_weight = 0;
  double pulses_per_cell = 0, reads_per_cell = 0;  ///< of programming
  double weight_error = 0;  ///< right after programming, as NetworkOnCells::weight_error; mean over the chips
  std::vector<DeploymentResult> results;
};

/// Deploys the network by each rung as the request says (times, compensations, chips, images). Stops between chips;
/// only finished rungs are returned. `save` sees all finished ones after each.
std::vector<RungResult> climb_ladder(DeployedNetwork& network, NetworkOnCells& cells, const DeploymentRequest& request,
                                     std::span<const PrecisionRung> ladder,
                                     const std::function<void(std::span<const RungResult>)>& save);

/// The text of deploy_study.json.
std::string ladder_json(std::span<const RungResult> rungs);

}  // namespace ohmic
