#pragma once

#include <string>
#include <vector>

#include "ohmic/chip/explore.h"
#include "ohmic/chip/simulator.h"
#include "ohmic/mapping/plan.h"

namespace ohmic {

/// HTML pages: a floor plan with traffic and the table of stages; with a run, a Gantt chart of its first samples too.
std::string plan_page(const Plan& plan);
std::string simulation_page(const Plan& plan, const SimulationResult& result);
/// Memory against latency for all plans, and the table of the best.
std::string exploration_page(const std::string& network, const std::vector<ExploredPlan>& plans, double tick_ns);

/// The best plans, a row each.
std::vector<std::vector<std::string>> exploration_table(const std::vector<ExploredPlan>& plans, double tick_ns);

}  // namespace ohmic
