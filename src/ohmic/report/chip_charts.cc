#include "ohmic/report/chip_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ohmic/report/axis.h"
#include "ohmic/report/palette.h"
#include "ohmic/report/text.h"

namespace ohmic::report {
namespace {

constexpr double kChartWidth = 960, kRowHeight = 15, kAxisHeight = 42, kTextSize = 13;
constexpr int kColours = kNeutralColour;  // grey is for references

std::string colour_class(std::string_view what, int number) { return fmt::format("{} k{}", what, number % kColours); }

std::vector<Pixel> rectangle(double x, double y, double width, double height) {
  return {{x, y}, {x + width, y}, {x + width, y + height}, {x, y + height}};
}

// A line with a width: the style sheet knows no widths between.
std::vector<Pixel> thick_line(Pixel a, Pixel b, double width) {
  const double dx = b.x - a.x, dy = b.y - a.y, length = std::max(1e-9, std::hypot(dx, dy));
  const double nx = -dy / length * width / 2, ny = dx / length * width / 2;
  return {{a.x + nx, a.y + ny}, {b.x + nx, b.y + ny}, {b.x - nx, b.y - ny}, {a.x - nx, a.y - ny}};
}

}  // namespace

std::string render_gantt(const GanttChart& chart) {
  constexpr std::size_t kMostLetters = 30;
  double left = 0;
  for (const GanttRow& row : chart.rows) {
    left = std::max(left, text_width(shorten(row.name, kMostLetters), kTextSize) + 12);
  }
  const double height = kRowHeight * static_cast<double>(chart.rows.size()), width = kChartWidth - left - 16;
  Svg svg(chart.label, kChartWidth, height + kAxisHeight, "chart");
  const Axis axis{"tick", Scale::linear, 0, std::max(1.0, chart.end)};
  const auto x = [&](double tick) { return left + width * axis.fraction(tick); };
  for (const double tick : nice_ticks(0, chart.end, 8)) {
    svg.line("grid", {x(tick), 0}, {x(tick), height});
    svg.text("tick", {x(tick), height + 17}, Anchor::middle, format_count(tick));
  }
  svg.text("axis-title", {left + width / 2, height + 37}, Anchor::middle, "ticks");
  for (std::size_t r = 0; r < chart.rows.size(); ++r) {
    const double y = kRowHeight * static_cast<double>(r);
    svg.text("tick", {left - 8, y + 12}, Anchor::end, shorten(chart.rows[r].name, kMostLetters));
    for (const GanttBar& bar : chart.rows[r].bars) {
      const double bar_width = std::max(1.5, x(bar.end) - x(bar.begin));
      // Samples that overlap in time stand under each other.
      const double top = y + 1.5 + (bar.sample % 2 == 0 ? 0 : 6);
      svg.polygon(colour_class("mark", bar.sample), rectangle(x(bar.begin), top, bar_width, 6));
      svg.hover_box({x(bar.begin), top}, bar_width, 6, bar.tooltip);
    }
  }
  return svg.finish();
}

std::string render_floor_plan(const FloorPlan& plan) {
  const auto columns = static_cast<double>(std::max(1, plan.columns));
  const double cell = std::min(64.0, kChartWidth / columns), side = 0.62 * cell;
  const auto rows = std::ceil(static_cast<double>(plan.cores.size()) / columns);
  Svg svg(plan.label, cell * columns, cell * rows, "chart");
  const auto centre = [&](int core) {
    const int row = core / plan.columns, column = core % plan.columns;
    return Pixel{(column + 0.5) * cell, (row + 0.5) * cell};
  };
  const double widest = 0.3 * cell;
  for (const FloorLink& link : plan.links) {
    const Pixel a = centre(link.from), b = centre(link.to);
    svg.polygon("fill k0", thick_line(a, b, std::max(0.5, widest * link.share)));
    const double reach = 0.15 * cell;
    svg.hover_disc({(a.x + b.x) / 2, (a.y + b.y) / 2}, reach, link.tooltip);
  }
  for (std::size_t c = 0; c < plan.cores.size(); ++c) {
    const FloorCore& core = plan.cores[c];
    const Pixel at = centre(static_cast<int>(c));
    const Pixel corner{at.x - side / 2, at.y - side / 2};
    if (core.group < 0) {
      svg.polygon("grid", rectangle(corner.x, corner.y, side, side));
      continue;
    }
    svg.polygon(colour_class("mark", core.group), rectangle(corner.x, corner.y, side, side));
    svg.hover_box(corner, side, side, core.tooltip);
  }
  return svg.finish();
}

}  // namespace ohmic::report
