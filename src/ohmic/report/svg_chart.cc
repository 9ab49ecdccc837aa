#include "ohmic/report/svg_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "ohmic/report/label_layout.h"
#include "ohmic/report/text.h"

namespace ohmic::report {
namespace {

constexpr double kFontSize = 13;
constexpr double kRow = 18;  ///< from one label to the next
constexpr std::size_t kMaxHoverDiscs = 60;

/// Sizes that depend on the room there is, in px.
struct Layout {
  double width;
  double height;
  double left;
  double right;
  double top;
  double bottom;
  double value_width;         ///< column of the values before the labels
  std::size_t label_letters;  ///< longer labels are cut
};

/// Maps values to pixels.
class Frame {
 public:
  Frame(const LineChart& chart, const Layout& layout) : chart_(chart), layout_(layout) {}

  double left() const { return layout_.left; }
  double right() const { return layout_.width - layout_.right; }
  double top() const { return layout_.top; }
  double bottom() const { return layout_.height - layout_.bottom; }
  double x(double value) const { return left() + chart_.x.fraction(value) * (right() - left()); }
  double y(double value) const { return bottom() - chart_.y.fraction(value) * (bottom() - top()); }
  Pixel at(const Series& series, double x_value, double y_value) const {
    return {x(x_value) + series.shift, y(y_value)};
  }
  Pixel at(const Series& series, const ChartPoint& point) const { return at(series, point.x, point.y); }
  double y_within(double value) const { return std::clamp(y(value), top(), bottom()); }
  bool shows(const ChartPoint& point) const {
    const Pixel p = {x(point.x), y(point.y)};
    return p.x >= left() - 0.5 && p.x <= right() + 0.5 && p.y >= top() - 0.5 && p.y <= bottom() + 0.5;
  }

