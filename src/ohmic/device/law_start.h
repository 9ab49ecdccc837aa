#pragma once

#include <optional>
#include <vector>

#include "ohmic/device/drift_fit.h"
#include "ohmic/device/step_likelihood.h"

namespace ohmic {

/// First guesses of the constants, from regressions that take reads for conductances: steps on conductance and fading
/// memory, their absolute residuals likewise, read noise from repeated reads or, without any, from the negative
/// correlation that a read error leaves between the step before it and the step after it.
CellLaw first_guess(const std::vector<CellSequence>& cells, const DriftFit& drift);

/// The guess for a cell without pulse memory: steps as a line over the conductance, from the means over all cells after
/// each pulse, which cells that differ from each other do not tilt. The rest is kept from `law`.
CellLaw guess_without_memory(const std::vector<CellSequence>& cells, const CellLaw& law);

/// Whether cells that rose more in the first half of their sequence rose more in the second half too, in standard
/// errors of chance: a sign that cells differ by themselves.
double persistence_of_cells(const std::vector<CellSequence>& cells);

/// Conductances at which the lowest and the highest reads after SET pulses agree to the last digit: cells at a bound,
/// read without noise, or an instrument at the end of its range.
struct RepeatedEnds {
  std::optional<double> lowest, highest;
};
RepeatedEnds repeated_ends(const std::vector<CellSequence>& cells);

/// Whether steps of equal pulses from equal conductances are equal, as simulated cells without noise give them.
bool has_no_scatter(const std::vector<CellSequence>& cells, const CellLaw& guess);

/// The steps between reads after one pulse and the next: how many, and their median size.
struct StepSizes {
  std::size_t count = 0;
  double typical_us = 0;
};
StepSizes step_sizes(const std::vector<CellSequence>& cells);
inline double typical_step_us(const std::vector<CellSequence>& cells) { return step_sizes(cells).typical_us; }

/// Mean over a pulse's reads of the conductance at the reference age; NaN where there is none.
double mean_conductance(const std::vector<ReadGroup>& groups);

}  // namespace ohmic
