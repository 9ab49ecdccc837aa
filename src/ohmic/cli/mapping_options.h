#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "ohmic/cli/network_source.h"
#include "ohmic/mapping/plan.h"

namespace ohmic {

/// What `ohmic map` and `ohmic simulate` ask for alike.
struct MappingArguments {
  std::string network;
  std::string chip = "paper";
  std::vector<std::string> chip_settings, settings;
  std::int64_t ticks = 0, arrays = 0, latency = 0;  ///< 0: not given
  bool packs = false, shares = false, has_links = false;
  std::string depthwise = "arrays";
  std::string buffers = "full-rate";
  std::string placement = "search";
};

/// Adds them to a command.
void add_mapping_options(CLI::App& command, MappingArguments& arguments);

MapRequest map_request(const MappingArguments& arguments);
/// Maps the network as asked; Error where the plan breaks a rule.
Plan map_as_asked(const MappingArguments& arguments);

}  // namespace ohmic
