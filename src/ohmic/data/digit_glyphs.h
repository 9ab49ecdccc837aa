#pragma once

#include <span>
#include <vector>

namespace ohmic {

struct Point {
  double x = 0;
  double y = 0;
};

/// One way to write a digit: smooth curves through shared points, in a box of width 1 and height 1 (y points down).
/// Strokes that meet in a corner share the point, so that jitter moves both.
struct DigitGlyph {
  std::vector<Point> points;
  std::vector<std::vector<int>> strokes;  ///< indices into points; first == last: a closed curve
};

/// The ways to write `digit` (0 to 9).
std::span<const DigitGlyph> glyphs_of(int digit);

}  // namespace ohmic
