#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ohmic/chip/simulator.h"
#include "ohmic/mapping/plan.h"

namespace ohmic {

/// What a plan comes to as a whole: the lines above its table.
std::string plan_summary(const Plan& plan);
/// The busiest link, and whether it holds the others up.
std::string link_summary(const Plan& plan);
/// A row per stage.
std::vector<std::vector<std::string>> plan_table(const Plan& plan);
nlohmann::ordered_json plan_json(const Plan& plan);

/// What a run came to as a whole.
std::string simulation_summary(const Plan& plan, const SimulationResult& result);
std::vector<std::vector<std::string>> simulation_table(const Plan& plan, const SimulationResult& result);
nlohmann::ordered_json simulation_json(const Plan& plan, const SimulationResult& result);

/// 1536 -> "1.5 KiB".
std::string format_bytes(double bytes);
/// A time on the chip: "165.3 us".
std::string format_chip_time(const Plan& plan, Tick ticks);

}  // namespace ohmic
