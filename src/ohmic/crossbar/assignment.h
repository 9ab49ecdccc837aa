#pragma once

#include <vector>

#include "ohmic/core/matrix.h"

namespace ohmic {

/// The cheapest one-to-one assignment of the rows of a square cost matrix to its columns: column of each row. Shortest
/// augmenting paths (Jonker and Volgenant, Computing 38:325, 1987), O(n^3). Of equal costs the same is taken always.
std::vector<int> cheapest_assignment(const Matrix& cost);

}  // namespace ohmic
