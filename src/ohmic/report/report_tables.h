#pragma once

// The tables of the page, as HTML.

#include <span>
#include <string>

#include "ohmic/report/run_groups.h"

namespace ohmic::report {

/// One row per run: what it was and how it ended.
std::string summary_table(std::span<const RunGroup> groups);
/// One row per run: operations counted; empty if no run recorded any.
std::string counters_table(std::span<const RunGroup> groups);
/// Accuracy by age and compensation; empty if no run was deployed.
std::string retention_table(std::span<const RunGroup> groups);
/// A closed part per run with its resolved configuration, machine and data.
std::string configurations(std::span<const RunGroup> groups);

/// Weight-samples per SET pulse: how many single-weight updates of a digital trainer one pulse replaces. NaN if the run
/// did not record weights and pulses, or made no pulse.
double updates_saved(const RunRecord& run);

}  // namespace ohmic::report
