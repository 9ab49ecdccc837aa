#pragma once

#include <atomic>
#include <filesystem>
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

/// All that is known of a ladder.
struct LadderRecord {
  std::string request;  ///< tells requests apart
  std::vector<RungResult> rungs;
};

/// Deploys the network by each rung that the record lacks, as the request says (times, compensations, chips, images).
/// Stops between chips; only finished rungs are kept. `save` is called after each.
void climb_ladder(DeployedNetwork& network, NetworkOnCells& cells, const DeploymentRequest& request,
                  std::span<const PrecisionRung> ladder, LadderRecord& record, const std::function<void()>& save);

/// The text of deploy_study.json, and back (of results what the tables show). Error if it is damaged.
std::string ladder_json(const LadderRecord& record);
LadderRecord read_ladder(const std::filesystem::path& path);

}  // namespace ohmic
