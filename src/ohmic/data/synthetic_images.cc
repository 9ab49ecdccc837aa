#include "ohmic/data/synthetic_images.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr int kImageClasses = 10;

struct Form {
  int side;
  std::size_t channels;
  std::size_t size() const { return channels * static_cast<std::size_t>(side) * static_cast<std::size_t>(side); }
};

Form form_of(ImageKind kind) { return kind == ImageKind::colour ? Form{32, 3} : Form{28, 1}; }

// Shapes by their signed distance, negative inside, in a box from -1 to 1.

double length(double u, double v) { return std::sqrt(u * u + v * v); }

double square(double u, double v, double half) { return std::max(std::abs(u), std::abs(v)) - half; }

/// Bands of equal width, `period` wide with the gap.
double bands(double u, double period) {
  const double at = u / period - std::floor(u / period);
  return (std::abs(at - 0.5) - 0.25) * period;
}

double triangle(double u, double v) { return std::max(v - 0.65, 0.87 * std::abs(u) - 0.5 * v - 0.5); }

double cross(double u, double v) {
  const double a = std::abs(u), b = std::abs(v);
  return std::min(std::max(a - 0.27, b - 0.95), std::max(a - 0.95, b - 0.27));
}

double crescent(double u, double v) { return std::max(length(u, v) - 0.95, 0.8 - length(u - 0.5, v)); }

double checks(double u, double v) {
  const double a = bands(u, 0.9), b = bands(v, 0.9);
  return std::max(std::max(std::min(a, b), -std::max(a, b)), square(u, v, 0.9));
}

double dots(double u, double v) {
  constexpr double kSpacing = 0.62;
  const double a = u / kSpacing - std::floor(u / kSpacing + 0.5), b = v / kSpacing - std::floor(v / kSpacing + 0.5);
  return std::max(length(a, b) * kSpacing - 0.2, square(u, v, 0.93));
}

double distance_to_shape(int label, double u, double v) {
  switch (label) {
    case 0:
      return length(u, v) - 0.9;
    case 1:
      return std::abs(length(u, v) - 0.72) - 0.2;
    case 2:
      return square(u, v, 0.8);
    case 3:
      return std::abs(square(u, v, 0.7)) - 0.17;
    case 4:
      return triangle(u, v);
    case 5:
      return cross(u, v);
    case 6:
      return crescent(u, v);
    case 7:
      return std::max(bands(v, 0.5), length(u, v) - 0.95);
    case 8:
      return checks(u, v);
    default:
      return dots(u, v);
  }
}

using Colour = std::array<double, 3>;  // 0 to 1, but for what is cut off in the end

/// The tendency of each class, so that colour says something, as in photographs.
constexpr std::array<Colour, kImageClasses> kTints = {{{0.9, 0.1, 0.1},
                                                       {0.1, 0.8, 0.2},
                                                       {0.1, 0.2, 0.9},
                                                       {0.8, 0.8, 0.1},
                                                       {0.8, 0.1, 0.8},
                                                       {0.1, 0.8, 0.8},
                                                       {0.9, 0.5, 0.1},
                                                       {0.5, 0.9, 0.5},
                                                       {0.5, 0.5, 0.9},
                                                       {0.9, 0.6, 0.7}}};

Colour any_colour(KeyedDraws& random, double low, double high) {
  Colour colour;
  for (double& channel : colour) channel = random.uniform(low, high);
  return colour;
}

Colour mix(const Colour& a, const Colour& b, double share_of_b) {
  Colour mixed;
  for (std::size_t c = 0; c < 3; ++c) mixed[c] = a[c] + (b[c] - a[c]) * share_of_b;
  return mixed;
}

double brightness(const Colour& colour) { return (colour[0] + colour[1] + colour[2]) / 3; }

/// Where the shape lies, and how it is turned.
struct Placing {
  Placing(KeyedDraws& random, int side)
      : x(side * random.uniform(0.37, 0.63)),
        y(side * random.uniform(0.37, 0.63)),
        radius(side * random.uniform(0.24, 0.40)),
        width(random.uniform(0.8, 1.25)) {
    // Rotation by twice the arc tangent of half_turn, without sin and cos.
    const double half_turn = 0.12 * random.bell();
    const double scale = 1 / (1 + half_turn * half_turn);
    cosine = (1 - half_turn * half_turn) * scale;
    sine = 2 * half_turn * scale;
  }

  double x, y, radius;  ///< pixels
  double width;         ///< over height
  double cosine = 1, sine = 0;
};

/// How much of the pixel is covered, 0 to 1.
double cover_at(const Placing& placing, int label, int row, int column) {
  const double dx = column + 0.5 - placing.x, dy = row + 0.5 - placing.y;
  const double u = (placing.cosine * dx + placing.sine * dy) / (placing.radius * placing.width);
  const double v = (placing.cosine * dy - placing.sine * dx) / placing.radius;
  return std::clamp(0.5 - distance_to_shape(label, u, v) * placing.radius, 0.0, 1.0);
}

