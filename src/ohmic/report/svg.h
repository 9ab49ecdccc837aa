#pragma once

// Writes one inline SVG element. Colours come from the classes of the page's style sheet, so that themes apply.

#include <string>
#include <string_view>
#include <vector>

namespace ohmic::report {

struct Pixel {
  double x;
  double y;
};

/// What a screen reader says of a picture.
struct SvgLabel {
  std::string id;  ///< unique on the page
  std::string title;
  std::string description;
};

enum class Anchor { start, middle, end };
enum class Marker { circle, square, diamond, triangle };

class Svg {
 public:
  Svg(const SvgLabel& label, double width, double height, std::string_view css_class);

  void line(std::string_view css_class, Pixel from, Pixel to);
  /// An open line through the points; pieces are separated by points that are not finite.
  void polyline(std::string_view css_class, const std::vector<Pixel>& points);
  void polygon(std::string_view css_class, const std::vector<Pixel>& points);
  void text(std::string_view css_class, Pixel at, Anchor anchor, std::string_view content);
  void marker(std::string_view css_class, Marker shape, Pixel centre, double radius);
  /// An invisible disc that shows `tooltip` under the pointer.
  void hover_disc(Pixel centre, double radius, std::string_view tooltip);
  /// An invisible rectangle that shows `tooltip` under the pointer.
  void hover_box(Pixel top_left, double width, double height, std::string_view tooltip);
  /// A group with a class; every begin needs an end.
  void begin_group(std::string_view css_class);
  /// A group that shows nothing outside the rectangle.
  void begin_clip(Pixel top_left, double width, double height);
  void end_group();

  /// The whole element; the writer is spent.
  std::string finish();

 private:
  std::string out_;
  std::string id_;
  int clips_ = 0;
};

}  // namespace ohmic::report
