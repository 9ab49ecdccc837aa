#pragma once

#include <span>
#include <vector>

#include "ohmic/mapping/core_kinds.h"

namespace ohmic {

struct ExactPlacement {
  bool is_complete = false;  ///< the search came to its end
  double bit_hops = 0;       ///< of the best placement; if complete, at most what was known
  std::vector<int> places;   ///< of each core; empty if none is better than what was known
};

/// The placement with the fewest bits x hops by branch and bound, for small plans: larger ones are given up at once,
/// and hard ones after a fixed number of steps. `known`: bits x hops of some placement.
ExactPlacement find_best_places(const Fabric& fabric, const CoreKinds& kinds, double known);

}  // namespace ohmic
