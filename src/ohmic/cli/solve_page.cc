#include "ohmic/cli/solve_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "ohmic/cli/terminal.h"
#include "ohmic/core/version.h"
#include "ohmic/report/axis.h"
#include "ohmic/report/html_page.h"
#include "ohmic/report/svg_chart.h"
#include "ohmic/report/text.h"

namespace ohmic {
namespace {

constexpr double kLeastShown = 1e-17;

std::string residual_chart(const SolverResult& result) {
  report::LineChart chart;
  chart.label = {"residual", "Residual against refinements", "Relative residual in double precision after each step"};
  report::Series series;
  series.label = "residual";
  double low = 1, high = 1;
  for (std::size_t k = 0; k < result.steps.size(); ++k) {
    const RefinementStep& step = result.steps[k];
    const double y = std::max(step.residual, kLeastShown);
    low = std::min(low, y);
    high = std::max(high, y);
    series.points.push_back({static_cast<double>(k), y});
    series.points.back().tooltip =
        fmt::format("{} refinements, {} analog products: {:.2e}", k, step.analog_products, step.residual);
  }
  series.has_markers = result.steps.size() <= 60;
  chart.x = report::integer_axis("refinements in double precision", 0,
                                 std::max(1.0, static_cast<double>(result.steps.size() - 1)), 8);
  chart.y = report::log_axis("|b - A x| / |b|", low, std::max(high, 10 * low));
  chart.series.push_back(std::move(series));
  return report::render_line_chart(chart, report::ChartSize::wide) +
         report::html_note(
             "Each refinement solves for the residual on the arrays, roughly, and corrects the solution in double "
             "precision. The steeper the line, the smaller the error of the cells against the smallest eigenvalue.");
}

}  // namespace

std::vector<std::vector<std::string>> solution_table(const LinearSystem& system, const SolverResult& result) {
  const auto count = [](std::int64_t n) { return with_thousands(static_cast<std::uint64_t>(n)); };
  std::vector<std::vector<std::string>> rows = {
      {"equations", fmt::format("{}, {} unknowns", system.name, system.matrix.rows())},
      {"inner solver", std::string(kKrylovMethods[static_cast<std::size_t>(result.method)])},
      {"relative residual", fmt::format("{:.3g}", result.steps.back().residual)},
      {"refinements", count(static_cast<std::int64_t>(result.steps.size()) - 1)},
      {"analog products", count(result.analog_products)},
      {"products in double precision", count(result.digital_products)},
      {"error of one analog product", fmt::format("{:.2g}", result.product_error)},
      {"cells", count(result.cells)}};
  if (result.condition > 0) {
    rows.push_back({"condition number, seen by the cells", fmt::format("{:.3g}", result.condition)});
  }
  return rows;
}

std::string solution_page(const LinearSystem& system, const SolverResult& result) {
  std::vector<std::vector<std::string>> cells = solution_table(system, result);
  for (auto& row : cells) {
    for (std::string& cell : row) cell = report::escape_html(cell);
  }
  const std::string title = fmt::format("Equations {} on arrays", system.name);
  const std::string table =
      report::html_table("What it took", {{"", report::Alignment::left}, {"", report::Alignment::right}}, cells);
  const std::string why =
      result.explanation.empty() ? "" : fmt::format("<p>{}</p>\n", report::escape_html(result.explanation));
  const std::string head = fmt::format("<header><h1>{}</h1>\n{}<p class=\"meta\">ohmic {}</p></header>\n",
                                       report::escape_html(title), why, kVersion);
  return report::html_page(title, "<main>" + head + report::html_section("Residual", residual_chart(result)) +
                                      report::html_section("Summary", table) + "</main>");
}

}  // namespace ohmic
