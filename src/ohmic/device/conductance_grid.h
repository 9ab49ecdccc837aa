#pragma once

// Where to integrate over the true conductances of a cell: parts of step_likelihood.h.

#include <cstddef>
#include <limits>
#include <vector>

#include "ohmic/device/step_likelihood.h"

namespace ohmic {

/// Where the conductance after one pulse may lie.
struct Belief {
  double mean = 0, variance = 0;
};

inline constexpr std::size_t kNoAtom = std::numeric_limits<std::size_t>::max();

/// The grid after one pulse: nodes of a quadrature and, at the end, the point masses at the bounds.
struct Grid {
  std::vector<double> x, weight;
  std::size_t continuous = 0;  ///< so many nodes before the point masses
  std::size_t lower = kNoAtom, upper = kNoAtom;

  std::size_t size() const { return x.size(); }
};

/// A grid after each pulse of a cell whose mean step is `step_factor` times that of the law.
std::vector<Grid> make_grids(const CellSequence& cell, const CellLaw& law, double step_factor);

}  // namespace ohmic
