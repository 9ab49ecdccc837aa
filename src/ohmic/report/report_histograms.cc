#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "ohmic/report/html_page.h"
#include "ohmic/report/report_charts.h"
#include "ohmic/report/svg_histogram.h"
#include "ohmic/report/text.h"

namespace ohmic::report {
namespace {

constexpr std::size_t kOpenGroups = 2;
constexpr std::size_t kTilesPerStack = 6;
constexpr int kPlusColour = 0;
constexpr int kMinusColour = 1;
constexpr int kWeightColour = 2;

/// Counts that fit the bins; a record made in memory may not have been checked.
std::vector<double> fitting(const std::vector<double>& counts, const std::vector<double>& edges) {
  const bool fits = counts.size() + 1 == edges.size() &&
                    std::all_of(counts.begin(), counts.end(), [](double c) { return std::isfinite(c) && c >= 0; }) &&
                    std::all_of(edges.begin(), edges.end(), [](double e) { return std::isfinite(e); });
  return fits ? counts : std::vector<double>{};
}

/// The mean of a binned quantity, each bin at its middle.
double binned_mean(const std::vector<double>& counts, const std::vector<double>& edges) {
  double total = 0;
  double sum = 0;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    total += counts[k];
    sum += counts[k] * (edges[k] + edges[k + 1]) / 2;
  }
  return sum / total;
}

std::string unit_name(const std::string& unit) { return unit.empty() || unit == "uS" ? "µS" : unit; }

std::string size_note(const TileRecord& tile) {
  if (!std::isfinite(tile.inputs) || !std::isfinite(tile.outputs)) return {};
  return fmt::format("{} × {}", format_count(tile.inputs), format_count(tile.outputs));
}

HistogramSide conductance_side(const char* symbol, int colour, std::vector<double> counts,
                               const ConductanceHistogram& h) {
  const double mean = counts.empty() ? kNotRecorded : binned_mean(counts, h.edges);
  HistogramSide side{symbol, "", colour, std::move(counts)};
  if (std::isfinite(mean))
    side.note = fmt::format(", mean {} {}", format_significant(mean, 3), shorten(unit_name(h.unit), 8));
  return side;
}

HistogramPanel conductance_panel(const TileRecord& tile) {
  const ConductanceHistogram& h = tile.conductances;
  return {tile.name, size_note(tile), h.edges, conductance_side("G⁺", kPlusColour, fitting(h.g_plus, h.edges), h),
          conductance_side("G⁻", kMinusColour, fitting(h.g_minus, h.edges), h)};
}

HistogramPanel weight_panel(const TileRecord& tile) {
  return {tile.name,
          size_note(tile),
          tile.weights.edges,
          {"", "", kWeightColour, fitting(tile.weights.counts, tile.weights.edges)},
          {}};
}

std::string counts_title(std::string_view what, const std::vector<HistogramPanel>& panels) {
  return fmt::format("{} per bin{}", what, needs_log_counts(panels) ? " (logarithmic)" : "");
}

/// The tiles that one picture shows.
using Tiles = std::span<const TileRecord>;

std::string conductance_stack(Tiles tiles, const std::string& id) {
  HistogramStack stack;
  std::string means;
  for (const TileRecord& tile : tiles) {
    stack.panels.push_back(conductance_panel(tile));
    const HistogramPanel& panel = stack.panels.back();
    means += fmt::format("{}: {}; {}. ", tile.name, panel.upper.name + panel.upper.note,
                         panel.lower.name + panel.lower.note);
  }
  stack.label = {id + "-g", "Conductances of the cells per tile", means};
  stack.x_title = "conductance, " + shorten(unit_name(tiles.front().conductances.unit), 8);
  stack.y_title = counts_title("cells", stack.panels);
  return render_histogram_stack(stack);
}

std::string weight_stack(Tiles tiles, const std::string& id) {
  HistogramStack stack;
  for (const TileRecord& tile : tiles) stack.panels.push_back(weight_panel(tile));
  stack.label = {id + "-w", "Weights per tile", "Distribution of the weights of each tile."};
  stack.x_title = "weight";
  stack.y_title = counts_title("weights", stack.panels);
  return render_histogram_stack(stack);
}

/// Conductances beside weights, a few tiles per picture.
std::string run_histograms(const RunRecord& run, std::size_t group_index) {
  std::string html;
  const Tiles tiles = run.tiles;
  for (std::size_t start = 0; start < tiles.size(); start += kTilesPerStack) {
    const Tiles part = tiles.subspan(start, std::min(kTilesPerStack, tiles.size() - start));
    const std::string id = fmt::format("tiles-{}-{}", group_index, start);
    const std::string pair = conductance_stack(part, id) + weight_stack(part, id);
    if (!pair.empty()) html += fmt::format("<div class=\"pair\">\n{}</div>\n", pair);
  }
  return html;
}

/// The first run of the group that recorded tiles; one seed stands for all.
const RunRecord* run_with_tiles(const RunGroup& group) {
  const auto found =
      std::find_if(group.runs.begin(), group.runs.end(), [](const RunRecord* r) { return !r->tiles.empty(); });
  return found == group.runs.end() ? nullptr : *found;
}

std::string run_title(const RunGroup& group, const RunRecord& run) {
  std::string title = escape_html(group.label);
  if (group.runs.size() > 1 && run.seed) title += fmt::format("<span class=\"sub\">, seed {} shown</span>", *run.seed);
  return title;
}

}  // namespace

std::string histogram_charts(std::span<const RunGroup> groups) {
  std::string html;
  std::size_t shown = 0;
  for (std::size_t k = 0; k < groups.size(); ++k) {
    const RunRecord* run = run_with_tiles(groups[k]);
    if (!run) continue;
    const std::string pictures = run_histograms(*run, k);
    if (pictures.empty()) continue;
    const std::string title = run_title(groups[k], *run);
    html += shown++ < kOpenGroups ? fmt::format("<h3>{}</h3>\n{}", title, pictures) : html_details(title, pictures);
  }
  if (html.empty()) return {};
  return html + html_note("A weight is the difference of two cells, G⁺ − G⁻. Each panel has its own count scale.");
}

}  // namespace ohmic::report
