#include "ohmic/report/svg.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <utility>

#include "ohmic/report/text.h"

namespace ohmic::report {
namespace {

/// A tenth of a pixel is more than any eye or printer resolves here.
std::string px(double value) {
  std::string text = fmt::format("{:.1f}", value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

std::string_view anchor_name(Anchor anchor) {
  switch (anchor) {
    case Anchor::start:
      return "start";
    case Anchor::middle:
      return "middle";
    case Anchor::end:
      return "end";
  }
  return "start";
}

std::string path_data(const std::vector<Pixel>& points) {
  std::string data;
  bool pen_down = false;
  for (const Pixel& point : points) {
    const bool finite = std::isfinite(point.x) && std::isfinite(point.y);
    if (finite) data += fmt::format("{}{} {}", pen_down ? "L" : "M", px(point.x), px(point.y));
    pen_down = finite;
  }
  return data;
}

/// Corners of a marker around the origin; all shapes have about the area of the disc of radius 1.
std::vector<Pixel> corners(Marker shape) {
  switch (shape) {
    case Marker::square:
      return {{-0.89, -0.89}, {0.89, -0.89}, {0.89, 0.89}, {-0.89, 0.89}};
    case Marker::diamond:
      return {{0, -1.3}, {1.3, 0}, {0, 1.3}, {-1.3, 0}};
    case Marker::triangle:
      return {{0, -1.35}, {1.25, 0.85}, {-1.25, 0.85}};
    case Marker::circle:
      break;
  }
  return {};
}

}  // namespace

Svg::Svg(const SvgLabel& label, double width, double height, std::string_view css_class) : id_(escape_html(label.id)) {
  out_ = fmt::format(
      "<svg class=\"{0}\" viewBox=\"0 0 {1} {2}\" width=\"{1}\" height=\"{2}\" role=\"img\" "
      "aria-labelledby=\"{3}-t {3}-d\">\n<title id=\"{3}-t\">{4}</title><desc id=\"{3}-d\">{5}</desc>\n",
      css_class, px(width), px(height), id_, escape_html(label.title), escape_html(label.description));
}

void Svg::line(std::string_view css_class, Pixel from, Pixel to) {
  fmt::format_to(std::back_inserter(out_), "<path class=\"{}\" d=\"M{} {}L{} {}\"/>\n", css_class, px(from.x),
                 px(from.y), px(to.x), px(to.y));
}

void Svg::polyline(std::string_view css_class, const std::vector<Pixel>& points) {
  fmt::format_to(std::back_inserter(out_), "<path class=\"{}\" d=\"{}\"/>\n", css_class, path_data(points));
}

void Svg::polygon(std::string_view css_class, const std::vector<Pixel>& points) {
  if (points.size() < 3) return;
  fmt::format_to(std::back_inserter(out_), "<path class=\"{}\" d=\"{}Z\"/>\n", css_class, path_data(points));
}

void Svg::text(std::string_view css_class, Pixel at, Anchor anchor, std::string_view content) {
  fmt::format_to(std::back_inserter(out_), "<text class=\"{}\" x=\"{}\" y=\"{}\" text-anchor=\"{}\">{}</text>\n",
                 css_class, px(at.x), px(at.y), anchor_name(anchor), escape_html(content));
}

void Svg::marker(std::string_view css_class, Marker shape, Pixel centre, double radius) {
  if (shape == Marker::circle) {
    fmt::format_to(std::back_inserter(out_), "<circle class=\"{}\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>\n", css_class,
                   px(centre.x), px(centre.y), px(radius));
    return;
  }
  std::vector<Pixel> points = corners(shape);
  for (Pixel& point : points) point = {centre.x + radius * point.x, centre.y + radius * point.y};
  polygon(css_class, points);
}

void Svg::hover_disc(Pixel centre, double radius, std::string_view tooltip) {
  fmt::format_to(std::back_inserter(out_),
                 "<circle class=\"hover\" cx=\"{}\" cy=\"{}\" r=\"{}\"><title>{}</title></circle>\n", px(centre.x),
                 px(centre.y), px(radius), escape_html(tooltip));
}

void Svg::hover_box(Pixel top_left, double width, double height, std::string_view tooltip) {
  fmt::format_to(std::back_inserter(out_),
                 "<rect class=\"hover\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"><title>{}</title></rect>\n",
                 px(top_left.x), px(top_left.y), px(width), px(height), escape_html(tooltip));
}

void Svg::begin_group(std::string_view css_class) { out_ += fmt::format("<g class=\"{}\">\n", css_class); }

void Svg::begin_clip(Pixel top_left, double width, double height) {
  const std::string clip_id = fmt::format("{}-c{}", id_, clips_++);
  fmt::format_to(std::back_inserter(out_),
                 "<clipPath id=\"{0}\"><rect x=\"{1}\" y=\"{2}\" width=\"{3}\" height=\"{4}\"/></clipPath>\n"
                 "<g clip-path=\"url(#{0})\">\n",
                 clip_id, px(top_left.x), px(top_left.y), px(width), px(height));
}

void Svg::end_group() { out_ += "</g>\n"; }

std::string Svg::finish() { return std::move(out_) + "</svg>\n"; }

}  // namespace ohmic::report
