#pragma once

// Pictures of a network on a chip: what each stage does when, and where it stands.

#include <string>
#include <vector>

#include "ohmic/report/svg.h"

namespace ohmic::report {

/// A stage at work on one sample.
struct GanttBar {
  double begin = 0, end = 0;  ///< ticks
  int sample = 0;
  std::string tooltip;
};

struct GanttRow {
  std::string name;
  std::vector<GanttBar> bars;
};

/// Rows of bars over time, a colour per sample.
struct GanttChart {
  SvgLabel label;
  std::vector<GanttRow> rows;
  double end = 1;  ///< ticks
};
std::string render_gantt(const GanttChart& chart);

struct FloorCore {
  int group = 0;  ///< cores of a group have a colour in common
  std::string tooltip;
};
struct FloorLink {
  int from = 0, to = 0;
  double share = 0;  ///< of the busiest link's load: drawn as width
  std::string tooltip;
};

/// Cores in rows, and the links between them as lines whose width is their load.
struct FloorPlan {
  SvgLabel label;
  int columns = 1;
  std::vector<FloorCore> cores;
  std::vector<FloorLink> links;
};
std::string render_floor_plan(const FloorPlan& plan);

}  // namespace ohmic::report