 private:
  const LineChart& chart_;
  const Layout& layout_;
};

double widest(const LineChart& chart, std::string Series::*text, std::size_t letters) {
  double width = 0;
  for (const Series& series : chart.series)
    width = std::max(width, text_width(shorten(series.*text, letters), kFontSize));
  return width;
}

double tick_width(const Axis& axis) {
  double width = 0;
  for (const Tick& tick : axis.ticks) width = std::max(width, text_width(tick.label, kFontSize));
  return width;
}

double value_column(const LineChart& chart) {
  const double width = 1.1 * widest(chart, &Series::value, 16);  // bold is wider
  return width > 0 ? width + 8 : 0;
}

// Lines that go without a label of their own, beside one that has it, are left out.
std::size_t label_count(const LineChart& chart) {
  return static_cast<std::size_t>(std::count_if(chart.series.begin(), chart.series.end(),
                                                [](const Series& series) { return !series.label.empty(); }));
}

Layout wide_layout(const LineChart& chart) {
  constexpr std::size_t kLetters = 36;
  constexpr double kLeastRight = 140;  // lets the charts of most pages end at the same place
  const double rows = static_cast<double>(label_count(chart));
  Layout layout{};
  layout.width = 960;
  layout.height = std::max(400.0, kRow * rows + 110);
  layout.left = tick_width(chart.y) + 14;
  layout.value_width = value_column(chart);
  layout.label_letters = kLetters;
  layout.right = std::max(kLeastRight, 28 + layout.value_width + widest(chart, &Series::label, kLetters));
  layout.top = 40;
  layout.bottom = 50;
  return layout;
}

Layout narrow_layout(const LineChart& chart) {
  const double legend = kRow * static_cast<double>(label_count(chart));
  Layout layout{};
  layout.width = 400;
  layout.height = 330 + legend;
  layout.left = tick_width(chart.y) + 14;
  layout.right = 12;
  layout.top = 44 + legend;
  layout.bottom = 50;
  layout.value_width = value_column(chart);
  layout.label_letters = static_cast<std::size_t>((layout.width - 38 - layout.value_width) / (0.61 * kFontSize));
  return layout;
}

void draw_y_axis(Svg& svg, const LineChart& chart, const Frame& frame) {
  for (const Tick& tick : chart.y.ticks) {
    const double y = frame.y(tick.value);
    svg.line("grid", {frame.left(), y}, {frame.right(), y});
    svg.text("tick", {frame.left() - 8, y + 4.5}, Anchor::end, tick.label);
  }
  svg.text("axis-title", {0, frame.top() - 18}, Anchor::start, chart.y.title);
}

void draw_x_axis(Svg& svg, const LineChart& chart, const Frame& frame) {
  svg.line("axis", {frame.left(), frame.bottom()}, {frame.right(), frame.bottom()});
  double free_from = -1e9;
  for (const Tick& tick : chart.x.ticks) {
    const double x = frame.x(tick.value);
    svg.line("axis", {x, frame.bottom()}, {x, frame.bottom() + 5});
    const double half = text_width(tick.label, kFontSize) / 2;
    if (x - half < free_from) continue;
    svg.text("tick", {x, frame.bottom() + 20}, Anchor::middle, tick.label);
    free_from = x + half + 8;
  }
  svg.text("axis-title", {frame.right(), frame.bottom() + 41}, Anchor::end, chart.x.title);
}

std::string colour_class(const Series& series) { return fmt::format("k{}", series.colour); }

std::string_view line_class(LineStyle style) {
  switch (style) {
    case LineStyle::solid:
      return "line";
    case LineStyle::dashed:
      return "line dashed";
    case LineStyle::dotted:
      return "line dotted";
  }
  return "line";
}

void draw_band(Svg& svg, const Series& series, const Frame& frame) {
  std::vector<Pixel> outline;
  for (const ChartPoint& point : series.points) {
    if (std::isfinite(point.high)) outline.push_back(frame.at(series, point.x, point.high));
  }
  for (auto point = series.points.rbegin(); point != series.points.rend(); ++point) {
    if (std::isfinite(point->low)) outline.push_back(frame.at(series, point->x, point->low));
  }
  svg.polygon("band", outline);
}

void draw_error_bars(Svg& svg, const Series& series, const Frame& frame) {
  constexpr double kCap = 4;
  for (const ChartPoint& point : series.points) {
    if (!std::isfinite(point.low) || !std::isfinite(point.high)) continue;
    const double x = frame.x(point.x) + series.shift;
    const double low = frame.y(point.low);
    const double high = frame.y(point.high);
    svg.line("bar", {x, low}, {x, high});
    svg.line("bar", {x - kCap, low}, {x + kCap, low});
    svg.line("bar", {x - kCap, high}, {x + kCap, high});
  }
}

void draw_line(Svg& svg, const Series& series, const Frame& frame) {
  std::vector<Pixel> pixels;
  for (const ChartPoint& point : series.points) pixels.push_back(frame.at(series, point));
  svg.polyline(line_class(series.line), pixels);
  if (series.extent == Extent::error_bars) draw_error_bars(svg, series, frame);
}

/// Markers lie over every line. The clip would cut those on the frame in half, so they are drawn outside of it.
void draw_markers(Svg& svg, const Series& series, const Frame& frame) {
  const bool alone = series.points.size() == 1;
  if (!series.has_markers && !alone) return;
  svg.begin_group(colour_class(series));
  for (const ChartPoint& point : series.points) {
    if (frame.shows(point)) svg.marker("mark", series.marker, frame.at(series, point), 3.6);
  }
  svg.end_group();
}

void draw_hover(Svg& svg, const Series& series, const Frame& frame) {
  const std::size_t stride = (series.points.size() + kMaxHoverDiscs - 1) / kMaxHoverDiscs;
  for (std::size_t k = 0; k < series.points.size(); k += stride) {
    const ChartPoint& point = series.points[k];
    if (frame.shows(point) && !point.tooltip.empty()) svg.hover_disc(frame.at(series, point), 8, point.tooltip);
  }
}

void draw_series(Svg& svg, const LineChart& chart, const Frame& frame) {
  svg.begin_clip({frame.left() - 1, frame.top() - 2}, frame.right() - frame.left() + 7,
                 frame.bottom() - frame.top() + 3);
  for (const Series& series : chart.series) {
    svg.begin_group(colour_class(series));
    if (series.extent == Extent::band) draw_band(svg, series, frame);
    draw_line(svg, series, frame);
    svg.end_group();
  }
  svg.end_group();
  for (const Series& series : chart.series) draw_markers(svg, series, frame);
  for (const Series& series : chart.series) draw_hover(svg, series, frame);
}

/// The end of a line: its last point that has a value.
std::optional<ChartPoint> last_point(const Series& series) {
  for (auto point = series.points.rbegin(); point != series.points.rend(); ++point) {
    if (std::isfinite(point->y) && std::isfinite(point->x)) return *point;
  }
  return std::nullopt;
}

/// Value and name in two columns, in the colour of the line.
void draw_label(Svg& svg, const Series& series, const Layout& layout, Pixel at) {
  svg.begin_group(colour_class(series));
  if (layout.value_width > 0) svg.text("value", {at.x + layout.value_width - 8, at.y}, Anchor::end, series.value);
  svg.text("label", {at.x + layout.value_width, at.y}, Anchor::start, shorten(series.label, layout.label_letters));
  svg.end_group();
}

void draw_end_labels(Svg& svg, const LineChart& chart, const Frame& frame, const Layout& layout) {
  std::vector<const Series*> named;
  std::vector<Pixel> ends;
  std::vector<double> wanted;
  for (const Series& series : chart.series) {
    const auto end = last_point(series);
    if (!end || series.label.empty()) continue;
    named.push_back(&series);
    ends.push_back({frame.x(end->x), frame.y_within(end->y)});
    wanted.push_back(ends.back().y);
  }
  const std::vector<double> rows = spread_labels(wanted, kRow, frame.top(), frame.bottom());
  const double column = frame.right() + 24;
  for (std::size_t k = 0; k < named.size(); ++k) {
    const double elbow = frame.right() + 8;
    svg.polyline("leader", {{ends[k].x + 6, ends[k].y}, {elbow, ends[k].y}, {column - 4, rows[k]}});
    draw_label(svg, *named[k], layout, {column, rows[k] + 4.5});
  }
}

void draw_legend(Svg& svg, const LineChart& chart, const Layout& layout) {
  double y = 12;
  for (const Series& series : chart.series) {
    if (series.label.empty()) continue;
    svg.begin_group(colour_class(series));
    svg.line(line_class(series.line), {0, y - 4}, {24, y - 4});
    if (series.has_markers) svg.marker("mark", series.marker, {12, y - 4}, 3.6);
    svg.end_group();
    draw_label(svg, series, layout, {32, y});
    y += kRow;
  }
}

}  // namespace

std::string render_line_chart(const LineChart& chart, ChartSize size) {
  const bool wide = size == ChartSize::wide;
  const Layout layout = wide ? wide_layout(chart) : narrow_layout(chart);
  const Frame frame(chart, layout);
  SvgLabel label = chart.label;
  label.id += wide ? "-w" : "-n";
  Svg svg(label, layout.width, layout.height, wide ? "chart wide" : "chart narrow");
  draw_y_axis(svg, chart, frame);
  draw_x_axis(svg, chart, frame);
  draw_series(svg, chart, frame);
  if (wide) {
    draw_end_labels(svg, chart, frame, layout);
  } else {
    draw_legend(svg, chart, layout);
  }
  return svg.finish();
}

}  // namespace ohmic::report
