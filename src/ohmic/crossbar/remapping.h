#pragma once

#include <array>
#include <functional>
#include <span>

#include "ohmic/crossbar/faults.h"

namespace ohmic {

/// Which weights lie where, as remapping sees it: the lanes of one array, which share their lines.
struct RemappingTask {
  FaultMap::Shape shape;
  int first_lane = 0, lanes = 1;
  std::array<float, 3> stuck_us{};  ///< by FaultKind
  /// Target conductances (G+, G-), uS, of crossings [first, first + targets.size() / 2).
  std::function<void(std::uint32_t first, std::span<float> targets_us)> targets;
};

/// Sum over the faulty cells of those lanes of (what the cell conducts - target)^2, in uS^2. `sides`: 1 for single
/// cells.
double fault_error_us2(const FaultMap& faults, const RemappingTask& task, int sides);

/// Exchanges the columns, then the rows, within each array of at most array_rows x array_columns, so that broken cells
/// carry weights near what they conduct anyway: the assignment with the least sum of squared errors for columns, then
/// for rows. Returns the faults as the weights meet them; digital routing undoes the exchange at inputs and outputs.
FaultMap remapped(const FaultMap& faults, const RemappingTask& task, int sides);

}  // namespace ohmic
