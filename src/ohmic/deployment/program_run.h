#pragma once

#include <span>
#include <string>
#include <vector>

#include "ohmic/device/programming.h"
#include "ohmic/training/run.h"

namespace ohmic {

/// How the weights of one layer came onto cells.
struct ProgrammedLayer {
  std::string name;
  int inputs = 0, outputs = 0;
  double largest_weight = 0;
  double range_us = 0;  ///< conductance difference that the largest weight was given
  ProgrammingResult result;
  double error_stddev_us = 0;  ///< root mean square of achieved minus target conductance, over cells
};

/// Writes the trained weights of a run, digital or analog, onto fresh cells: `device` names a cell preset (empty: the
/// run's), `settings` are key=value changes of the experiment (synapse, periphery, programming, faults, wires ...).
/// Each layer's weights are scaled so that the largest takes programming.range_us. The run becomes that of the chip.
std::vector<ProgrammedLayer> program_run(LoadedRun& run, const std::string& device,
                                         std::span<const std::string> settings);

/// A row per layer, for the terminal.
std::vector<std::vector<std::string>> programming_table(std::span<const ProgrammedLayer> layers);

}  // namespace ohmic
