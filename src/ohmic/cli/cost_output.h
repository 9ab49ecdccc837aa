#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ohmic/cost/cost_table.h"
#include "ohmic/cost/plan_cost.h"
#include "ohmic/cost/published.h"
#include "ohmic/cost/summary.h"

namespace ohmic {

/// A costed run, network or chip, ready to be shown.
struct CostReport {
  std::string title;       ///< what was costed, on which chip
  std::string technology;  ///< name
  std::string unit;        ///< what a sample is: "image", "product of one array"
  double samples = 1;      ///< that the table covers
  CostTable table{{}};
  CostSummary summary;
  std::vector<CostFigure> figures;  ///< that were used
  FigureQuery converters;           ///< what was asked of their figures
  std::vector<std::string> notes;
};

/// The figures that a table's events were priced with; the mean over its events where sizes, resolutions or data
/// differ.
/// `converters`: what was asked of their figures.
std::vector<CostFigure> figures_used(const CostTable& table, const Technology& technology,
                                     const FigureQuery& converters);
/// "converters make 8 bits at 0.51 GS/s".
std::string converter_note(const FigureQuery& converters);

/// 1.234e-9 -> "1.234 nJ".
std::string format_energy(double joules);
/// "83.2 nJ (12.0 nJ to 1.30 uJ)".
std::string format_interval(const Interval& joules);

using TextRows = std::vector<std::vector<std::string>>;
TextRows summary_rows(const CostReport& report);
TextRows component_rows(const CostReport& report);
TextRows phase_rows(const CostReport& report);
TextRows layer_rows(const CostReport& report);
TextRows figure_rows(const CostReport& report);
/// Several reports side by side: a row each.
TextRows cost_comparison_rows(const std::vector<CostReport>& reports);
TextRows published_rows();

nlohmann::ordered_json cost_json(const CostReport& report);

/// The table of all technologies with their sources: docs/technologies.md.
std::string technology_catalogue_markdown();

}  // namespace ohmic
