#pragma once

// What `ohmic deploy` says beyond accuracy over time. Each is an empty string if nothing of it is recorded.

#include <span>
#include <string>

#include "ohmic/report/run_groups.h"

namespace ohmic::report {

/// Signal-to-noise of each layer, and what each alone on cells costs; one run per group.
std::string layer_charts(std::span<const RunGroup> groups);
/// The ladder of `ohmic deploy --study`: accuracy against cells per weight and against programming effort.
std::string ladder_charts(std::span<const RunGroup> groups);

}  // namespace ohmic::report
