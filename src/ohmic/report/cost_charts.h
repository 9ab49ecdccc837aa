#pragma once

// Pictures of energies: stacked bars, the flow from what takes it to when, and how far figures swing a result.

#include <string>
#include <vector>

#include "ohmic/report/svg.h"

namespace ohmic::report {

/// One part of a bar.
struct BarPart {
  double value = 0;
  int colour = 0;  ///< index into the palette; beyond it the part is drawn as an outline
  std::string tooltip;
};

struct StackedBar {
  std::string name, total;  ///< `total` stands behind the bar
  std::vector<BarPart> parts;
};

/// Bars to the right, parts one after the other. `legend`: names of the colours that are used.
struct StackedBars {
  SvgLabel label;
  std::string axis;  ///< quantity and unit
  std::vector<std::pair<int, std::string>> legend;
  std::vector<StackedBar> bars;
};
std::string render_stacked_bars(const StackedBars& chart);

/// A flow from nodes on the left to nodes on the right: bands as thick as what flows.
struct FlowNode {
  std::string name, amount;
  int colour = 0;
};
struct FlowBand {
  std::size_t from = 0, to = 0;
  double value = 0;
  std::string tooltip;
};
struct FlowChart {
  SvgLabel label;
  std::vector<FlowNode> from, to;
  std::vector<FlowBand> bands;
};
std::string render_flow(const FlowChart& chart);

/// A bar from what comes out at the low end of a figure to what comes out at the high end, around a middle.
struct TornadoBar {
  std::string name;
  double at_low = 0, at_high = 0;
  std::string tooltip;
};
struct TornadoChart {
  SvgLabel label;
  std::string axis;
  double middle = 0;
  std::vector<TornadoBar> bars;
  std::vector<std::pair<double, std::string>> references;  ///< marked values
};
std::string render_tornado(const TornadoChart& chart);

}  // namespace ohmic::report
