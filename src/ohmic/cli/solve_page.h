#pragma once

#include <string>
#include <vector>

#include "ohmic/solver/solver.h"

namespace ohmic {

/// What a solution took, a row each: name, value.
std::vector<std::vector<std::string>> solution_table(const LinearSystem& system, const SolverResult& result);

/// HTML page: the residual against refinements and against analog products, and the table.
std::string solution_page(const LinearSystem& system, const SolverResult& result);

}  // namespace ohmic
