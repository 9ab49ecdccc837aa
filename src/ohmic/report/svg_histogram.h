#pragma once

// Histograms of several tiles above one another on one horizontal axis.

#include <string>
#include <vector>

#include "ohmic/report/svg.h"

namespace ohmic::report {

/// One side of a panel: counts per bin and what they are.
struct HistogramSide {
  std::string name;  ///< "G⁺"; may be empty
  std::string note;  ///< shown after the name: ", mean 3.2 µS"
  int colour = 0;
  std::vector<double> counts;  ///< one fewer than the edges; empty for none
};

/// One tile. The lower side, if any, hangs from the base line, so that two distributions can be compared bin by bin.
struct HistogramPanel {
  std::string name;
  std::string note;  ///< beside the name: "785 × 250"
  std::vector<double> edges;
  HistogramSide upper;
  HistogramSide lower;
};

struct HistogramStack {
  SvgLabel label;
  std::string x_title;
  std::string y_title;
  std::vector<HistogramPanel> panels;
};

/// True if the counts span so much that a linear axis would hide the tail of the distribution.
bool needs_log_counts(const std::vector<HistogramPanel>& panels);

/// The stack as an SVG element, or an empty string if no panel has counts. Bins that are empty in all panels at either
/// end are left out. Each panel has its own scale, since tiles differ in size.
std::string render_histogram_stack(const HistogramStack& stack);

}  // namespace ohmic::report
