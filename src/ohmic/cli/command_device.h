#pragma once

#include "ohmic/cli/command.h"

namespace ohmic {

// One line per command below `ohmic device`.
void add_device_fit_command(CLI::App& device, CommandStatus& status);
void add_device_sample_command(CLI::App& device, CommandStatus& status);

}  // namespace ohmic
