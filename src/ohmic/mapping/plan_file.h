#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/mapping/plan.h"

namespace ohmic {

/// The stage graph of a network by its name and the settings that it was mapped with.
using GraphSource = std::function<StageGraph(const std::string& network, const std::vector<std::string>& settings)>;

/// The plan as JSON: the network by name, the chip with all constants, and per stage what was decided.
std::string plan_text(const Plan& plan, const std::vector<std::string>& settings);

/// A plan that `plan_text` wrote. What follows from its decisions is computed anew, with links as wide as needed. Error
/// where the text is no plan, does not fit the network, or breaks a rule: the message names `source` and every broken
/// rule.
Plan read_plan(std::string_view text, std::string_view source, const GraphSource& graphs);

}  // namespace ohmic
