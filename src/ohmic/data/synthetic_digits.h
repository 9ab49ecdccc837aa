#pragma once

#include <cstdint>
#include <span>

#include "ohmic/data/dataset.h"
#include "ohmic/data/keyed_draws.h"

namespace ohmic {

/// A stand-in for MNIST where the real data cannot be had: the same form (28x28, white on black, ten classes) and
/// similar statistics, drawn by code. Numbers obtained with it are not comparable with published MNIST accuracies.
struct SyntheticDigitsOptions {
  int train_count = 10000;
  int test_count = 2000;
  std::uint64_t seed = 1;
};

/// Balanced: sample i shows the digit i mod 10. Sample i of a split depends on the seed and i only, so that a larger
/// set begins with the smaller one. Only +, -, *, / and sqrt are used: the bytes are the same on each IEEE 754 machine.
Dataset make_synthetic_digits(const SyntheticDigitsOptions& options);

/// Draws one image into `pixels` (28x28, row-major).
void draw_digit(int digit, std::uint64_t seed, SplitKind split, std::uint32_t index, std::span<std::uint8_t> pixels);

}  // namespace ohmic
