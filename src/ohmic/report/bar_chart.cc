#include "ohmic/report/bar_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ohmic/report/axis.h"
#include "ohmic/report/palette.h"
#include "ohmic/report/text.h"

namespace ohmic::report {
namespace {

constexpr double kBarsWidth = 960, kBarHeight = 8, kRowGap = 7, kBarsAxis = 42, kLegend = 24, kBarLetters = 13;
constexpr std::size_t kMostNameLetters = 34;

std::string bar_colour(std::size_t k) { return fmt::format("mark k{}", k % kNeutralColour); }

std::vector<Pixel> corners(double x, double y, double width, double height) {
  return {{x, y}, {x + width, y}, {x + width, y + height}, {x, y + height}};
}

Axis bars_axis(const BarChart& chart) {
  double low = 0, high = 0;
  for (const BarRow& row : chart.rows) {
    for (const double value : row.values) {
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  return linear_axis(chart.title, low, high > low ? high : low + 1, 8);
}

}  // namespace

std::string render_bars(const BarChart& chart) {
  const std::size_t bars = std::max<std::size_t>(1, chart.quantities.size());
  const double row_height = static_cast<double>(bars) * kBarHeight + kRowGap;
  const double legend = bars > 1 ? kLegend : 0;
  const double height = row_height * static_cast<double>(chart.rows.size());
  double left = 0;
  for (const BarRow& row : chart.rows) {
    left = std::max(left, text_width(shorten(row.name, kMostNameLetters), kBarLetters) + 12);
  }
  const double width = kBarsWidth - left - 24;
  Svg svg(chart.label, kBarsWidth, legend + height + kBarsAxis, "chart");
  const Axis axis = bars_axis(chart);
  const auto x = [&](double value) { return left + width * axis.fraction(value); };
  double at = left;
  for (std::size_t k = 0; k < chart.quantities.size() && bars > 1; ++k) {
    svg.polygon(bar_colour(k), corners(at, 4, 12, 10));
    svg.text("tick", {at + 17, 13}, Anchor::start, chart.quantities[k]);
    at += text_width(chart.quantities[k], kBarLetters) + 40;
  }
  for (const Tick& tick : axis.ticks) {
    svg.line("grid", {x(tick.value), legend}, {x(tick.value), legend + height});
    svg.text("tick", {x(tick.value), legend + height + 17}, Anchor::middle, tick.label);
  }
  svg.text("axis-title", {left + width / 2, legend + height + 37}, Anchor::middle, chart.title);
  for (std::size_t r = 0; r < chart.rows.size(); ++r) {
    const BarRow& row = chart.rows[r];
    const double top = legend + row_height * static_cast<double>(r) + kRowGap / 2;
    svg.text("tick", {left - 8, top + row_height / 2}, Anchor::end, shorten(row.name, kMostNameLetters));
    for (std::size_t k = 0; k < row.values.size(); ++k) {
      if (!std::isfinite(row.values[k])) continue;
      const double from = std::min(x(0), x(row.values[k])), length = std::max(1.0, std::abs(x(row.values[k]) - x(0)));
      const double y = top + static_cast<double>(k) * kBarHeight;
      svg.polygon(bar_colour(k), corners(from, y, length, kBarHeight - 1));
      if (k < row.tooltips.size()) svg.hover_box({from, y}, length, kBarHeight, row.tooltips[k]);
    }
  }
  return svg.finish();
}

}  // namespace ohmic::report
