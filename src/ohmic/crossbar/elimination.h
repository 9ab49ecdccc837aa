#pragma once

#include <cstddef>
#include <vector>

namespace ohmic {

/// Eliminates the first `eliminated` unknowns of a symmetric positive definite matrix (width x width, row-major):
/// the lower right block becomes its Schur complement. Only the upper triangle, with the diagonal, is read and written.
/// Sums run in an order that depends on the sizes alone.
void eliminate_first(std::vector<double>& matrix, std::size_t width, std::size_t eliminated);

}  // namespace ohmic
