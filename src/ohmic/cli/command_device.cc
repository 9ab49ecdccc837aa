#include "ohmic/cli/command_device.h"

namespace ohmic {

void add_device_command(CLI::App& program, CommandStatus& status) {
  CLI::App* device = program.add_subcommand("device", "Fit and sample memory cells");
  device->require_subcommand(1);
  device->footer(
      "Examples:\n"
      "  ohmic device fit measured.csv --out my_cell.toml\n"
      "  ohmic device sample pcm --cells 1000 --pulses 20 --out data.csv");
  add_device_fit_command(*device, status);
  add_device_sample_command(*device, status);
}

}  // namespace ohmic
