#include "ohmic/report/svg_histogram.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ohmic/report/axis.h"
#include "ohmic/report/text.h"

namespace ohmic::report {
namespace {

constexpr double kWidth = 470;
constexpr double kLeft = 48;
constexpr double kRight = 12;
constexpr double kTop = 22;     ///< room for the title of the vertical axis
constexpr double kHeader = 26;  ///< room for the name of a tile and the label of its upper side
constexpr double kPlot = 104;   ///< height of a panel's plot
constexpr double kFooter = 20;  ///< room for the label of the lower side
constexpr double kPanel = kHeader + kPlot + kFooter;
constexpr double kBottom = 44;
constexpr std::size_t kMaxHoverBins = 200;

double largest(const std::vector<double>& counts) {
  return counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
}

double largest(const HistogramPanel& panel) {
  return std::max(largest(panel.upper.counts), largest(panel.lower.counts));
}

double count_at(const HistogramSide& side, std::size_t bin) { return bin < side.counts.size() ? side.counts[bin] : 0; }

/// True if nearly all counts lie in a few of many occupied bins. The effective number of bins is the inverse
/// participation ratio, (sum n)^2 / sum n^2.
bool is_concentrated(const std::vector<double>& counts) {
  double sum = 0;
  double sum_of_squares = 0;
  int occupied = 0;
  for (const double count : counts) {
    sum += count;
    sum_of_squares += count * count;
    occupied += count > 0 ? 1 : 0;
  }
  return occupied >= 12 && sum * sum < 4 * sum_of_squares;
}

/// Height of a bar as a fraction of its side. A logarithmic bar starts at half a cell, so that one cell shows.
class CountScale {
 public:
  CountScale(double max, Scale scale) : max_(std::max(max, 1.0)), scale_(scale) {}

  double fraction(double count) const {
    if (scale_ == Scale::linear) return count / max_;
    return count <= 0.5 ? 0 : std::log(count / 0.5) / std::log(max_ / 0.5);
  }
  std::vector<double> ticks() const {
    if (scale_ == Scale::linear) return {0, nice_ticks(0, max_, 3)[1]};
    const double decades = std::floor(std::log10(max_));
    return {1, std::pow(10.0, decades)};
  }

 private:
  double max_;
  Scale scale_;
};

/// The horizontal axis over all bins that hold anything.
Axis common_axis(const HistogramStack& stack) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const HistogramPanel& panel : stack.panels) {
    for (std::size_t bin = 0; bin + 1 < panel.edges.size(); ++bin) {
      if (count_at(panel.upper, bin) + count_at(panel.lower, bin) <= 0) continue;
      low = std::min(low, panel.edges[bin]);
      high = std::max(high, panel.edges[bin + 1]);
    }
  }
  return linear_axis(stack.x_title, low, high, 7);
}

/// One panel's place: base line and the room on each side of it.
struct PanelFrame {
  double top;
  double base;
  double bottom;
  const Axis& axis;

  double x(double value) const {
    return kLeft + std::clamp(axis.fraction(value), 0.0, 1.0) * (kWidth - kLeft - kRight);
  }
};

void draw_side(Svg& svg, const HistogramPanel& panel, const HistogramSide& side, const PanelFrame& frame,
               const CountScale& scale, double room) {
  if (side.counts.empty()) return;
  std::vector<Pixel> steps;
  for (std::size_t bin = 0; bin < side.counts.size(); ++bin) {
    const double y = frame.base - scale.fraction(side.counts[bin]) * room;
    steps.push_back({frame.x(panel.edges[bin]), y});
    steps.push_back({frame.x(panel.edges[bin + 1]), y});
  }
  steps.insert(steps.begin(), {steps.front().x, frame.base});
  steps.push_back({steps.back().x, frame.base});
  svg.begin_group(fmt::format("k{}", side.colour));
  svg.polygon("fill", steps);
  svg.polyline("step", steps);
  const double label_y = room > 0 ? frame.top - 8 : frame.bottom + 15;
  svg.text("value", {kWidth - kRight, label_y}, Anchor::end, side.name + side.note);
  svg.end_group();
}

