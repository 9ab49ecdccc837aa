#pragma once

// Line charts: series with markers, bands or error bars, named at the ends of their lines.

#include <limits>
#include <string>
#include <vector>

#include "ohmic/report/axis.h"
#include "ohmic/report/svg.h"

namespace ohmic::report {

/// A point in the units of the axes. NaN in y makes a gap in the line.
struct ChartPoint {
  double x;
  double y;
  double low = std::numeric_limits<double>::quiet_NaN();   ///< lower end of the band or error bar
  double high = std::numeric_limits<double>::quiet_NaN();  ///< upper end
  std::string tooltip = {};
};

enum class LineStyle { solid, dashed, dotted };
enum class Extent { none, band, error_bars };

struct Series {
  std::string label;  ///< empty: none, for a line that another one's label stands for
  std::string value;  ///< shown before the label, "97.8"; may be empty
  int colour = 0;     ///< index into the palette
  LineStyle line = LineStyle::solid;
  Marker marker = Marker::circle;
  bool has_markers = true;
  Extent extent = Extent::none;  ///< what low and high of the points become
  double shift = 0;              ///< px to the right, so that error bars at one place stand side by side
  std::vector<ChartPoint> points;
};

struct LineChart {
  SvgLabel label;
  Axis x;
  Axis y;
  std::vector<Series> series;
};

/// A wide chart names its series at the ends of the lines, a narrow one (for telephones) above the plot.
enum class ChartSize { wide, narrow };

/// The chart as an SVG element. Points outside the axes are cut off at the frame.
std::string render_line_chart(const LineChart& chart, ChartSize size);

}  // namespace ohmic::report
