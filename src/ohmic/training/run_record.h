#pragma once

#include <filesystem>
#include <string>

#include "ohmic/training/run.h"

namespace ohmic {

/// The text of run.json.
std::string run_record_json(const ExperimentSpec& spec, const Dataset& data, const RunResult& result, Trainer& trainer,
                            const std::string& started);

/// One line of metrics.jsonl, with its line feed. Only what is deterministic.
std::string metrics_line(const EpochMetrics& metrics);

/// What metrics_line wrote. Error names `source` if it is damaged.
EpochMetrics read_metrics_line(const std::string& line, const std::string& source);

/// The wall seconds of each epoch in an earlier run.json; empty if there is none or it is damaged, since nothing
/// depends on it.
std::vector<double> recorded_wall_seconds(const std::filesystem::path& run_json);

/// The present time in UTC, "2026-11-21T01:00:00Z".
std::string utc_now();

}  // namespace ohmic
