#pragma once

// Programming cells to target conductances: pulse by pulse with verification, or by the statistics of a whole
// procedure.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "ohmic/core/config.h"
#include "ohmic/device/cell.h"

namespace ohmic {

enum class ProgrammingMethod {
  automatic,  ///< statistical where the cell's model has it, else verify
  statistical,
  verify,
  blind,  ///< the number of SET pulses that the noise-free cell would need, unseen
};
inline constexpr std::array<std::string_view, 4> kProgrammingMethods = {"automatic", "statistical", "verify", "blind"};

struct ProgrammingSpec {
  ProgrammingMethod method = ProgrammingMethod::automatic;
  double tolerance_us = 0.5;          ///< [assumed]
  std::int64_t most_iterations = 55;  ///< [assumed]
  double step = 1;
  std::int64_t reads_per_verify = 1;
  double range_us = 0;
};

void describe(FieldVisitor& v, ProgrammingSpec& s);

/// What `automatic` means for this cell; any other method is itself.
ProgrammingMethod chosen_method(const CellModel& cell, const ProgrammingSpec& spec);

/// What a programming procedure did.
struct ProgrammingResult {
  std::uint64_t cells = 0;
  std::uint64_t nonzero_cells = 0;  ///< with a target above the tolerance
  std::uint64_t converged = 0;      ///< whose last read was within the tolerance
  std::uint64_t nonzero_converged = 0;
  std::uint64_t set_pulses = 0;  ///< pulses up, and pulses of chosen amplitude
  std::uint64_t depression_pulses = 0;
  std::uint64_t resets = 0;
  std::uint64_t reads = 0;
  double squared_error_us2 = 0;         ///< sum over the cells of (achieved - target)^2
  double fault_error_us2 = 0;           ///< of that, what broken cells make
  double fault_error_unmapped_us2 = 0;  ///< and would make had no lines been exchanged

  ProgrammingResult& operator+=(const ProgrammingResult& other);
};

/// Which random numbers a procedure draws: `first_cell` is the number of the first cell within the array (a multiple of
/// 32); `when` must differ from procedure to procedure.
struct ProgrammingKey {
  std::uint64_t seed;
  std::uint32_t unit;
  std::uint64_t when;
  std::uint32_t first_cell = 0;
};

/// Cells in an array, as their owner keeps them.
struct CellsView {
  std::span<float> conductance_us;
  std::span<std::uint8_t> pulses;               ///< SET pulses since the last RESET
  std::span<const float> cell_gaussians;        ///< of each cell, for cell-to-cell spread; empty: drawn from the key
  std::span<const std::uint8_t> is_stuck = {};  ///< not 0: nothing changes this cell; empty: none is stuck
};

/// Programs cell i to targets_us[i] (uS, within the cell's range; others are clamped).
///
/// verify: RESET, then up to `most_iterations` rounds of read and pulse. A cell whose read (the mean of
/// reads_per_verify reads, each with its read noise) is within `tolerance_us` of the target rests. Otherwise it gets
/// the pulse that suits `step` times the missing change best (CellModel::adjust); without small steps down, a cell that
/// has overshot is RESET and starts again. Cells are read right after a pulse, at their reference conductance.
ProgrammingResult program_cells(const CellModel& cell, const ProgrammingSpec& spec, const ProgrammingKey& key,
                                std::span<const float> targets_us, const CellsView& cells);

}  // namespace ohmic