void draw_count_ticks(Svg& svg, const CountScale& scale, const PanelFrame& frame, double room) {
  for (const double count : scale.ticks()) {
    const double y = frame.base - scale.fraction(count) * room;
    if (count > 1) svg.line("grid", {kLeft, y}, {kWidth - kRight, y});
    // On a mirrored panel the base line belongs to both sides.
    if (count > 1 || room > 0) svg.text("tick", {kLeft - 7, y + 4}, Anchor::end, format_compact(count));
  }
}

std::string bin_tooltip(const HistogramPanel& panel, std::size_t bin) {
  const double width = panel.edges[bin + 1] - panel.edges[bin];
  const std::string text =
      fmt::format("{} to {}: ", format_tick(panel.edges[bin], width), format_tick(panel.edges[bin + 1], width));
  const std::string upper = format_count(count_at(panel.upper, bin));
  if (panel.lower.counts.empty()) return text + upper;
  return text + fmt::format("{} {}, {} {}", panel.upper.name, upper, panel.lower.name,
                            format_count(count_at(panel.lower, bin)));
}

void draw_hover(Svg& svg, const HistogramPanel& panel, const PanelFrame& frame) {
  if (panel.edges.size() > kMaxHoverBins) return;
  for (std::size_t bin = 0; bin + 1 < panel.edges.size(); ++bin) {
    const double left = frame.x(panel.edges[bin]);
    const double width = frame.x(panel.edges[bin + 1]) - left;
    if (width > 0) svg.hover_box({left, frame.top}, width, frame.bottom - frame.top, bin_tooltip(panel, bin));
  }
}

void draw_panel(Svg& svg, const HistogramPanel& panel, const Axis& axis, double top, Scale scale_kind) {
  const bool mirrored = !panel.lower.counts.empty();
  const double base = top + (mirrored ? kPlot / 2 : kPlot);
  const PanelFrame frame{top, base, top + kPlot, axis};
  const CountScale scale(largest(panel), scale_kind);
  const double room = base - top;
  const std::string name = shorten(panel.name, 20);
  svg.text("panel-name", {kLeft, top - 8}, Anchor::start, name);
  svg.text("tick", {kLeft + 10 + text_width(name, 12), top - 8}, Anchor::start, panel.note);
  draw_count_ticks(svg, scale, frame, room);
  if (mirrored) draw_count_ticks(svg, scale, frame, -room);
  draw_side(svg, panel, panel.upper, frame, scale, room);
  draw_side(svg, panel, panel.lower, frame, scale, -room);
  svg.line("axis", {kLeft, base}, {kWidth - kRight, base});
  draw_hover(svg, panel, frame);
}

void draw_shared_axis(Svg& svg, const Axis& axis, double y) {
  const PanelFrame frame{y, y, y, axis};
  svg.line("axis", {kLeft, y}, {kWidth - kRight, y});
  for (const Tick& tick : axis.ticks) {
    const double x = frame.x(tick.value);
    svg.line("axis", {x, y}, {x, y + 5});
    svg.text("tick", {x, y + 18}, Anchor::middle, tick.label);
  }
  svg.text("axis-title", {kWidth - kRight, y + 37}, Anchor::end, axis.title);
}

}  // namespace

bool needs_log_counts(const std::vector<HistogramPanel>& panels) {
  return std::any_of(panels.begin(), panels.end(), [](const HistogramPanel& panel) {
    return is_concentrated(panel.upper.counts) || is_concentrated(panel.lower.counts);
  });
}

std::string render_histogram_stack(const HistogramStack& stack) {
  const bool any = std::any_of(stack.panels.begin(), stack.panels.end(), [](const auto& p) { return largest(p) > 0; });
  if (!any) return {};
  const Axis axis = common_axis(stack);
  const Scale scale = needs_log_counts(stack.panels) ? Scale::logarithmic : Scale::linear;
  const double height = kTop + static_cast<double>(stack.panels.size()) * kPanel + kBottom;
  Svg svg(stack.label, kWidth, height, "chart histogram");
  svg.text("axis-title", {0, 13}, Anchor::start, stack.y_title);
  double top = kTop;
  for (const HistogramPanel& panel : stack.panels) {
    draw_panel(svg, panel, axis, top + kHeader, scale);
    top += kPanel;
  }
  draw_shared_axis(svg, axis, top);
  return svg.finish();
}

}  // namespace ohmic::report
