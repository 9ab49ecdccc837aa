#pragma once

#include <span>
#include <string>

#include "ohmic/report/run_groups.h"

namespace ohmic::report {

/// The runs' result in one sentence of plain text: the best device, its accuracy, the distance to floating point on the
/// same data, pulses per image, and what is left of it after the longest age measured. Parts that are not recorded are
/// left out.
std::string finding(std::span<const RunGroup> groups);

/// An age as the user wrote it with a space before the unit, "1 y"; computed from the seconds if that is empty.
std::string age_text(const std::string& at, double seconds);

}  // namespace ohmic::report
