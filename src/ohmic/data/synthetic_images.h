#pragma once

#include <cstdint>
#include <span>

#include "ohmic/data/dataset.h"
#include "ohmic/data/keyed_draws.h"

namespace ohmic {

enum class ImageKind {
  colour,  ///< 3x32x32, on a background of any colour: the form of CIFAR-10
  grey,    ///< 28x28, on black: the form of Fashion-MNIST
};

/// A stand-in for photographs where the real data cannot be had: ten classes of shapes and textures (disc, ring,
/// square, frame, triangle, cross, crescent, stripes, checks, dots) at any place, of any size and, but for a tendency
/// of the class, any colour. A linear map gets some of them right, a small convolutional network most. Numbers obtained
/// with it say nothing about CIFAR-10 or Fashion-MNIST.
struct SyntheticImagesOptions {
  ImageKind kind = ImageKind::colour;
  int train_count = 10000;
  int test_count = 2000;
  std::uint64_t seed = 1;
};

/// Balanced: sample i is of class i mod 10. Sample i of a split depends on kind, seed and i only, so that a larger set
/// begins with the smaller one. Only +, -, *, /, sqrt and floor are used: the bytes are the same on each IEEE 754
/// machine.
Dataset make_synthetic_images(const SyntheticImagesOptions& options);

/// Draws one image into `pixels`: 3x32x32 (planes) or 28x28.
void draw_image(ImageKind kind, int label, std::uint64_t seed, SplitKind split, std::uint32_t index,
                std::span<std::uint8_t> pixels);

}  // namespace ohmic
