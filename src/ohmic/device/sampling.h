#pragma once

#include <cstdint>
#include <vector>

#include "ohmic/device/cell.h"
#include "ohmic/device/measurements.h"

namespace ohmic {

/// A characterisation: cells are RESET, then given SET pulses one by one and read after each.
struct SamplingPlan {
  std::uint32_t cells = 1000;
  std::uint32_t pulses = 20;
  std::uint32_t reads = 1;           ///< at each time, each with its own read noise
  std::vector<double> times_s = {};  ///< since the pulse; empty: the cell's reference age, and no time column
  std::uint64_t seed = 1;
};

/// What such an experiment gives on simulated cells. Equal plans give equal numbers; cell i is the same whatever the
/// number of cells.
Measurements sample_cells(const CellModel& model, const SamplingPlan& plan);

}  // namespace ohmic
