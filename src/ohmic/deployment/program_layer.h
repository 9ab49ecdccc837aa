#pragma once

#include <span>
#include <string>
#include <vector>

#include "ohmic/crossbar/tile.h"
#include "ohmic/device/programming.h"
#include "ohmic/training/experiment.h"

namespace ohmic {

/// How one weight matrix came onto cells.
struct ProgrammedLayer {
  std::string name;
  int inputs = 0, outputs = 0;
  double largest_weight = 0;
  double range_us = 0;  ///< conductance difference that the largest weight was given
  ProgrammingResult result;
  double error_stddev_us = 0;  ///< root mean square of achieved minus target conductance, over cells
};

/// The settings of a chip for a trained experiment: `device` names a cell preset (empty: the run's), `settings` are
/// key=value changes (synapse, periphery, programming, faults, wires ...).
ExperimentSpec chip_settings(const ExperimentSpec& trained, const std::string& device,
                             std::span<const std::string> settings);

/// Writes weights (inputs x outputs) onto a fresh tile, scaled so that the largest takes programming.range_us; the
/// scale becomes the tile's.
ProgrammedLayer program_layer(const std::string& name, const Matrix& weights, Tile& tile, const ProgrammingSpec& spec);

/// A row per matrix, for the terminal.
std::vector<std::vector<std::string>> programming_table(std::span<const ProgrammedLayer> layers);

}  // namespace ohmic
