#pragma once

#include <string>
#include <vector>

#include "ohmic/cli/cost_output.h"
#include "ohmic/cli/cost_study.h"
#include "ohmic/cli/cost_sweep.h"

namespace ohmic {

/// Stacked bars by layer and phase, the flow from component to phase, and all tables; several reports side by side
/// first.
std::string cost_page(const std::vector<CostReport>& reports);
/// The study with its tornado chart.
std::string study_page(const CostStudyResult& study);
/// Accuracy against energy, what is not beaten joined.
std::string sweep_page(const SweepResult& sweep);

}  // namespace ohmic
