#pragma once

#include <span>
#include <string>
#include <vector>

#include "ohmic/deployment/deploy.h"
#include "ohmic/deployment/precision_study.h"

namespace ohmic {

// Rows for format_table, the first one being the heading.

std::vector<std::vector<std::string>> results_table(std::span<const DeploymentResult> results);
/// Signal-to-noise of each layer at the first and last time, and its sensitivity where that was measured.
std::vector<std::vector<std::string>> layers_table(std::span<const LayerReport> layers);

/// A row per rung: what it costs, its error, and its accuracy at each time.
std::vector<std::vector<std::string>> ladder_table(std::span<const RungResult> rungs);

}  // namespace ohmic
