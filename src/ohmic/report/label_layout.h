#pragma once

#include <vector>

namespace ohmic::report {

/// Positions as near as possible (least squares) to `wanted`, in the same order of size, at least `spacing` apart and
/// within [low, high]. If they cannot all fit, they are spaced evenly over the range. Result k belongs to wanted[k].
std::vector<double> spread_labels(const std::vector<double>& wanted, double spacing, double low, double high);

}  // namespace ohmic::report
