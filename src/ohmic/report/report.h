#pragma once

#include <span>
#include <string>
#include <string_view>

#include "ohmic/report/json_record.h"

namespace ohmic {

using report::read_run;
using report::RunRecord;

/// One self-contained HTML page on one or many runs: finding, summary, charts, operation counts, configurations. It
/// needs no network and no scripts. What a record lacks is left out or called not recorded; names and settings are
/// shown as text, whatever they contain.
std::string render_report(std::span<const RunRecord> runs, std::string_view title);

}  // namespace ohmic
