#pragma once

#include <limits>
#include <string>
#include <vector>

#include "ohmic/report/svg.h"

namespace ohmic::report {

/// A named row of horizontal bars, one per quantity of the chart.
struct BarRow {
  std::string name;
  std::vector<double> values;  ///< NaN: no bar
  std::vector<std::string> tooltips;
};

/// Rows of bars from zero, negative ones to the left.
struct BarChart {
  SvgLabel label;
  std::string title;                    ///< of the axis: quantity and unit
  std::vector<std::string> quantities;  ///< named above the plot where there are several
  std::vector<BarRow> rows;
};

/// The chart as an SVG element.
std::string render_bars(const BarChart& chart);

}  // namespace ohmic::report
