#pragma once

#include <cstddef>
#include <span>

#include "ohmic/core/matrix.h"
#include "ohmic/crossbar/wire_network.h"

namespace ohmic {

/// An array and what its lines carry, each alone: inputs of `estimate_around`.
struct LoadedLines {
  MatrixView<const float> conductance_us;  ///< rows x columns
  const LineFamily& word;                  ///< uniform: all pieces of one resistance, above 0
  const LineFamily& bit;                   ///< likewise
  std::span<const float> word_load_us;     ///< rows: current of the word line alone at 1 V
  std::span<const float> bit_load_us;      ///< columns: the same of the bit line
};

/// What M has beyond G times both shares (`WireMap::around_us`), estimated from an array of at most groups x groups
/// groups of neighbouring cells. k x l cells are one cell of their conductances' sum, their lines k (or l) in parallel.
/// around_us: rows x columns.
void estimate_around(const LoadedLines& array, std::size_t groups, MatrixView<float> around_us);

}  // namespace ohmic
