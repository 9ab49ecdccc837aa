#include "ohmic/data/synthetic_digits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "ohmic/core/error.h"
#include "ohmic/data/digit_glyphs.h"

namespace ohmic {
namespace {

constexpr int kDigitSide = 28;
constexpr int kDigitClasses = 10;
constexpr int kSegmentsPerSpan = 6;  // straight pieces between two control points: finer is not visible at 28x28
constexpr double kBoxSide = 20;      // MNIST scales each digit to a box of 20x20 pixels

/// How one image is written: the ranges imitate the spread of hands in MNIST.
struct Handwriting {
  explicit Handwriting(KeyedDraws& random)
      : jitter(random.uniform(0.01, 0.055)),
        width(random.uniform(0.55, 1.0)),
        slant(0.15 + 0.2 * random.bell()),
        half_turn(0.055 * random.bell()),
        box(kBoxSide * random.uniform(0.86, 1.04)),
        shift{0.7 * random.bell(), 0.7 * random.bell()},
        pen_radius(random.uniform(0.9, 1.85)),
        softness(random.uniform(0.9, 1.5)),
        ink(random.uniform(0.88, 1.0)),
        noise(random.uniform(0.0, 0.05)) {}

  double jitter;      ///< standard deviation of each control point, in heights
  double width;       ///< over height
  double slant;       ///< horizontal shift per height
  double half_turn;   ///< tan of half the rotation angle
  double box;         ///< longer side, pixels
  Point shift;        ///< of the centre, pixels
  double pen_radius;  ///< pixels
  double softness;    ///< width of the grey rim, pixels
  double ink;         ///< brightness of the stroke, 0 to 1
  double noise;       ///< standard deviation of the brightness of inked pixels
};

using Polyline = std::vector<Point>;

Point place(Point point, const Handwriting& hand) {
  const double x = (point.x - 0.5) * hand.width - (point.y - 0.5) * hand.slant;
  const double y = point.y - 0.5;
  // Rotation by twice the arc tangent of half_turn, without sin and cos.
  const double scale = 1 / (1 + hand.half_turn * hand.half_turn);
  const double cosine = (1 - hand.half_turn * hand.half_turn) * scale;
  const double sine = 2 * hand.half_turn * scale;
  return {cosine * x - sine * y, sine * x + cosine * y};
}

std::vector<Point> place_points(const DigitGlyph& glyph, const Handwriting& hand, KeyedDraws& random) {
  std::vector<Point> placed;
  placed.reserve(glyph.points.size());
  for (const Point& point : glyph.points) {
    const double dx = hand.jitter * random.bell();
    const double dy = hand.jitter * random.bell();
    placed.push_back(place({point.x + dx, point.y + dy}, hand));
  }
  return placed;
}

/// Catmull-Rom spline from b to c at t in [0, 1], with neighbours a and d.
double spline(double a, double b, double c, double d, double t) {
  return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

Polyline trace_stroke(const std::vector<Point>& points, const std::vector<int>& stroke) {
  const int last = static_cast<int>(stroke.size()) - 1;
  const bool closed = stroke.front() == stroke.back();
  const auto at = [&](int i) {
    const int inside = closed ? (i + last) % last : std::clamp(i, 0, last);
    return points[static_cast<std::size_t>(stroke[static_cast<std::size_t>(inside)])];
  };
  Polyline line = {at(0)};
  for (int i = 0; i < last; ++i) {
    const Point a = at(i - 1), b = at(i), c = at(i + 1), d = at(i + 2);
    for (int step = 1; step <= kSegmentsPerSpan; ++step) {
      const double t = static_cast<double>(step) / kSegmentsPerSpan;
      line.push_back({spline(a.x, b.x, c.x, d.x, t), spline(a.y, b.y, c.y, d.y, t)});
    }
  }
  return line;
}

struct Bounds {
  Point low{1e9, 1e9};
  Point high{-1e9, -1e9};

  void include(Point point) {
    low = {std::min(low.x, point.x), std::min(low.y, point.y)};
    high = {std::max(high.x, point.x), std::max(high.y, point.y)};
  }
  double longer_side() const { return std::max(high.x - low.x, high.y - low.y); }
};

double distance(Point a, Point b) {
  const double dx = b.x - a.x, dy = b.y - a.y;
  return std::sqrt(dx * dx + dy * dy);
}

/// Centre of mass of the ink.
Point centre_of(const std::vector<Polyline>& lines) {
  Point sum;
  double total = 0;
  for (const Polyline& line : lines) {
    for (std::size_t i = 1; i < line.size(); ++i) {
      const double length = distance(line[i - 1], line[i]);
      sum.x += length * 0.5 * (line[i - 1].x + line[i].x);
      sum.y += length * 0.5 * (line[i - 1].y + line[i].y);
      total += length;
    }
  }
  return {sum.x / total, sum.y / total};
}

/// As in MNIST: the longer side fills the box, the centre of mass lies in the middle of the image (but for the shift).
void fit_into_box(std::vector<Polyline>& lines, const Handwriting& hand) {
  Bounds bounds;
  for (const Polyline& line : lines) {
    for (const Point& point : line) bounds.include(point);
  }
  const double scale = (hand.box - 2 * hand.pen_radius) / bounds.longer_side();
  const Point centre = centre_of(lines);
  for (Polyline& line : lines) {
    for (Point& point : line) {
      point.x = 0.5 * kDigitSide + hand.shift.x + scale * (point.x - centre.x);
      point.y = 0.5 * kDigitSide + hand.shift.y + scale * (point.y - centre.y);
    }
  }
}

double distance_to_segment(Point point, Point a, Point b) {
  const double dx = b.x - a.x, dy = b.y - a.y;
  const double square = dx * dx + dy * dy;
  const double along = square > 0 ? ((point.x - a.x) * dx + (point.y - a.y) * dy) / square : 0.0;
  const double t = std::clamp(along, 0.0, 1.0);
  return distance(point, {a.x + t * dx, a.y + t * dy});
}

using Image = std::array<double, kDigitSide * kDigitSide>;  // ink, 0 to 1

/// The pixels whose centres can be within `reach` of an interval of the given ends.
std::pair<int, int> pixel_range(double from, double to, double reach) {
  const int first = static_cast<int>(std::floor(std::min(from, to) - reach));
  const int last = static_cast<int>(std::ceil(std::max(from, to) + reach));
  return {std::clamp(first, 0, kDigitSide), std::clamp(last, 0, kDigitSide)};
}

void ink_segment(Image& image, Point a, Point b, const Handwriting& hand) {
  const double reach = hand.pen_radius + 0.5 * hand.softness;
  const auto [first_column, end_column] = pixel_range(a.x, b.x, reach);
  const auto [first_row, end_row] = pixel_range(a.y, b.y, reach);
  for (int row = first_row; row < end_row; ++row) {
    for (int column = first_column; column < end_column; ++column) {
      const double away = distance_to_segment({column + 0.5, row + 0.5}, a, b);
      const double cover = std::clamp((reach - away) / hand.softness, 0.0, 1.0);
      double& ink = image[static_cast<std::size_t>(row * kDigitSide + column)];
      ink = std::max(ink, cover);
    }
  }
}

Image ink_lines(const std::vector<Polyline>& lines, const Handwriting& hand) {
  Image image{};
  for (const Polyline& line : lines) {
    for (std::size_t i = 1; i < line.size(); ++i) ink_segment(image, line[i - 1], line[i], hand);
  }
  return image;
}

/// The background stays exactly black, as in MNIST: only inked pixels are noisy.
std::uint8_t to_byte(double ink, const Handwriting& hand, KeyedDraws& random) {
  if (ink <= 0) return 0;
  const double noisy = hand.ink * ink * (1 + hand.noise * random.bell());
  return static_cast<std::uint8_t>(std::clamp(noisy, 0.0, 1.0) * 255 + 0.5);
}

Split draw_split(int count, std::uint64_t seed, SplitKind kind) {
  constexpr std::size_t kPixels = std::size_t{kDigitSide} * kDigitSide;
  Split split;
  split.count = count;
  split.sample_shape = {kDigitSide, kDigitSide};
  split.labels.resize(static_cast<std::size_t>(count));
  split.pixels.resize(static_cast<std::size_t>(count) * kPixels);
  for (std::size_t i = 0; i < split.labels.size(); ++i) {
    const int digit = static_cast<int>(i % kDigitClasses);
    split.labels[i] = static_cast<std::uint8_t>(digit);
    draw_digit(digit, seed, kind, static_cast<std::uint32_t>(i), std::span(split.pixels).subspan(i * kPixels, kPixels));
  }
  return split;
}

}  // namespace

void draw_digit(int digit, std::uint64_t seed, SplitKind split, std::uint32_t index, std::span<std::uint8_t> pixels) {
  KeyedDraws random(seed, StandIn::digits, split, index);
  const auto glyphs = glyphs_of(digit);
  const DigitGlyph& glyph = glyphs[random.choice(glyphs.size())];
  const Handwriting hand(random);
  const std::vector<Point> points = place_points(glyph, hand, random);
  std::vector<Polyline> lines;
  for (const auto& stroke : glyph.strokes) lines.push_back(trace_stroke(points, stroke));
  fit_into_box(lines, hand);
  const Image image = ink_lines(lines, hand);
  OHMIC_EXPECT(pixels.size() == image.size());
  for (std::size_t i = 0; i < image.size(); ++i) pixels[i] = to_byte(image[i], hand, random);
}

Dataset make_synthetic_digits(const SyntheticDigitsOptions& options) {
  if (options.train_count < 1 || options.test_count < 1) {
    fail("synthetic_digits: {} training and {} test images are asked for; at least 1 of each is needed",
         options.train_count, options.test_count);
  }
  Dataset dataset;
  dataset.name = "synthetic_digits";
  dataset.synthetic = true;
  dataset.class_count = kDigitClasses;
  dataset.train = draw_split(options.train_count, options.seed, SplitKind::train);
  dataset.test = draw_split(options.test_count, options.seed, SplitKind::test);
  dataset.provenance = fmt::format("synthetic digits, {} training + {} test images, drawn by code (not MNIST)",
                                   options.train_count, options.test_count);
  return dataset;
}

}  // namespace ohmic