/// The colours of one image: background and shape each run from one colour to another across the image.
struct Paint {
  Paint(KeyedDraws& random, int label) {
    constexpr double kLeastContrast = 0.28;
    constexpr double kTint = 0.35;
    const Colour& tint = kTints[static_cast<std::size_t>(label)];
    ground = {any_colour(random, 0.05, 0.95), {}};
    ground[1] = mix(ground[0], any_colour(random, 0, 1), 0.5);
    Colour ink = mix(any_colour(random, 0, 1), tint, kTint);
    const double behind = brightness(mix(ground[0], ground[1], 0.5));
    const bool lighter = random.unit() < 0.5 + 0.5 * (0.5 - behind);
    const double wanted = behind + (lighter ? 1 : -1) * (kLeastContrast + random.uniform(0, 0.2));
    const double lift = wanted - brightness(ink);
    for (double& channel : ink) channel += lift;
    shape = {ink, mix(ink, any_colour(random, 0, 1), 0.25)};
    noise = random.uniform(0.02, 0.09);
    across = random.uniform(-1, 1);
  }

  std::array<Colour, 2> ground, shape;
  double noise;   ///< standard deviation
  double across;  ///< direction of the gradients
};

std::uint8_t to_byte(double value) { return static_cast<std::uint8_t>(std::clamp(value, 0.0, 1.0) * 255 + 0.5); }

void draw_colour(int label, KeyedDraws& random, std::span<std::uint8_t> pixels) {
  constexpr int kSide = 32;
  constexpr std::size_t kPlane = kSide * kSide;
  const Placing placing(random, kSide);
  const Paint paint(random, label);
  for (int row = 0; row < kSide; ++row) {
    for (int column = 0; column < kSide; ++column) {
      const double along =
          0.5 + 0.5 * (paint.across * (column - 15.5) + (1 - std::abs(paint.across)) * (row - 15.5)) / 16;
      const Colour colour = mix(mix(paint.ground[0], paint.ground[1], along),
                                mix(paint.shape[0], paint.shape[1], along), cover_at(placing, label, row, column));
      for (std::size_t c = 0; c < 3; ++c) {
        const auto at = c * kPlane + static_cast<std::size_t>(row * kSide + column);
        pixels[at] = to_byte(colour[c] + paint.noise * random.bell());
      }
    }
  }
}

/// The background stays exactly black, as in Fashion-MNIST: only the shape is noisy.
void draw_grey(int label, KeyedDraws& random, std::span<std::uint8_t> pixels) {
  constexpr int kSide = 28;
  const Placing placing(random, kSide);
  const double ink = random.uniform(0.4, 1), fall = random.uniform(-0.3, 0.3), noise = random.uniform(0.02, 0.12);
  for (int row = 0; row < kSide; ++row) {
    for (int column = 0; column < kSide; ++column) {
      const double cover = cover_at(placing, label, row, column);
      const double shade = ink * (1 + fall * (row - 13.5) / 14) + (cover > 0 ? noise * random.bell() : 0);
      pixels[static_cast<std::size_t>(row * kSide + column)] = to_byte(cover * shade);
    }
  }
}

Split draw_split(const SyntheticImagesOptions& options, SplitKind kind, int count) {
  const Form form = form_of(options.kind);
  Split split;
  split.count = count;
  if (form.channels > 1) split.sample_shape = {static_cast<int>(form.channels)};
  split.sample_shape.insert(split.sample_shape.end(), {form.side, form.side});
  split.labels.resize(static_cast<std::size_t>(count));
  split.pixels.resize(static_cast<std::size_t>(count) * form.size());
  for (std::size_t i = 0; i < split.labels.size(); ++i) {
    const int label = static_cast<int>(i % kImageClasses);
    split.labels[i] = static_cast<std::uint8_t>(label);
    draw_image(options.kind, label, options.seed, kind, static_cast<std::uint32_t>(i),
               std::span(split.pixels).subspan(i * form.size(), form.size()));
  }
  return split;
}

}  // namespace

void draw_image(ImageKind kind, int label, std::uint64_t seed, SplitKind split, std::uint32_t index,
                std::span<std::uint8_t> pixels) {
  OHMIC_EXPECT(pixels.size() == form_of(kind).size());
  KeyedDraws random(seed, kind == ImageKind::colour ? StandIn::colour_images : StandIn::grey_images, split, index);
  kind == ImageKind::colour ? draw_colour(label, random, pixels) : draw_grey(label, random, pixels);
}

Dataset make_synthetic_images(const SyntheticImagesOptions& options) {
  const bool colour = options.kind == ImageKind::colour;
  Dataset dataset;
  dataset.name = colour ? "synthetic_images" : "synthetic_grey_images";
  if (options.train_count < 1 || options.test_count < 1) {
    fail("{}: {} training and {} test images are asked for; at least 1 of each is needed", dataset.name,
         options.train_count, options.test_count);
  }
  dataset.synthetic = true;
  dataset.class_count = kImageClasses;
  dataset.train = draw_split(options, SplitKind::train, options.train_count);
  dataset.test = draw_split(options, SplitKind::test, options.test_count);
  dataset.provenance = fmt::format(
      "synthetic {} images of shapes, {} training + {} test images, drawn by code (not {})", colour ? "colour" : "grey",
      options.train_count, options.test_count, colour ? "CIFAR-10" : "Fashion-MNIST");
  return dataset;
}

}  // namespace ohmic
