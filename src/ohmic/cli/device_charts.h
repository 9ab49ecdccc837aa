#pragma once

// Charts of cells: each function returns HTML, or nothing where there is nothing to draw. With several studies the
// cells share a chart, in percent of what each can use.

#include <span>
#include <string>

#include "ohmic/cli/device_study.h"

namespace ohmic {

using Studies = std::span<const DeviceStudy>;

std::string pulse_chart(Studies studies);         ///< conductance against the number of pulses
std::string step_chart(Studies studies);          ///< step of one pulse against its number
std::string distribution_chart(Studies studies);  ///< over the cells, after some pulses
std::string drift_chart(Studies studies);
std::string read_noise_chart(Studies studies);  ///< against conductance
std::string flicker_chart(Studies studies);     ///< read noise against time
std::string error_chart(Studies studies);       ///< programming error against target
std::string effort_chart(Studies studies);      ///< pulses and reads per cell against target

}  // namespace ohmic
