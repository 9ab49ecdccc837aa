#pragma once

// The figures of one cell, or of several beside one another, as a self-contained HTML page.

#include <span>
#include <string>

#include "ohmic/cli/device_study.h"

namespace ohmic {

/// `studies` holds one cell, or up to six to compare.
std::string device_page(std::span<const DeviceStudy> studies);

}  // namespace ohmic
