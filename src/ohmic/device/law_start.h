#pragma once

#include <vector>

#include "ohmic/device/drift_fit.h"
#include "ohmic/device/step_likelihood.h"

namespace ohmic {

/// First guesses of the constants, from regressions that take reads for conductances: steps on conductance and fading
/// memory, their absolute residuals likewise, read noise from repeated reads or, without any, from the negative
/// correlation that a read error leaves between the step before it and the step after it.
CellLaw first_guess(const std::vector<CellSequence>& cells, const DriftFit& drift);

/// The typical size of a step, uS.
double typical_step_us(const std::vector<CellSequence>& cells);

/// Mean over a pulse's reads of the conductance at the reference age; NaN where there is none.
double mean_conductance(const std::vector<ReadGroup>& groups);

}  // namespace ohmic
