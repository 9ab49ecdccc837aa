#include "ohmic/report/cost_charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ohmic/report/axis.h"
#include "ohmic/report/palette.h"
#include "ohmic/report/text.h"

namespace ohmic::report {
namespace {

constexpr double kCostWidth = 960, kBarRow = 26, kCostBarHeight = 16, kCostAxis = 42, kCostText = 13, kLegendRow = 24;
constexpr std::size_t kNameLetters = 34;

std::string fill_class(int colour) {
  const auto known = static_cast<int>(kPalette.size());
  return colour < known ? fmt::format("mark k{}", colour) : fmt::format("bar k{}", kNeutralColour);
}

std::vector<Pixel> box(double x, double y, double width, double height) {
  return {{x, y}, {x + width, y}, {x + width, y + height}, {x, y + height}};
}

// Widest name, with room behind it.
template <class Rows>
double name_column(const Rows& rows) {
  double width = 0;
  for (const auto& row : rows) width = std::max(width, text_width(shorten(row.name, kNameLetters), kCostText));
  return width + 12;
}

// Names of colours in a line over the chart; returns its height.
double draw_legend(Svg& svg, const std::vector<std::pair<int, std::string>>& legend, double left) {
  double x = left;
  for (const auto& [colour, name] : legend) {
    svg.polygon(fill_class(colour), box(x, 3, 11, 11));
    svg.text("tick", {x + 16, 13}, Anchor::start, name);
    x += 34 + text_width(name, kCostText);
  }
  return legend.empty() ? 4 : kLegendRow;
}

void draw_axis(Svg& svg, const Axis& axis, double left, double width, double top, double bottom) {
  for (const Tick& tick : axis.ticks) {
    const double x = left + width * axis.fraction(tick.value);
    svg.line("grid", {x, top}, {x, bottom});
    svg.text("tick", {x, bottom + 17}, Anchor::middle, tick.label);
  }
  svg.text("axis-title", {left + width / 2, bottom + 37}, Anchor::middle, axis.title);
}

double longest(const std::vector<StackedBar>& bars) {
  double most = 0;
  for (const StackedBar& bar : bars) {
    double sum = 0;
    for (const BarPart& part : bar.parts) sum += part.value;
    most = std::max(most, sum);
  }
  return most > 0 ? most : 1;
}

}  // namespace

std::string render_stacked_bars(const StackedBars& chart) {
  const double left = name_column(chart.bars);
  double right = 0;
  for (const StackedBar& bar : chart.bars) right = std::max(right, text_width(bar.total, kCostText) + 12);
  const double height = kBarRow * static_cast<double>(chart.bars.size()), width = kCostWidth - left - right;
  const double legend_height = chart.legend.empty() ? 4 : kLegendRow;
  Svg svg(chart.label, kCostWidth, legend_height + height + kCostAxis, "chart");
  draw_legend(svg, chart.legend, left);
  const Axis axis = linear_axis(chart.axis, 0, longest(chart.bars), 8);
  draw_axis(svg, axis, left, width, legend_height, legend_height + height);
  for (std::size_t b = 0; b < chart.bars.size(); ++b) {
    const StackedBar& bar = chart.bars[b];
    const double y = legend_height + kBarRow * static_cast<double>(b) + (kBarRow - kCostBarHeight) / 2;
    svg.text("tick", {left - 8, y + 13}, Anchor::end, shorten(bar.name, kNameLetters));
    double x = left;
    for (const BarPart& part : bar.parts) {
      const double length = width * axis.fraction(part.value);
      if (length > 0.05) svg.polygon(fill_class(part.colour), box(x, y, length, kCostBarHeight));
      svg.hover_box({x, y}, length, kCostBarHeight, part.tooltip);
      x += length;
    }
    svg.text("tick", {x + 6, y + 13}, Anchor::start, bar.total);
  }
  return svg.finish();
}

namespace {

constexpr double kFlowHeight = 420, kNodeWidth = 14, kNodeGap = 12;

struct PlacedNode {
  double top = 0, height = 0;
  double used = 0;  // by bands so far
};

// Heights in proportion to what flows through, but none below a pixel.
std::vector<PlacedNode> place_nodes(const std::vector<double>& sums) {
  double all = 0;
  for (const double s : sums) all += s;
  const double room = kFlowHeight - kNodeGap * static_cast<double>(sums.size() - 1);
  std::vector<PlacedNode> nodes;
  double top = 0;
  for (const double s : sums) {
    const double height = std::max(1.0, all > 0 ? room * s / all : 0);
    nodes.push_back({top, height, 0});
    top += height + kNodeGap;
  }
  return nodes;
}

// Upper and lower edge as curves of short lines.
std::vector<Pixel> band_outline(Pixel from, Pixel to, double thick_from, double thick_to) {
  constexpr int kSteps = 24;
  std::vector<Pixel> points;
  const auto edge = [&](int k, double a, double b) {
    const double t = static_cast<double>(k) / kSteps, smooth = t * t * (3 - 2 * t);
    points.push_back({from.x + t * (to.x - from.x), a + smooth * (b - a)});
  };
  for (int k = 0; k <= kSteps; ++k) edge(k, from.y, to.y);
  for (int k = kSteps; k >= 0; --k) edge(k, from.y + thick_from, to.y + thick_to);
  return points;
}

void draw_nodes(Svg& svg, const std::vector<FlowNode>& nodes, const std::vector<PlacedNode>& placed, double x,
                Anchor anchor) {
  double free_from = -1e9;  // names of thin nodes must not lie on each other
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    svg.polygon(fill_class(nodes[n].colour), box(x, placed[n].top, kNodeWidth, placed[n].height));
    const double at = anchor == Anchor::end ? x - 8 : x + kNodeWidth + 8;
    const double y = std::max(free_from, placed[n].top + placed[n].height / 2 + 4);
    svg.text("tick", {at, y}, anchor, fmt::format("{}  {}", nodes[n].name, nodes[n].amount));
    free_from = y + 17;
  }
}

}  // namespace

