#pragma once

// The simulated chip with real activations in its buffers.

#include <cstdint>

#include "ohmic/chip/simulator.h"
#include "ohmic/core/matrix.h"
#include "ohmic/mapping/plan.h"
#include "ohmic/network/graph.h"

namespace ohmic {

struct CoSimulationResult {
  SimulationResult timing;
  Matrix outputs;                 ///< samples x outputs of the network; empty after a deadlock
  std::int64_t moved_pixels = 0;  ///< written into buffers
  std::int64_t wrong_pixels = 0;  ///< reads that found another pixel than the one due: 0 unless the schedule is wrong
};

/// Sends samples (one a row) through the plan. Each buffer is a ring of as many places as `pipeline` gives it; an
/// iteration reads the places where its pixels are due, whatever is there. When a stage is through with a sample, its
/// layers compute their output from the image that its reads delivered, by the tiles' own arithmetic and noise: sample
/// s is read number first_read + s. So a pixel overwritten too early, or read too soon, shows in the numbers.
///
/// The numbers are computed once per stage and sample, not once per product, because converters with a range per vector
/// need the largest value of the whole image first, and the noise of reads is scaled by it.
///
/// Equal to the bit to Graph::forward of all samples at once, or where there is an LSTM, whose reads are numbered by
/// place in the batch, of one sample at a time.
///
/// `graph`: the network that the plan's stages were made from. `pipeline`: as make_pipeline gives it, bounded.
CoSimulationResult co_simulate(Graph& graph, const Plan& plan, const Pipeline& pipeline,
                               MatrixView<const float> samples, std::uint64_t first_read);

}  // namespace ohmic
