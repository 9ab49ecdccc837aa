#pragma once

#include <string>

#include "ohmic/mapping/fabric_study.h"

namespace ohmic {

/// docs/networks_on_chip.md: every network mapped and simulated, and on each fabric.
std::string network_catalogue_markdown();
/// docs/chips.md: every chip with its constants and their sources.
std::string chip_catalogue_markdown();

/// A row per topology.
std::vector<std::vector<std::string>> fabric_table(const Plan& plan, const FabricStudy& study);
/// What the search for a homomorphism on the prism came to, in a line.
std::string prism_text(const Plan& plan, const FabricStudy& study);

}  // namespace ohmic