std::string render_flow(const FlowChart& chart) {
  std::vector<double> from(chart.from.size()), to(chart.to.size());
  for (const FlowBand& band : chart.bands) {
    from[band.from] += band.value;
    to[band.to] += band.value;
  }
  std::vector<PlacedNode> left = place_nodes(from), right = place_nodes(to);
  const double margin = 210;
  Svg svg(chart.label, kCostWidth, kFlowHeight + 40, "chart");
  for (const FlowBand& band : chart.bands) {
    if (band.value <= 0) continue;
    PlacedNode &a = left[band.from], &b = right[band.to];
    const double thick_a = a.height * band.value / from[band.from], thick_b = b.height * band.value / to[band.to];
    const Pixel begin{margin + kNodeWidth, a.top + a.used}, end{kCostWidth - margin - kNodeWidth, b.top + b.used};
    const std::string colour = fmt::format("fill k{}", std::min(chart.from[band.from].colour, kNeutralColour));
    svg.polygon(colour, band_outline(begin, end, thick_a, thick_b));
    svg.hover_disc({(begin.x + end.x) / 2, (begin.y + end.y + (thick_a + thick_b) / 2) / 2},
                   std::max(4.0, (thick_a + thick_b) / 4), band.tooltip);
    a.used += thick_a;
    b.used += thick_b;
  }
  draw_nodes(svg, chart.from, left, margin, Anchor::end);
  draw_nodes(svg, chart.to, right, kCostWidth - margin - kNodeWidth, Anchor::start);
  return svg.finish();
}

std::string render_tornado(const TornadoChart& chart) {
  double low = chart.middle, high = chart.middle;
  for (const TornadoBar& bar : chart.bars) {
    low = std::min({low, bar.at_low, bar.at_high});
    high = std::max({high, bar.at_low, bar.at_high});
  }
  for (const auto& reference : chart.references) {
    low = std::min(low, reference.first);
    high = std::max(high, reference.first);
  }
  const double left = name_column(chart.bars), width = kCostWidth - left - 30;
  const double top = 22, bottom = top + kBarRow * static_cast<double>(chart.bars.size());
  Svg svg(chart.label, kCostWidth, bottom + kCostAxis, "chart");
  const Axis axis = log_axis(chart.axis, low, high);
  draw_axis(svg, axis, left, width, top, bottom);
  draw_legend(svg, {{0, "at its low end"}, {1, "at its high end"}}, left);
  const auto x = [&](double value) { return left + width * axis.fraction(value); };
  for (std::size_t b = 0; b < chart.bars.size(); ++b) {
    const TornadoBar& bar = chart.bars[b];
    const double y = top + kBarRow * static_cast<double>(b) + (kBarRow - kCostBarHeight) / 2;
    svg.text("tick", {left - 8, y + 13}, Anchor::end, shorten(bar.name, kNameLetters));
    const auto part = [&](double value, int colour) {
      const double from = std::min(x(value), x(chart.middle)), to = std::max(x(value), x(chart.middle));
      svg.polygon(fill_class(colour), box(from, y, std::max(0.5, to - from), kCostBarHeight));
      svg.hover_box({from, y}, std::max(4.0, to - from), kCostBarHeight, bar.tooltip);
    };
    part(bar.at_low, 0);
    part(bar.at_high, 1);
  }
  svg.line("axis", {x(chart.middle), top}, {x(chart.middle), bottom});
  for (const auto& [value, name] : chart.references) {
    svg.line("leader", {x(value), top}, {x(value), bottom});
    svg.text("tick", {x(value), top - 6}, Anchor::middle, name);
  }
  return svg.finish();
}

}  // namespace ohmic::report
