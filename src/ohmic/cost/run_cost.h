#pragma once

// What a training run costs: its events times a technology.

#include <optional>
#include <span>
#include <string>

#include "ohmic/cost/array_energy.h"
#include "ohmic/cost/cost_table.h"
#include "ohmic/cost/run_events.h"
#include "ohmic/cost/summary.h"
#include "ohmic/cost/technology.h"
#include "ohmic/mapping/chip_spec.h"

namespace ohmic {

/// All events of the run in a table, a layer per matrix, then those with digital work beside. Rules:
///
/// - a product of one array takes its cells, a DAC per row and a conversion per column, in each step and slice of the
///   technology; backward the same with rows and columns exchanged; reading single cells takes a cell and a conversion;
/// - conversions beyond one per output are added digitally; each output then takes one activation;
/// - inputs are read from, outputs written to, a memory of the chip's size, 8 bits each;
/// - an update takes a multiply-add per crossing whose two factors are not zero, and where it accumulates beside the
///   cells, a word read and written there; in a memory of all words;
/// - the gradient of a batch is summed up by 32 x 32 units that keep their sums: a multiply-add per crossing and
/// vector,
///   8 bits (32 for digital matrices) read per input and delta and for each 32 columns or rows that need it;
/// - an optimiser takes 32-bit operations, and words of 32 bits in a memory of all weights;
/// - digital matrices take a 32-bit multiply-add and the read of a weight per product: no reuse of weights;
/// - layers beside their matrices take 32-bit operations, and 8 bits in a memory of the chip's size per number.
CostTable cost_of_run(const RunEvents& run, const Technology& technology, const ChipSpec& chip,
                      std::span<const MeasuredActivity> measured = {});

/// Time per sample: one product after the other, a tick of the chip each; per clock 256 words of the update or numbers
/// of a layer, and 1024 products of a batch's gradient [assumed]. Area: arrays as cores of the chip, and the
/// accumulator's memory.
CostSummary summary_of_run(const RunEvents& run, const CostTable& table, const Technology& technology,
                           const ChipSpec& chip);

}  // namespace ohmic
