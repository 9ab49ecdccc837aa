#pragma once

// The charts of the page, as HTML. Each is an empty string if nothing of it is recorded.

#include <span>
#include <string>

#include "ohmic/report/run_groups.h"

namespace ohmic::report {

std::string accuracy_chart(std::span<const RunGroup> groups);
/// Bits per character of text, Frechet distance of generated images.
std::string text_chart(std::span<const RunGroup> groups);
std::string distance_chart(std::span<const RunGroup> groups);
std::string pulses_chart(std::span<const RunGroup> groups);
/// Accuracy against the time after training.
std::string retention_chart(std::span<const RunGroup> groups);
/// Conductances and weights of the tiles, one run per group; all but the first few groups are closed.
std::string histogram_charts(std::span<const RunGroup> groups);

/// Writes and erases of the cells, kind by kind, with the lifetime that follows; one run per group.
std::string wear_charts(std::span<const RunGroup> groups);

}  // namespace ohmic::report
