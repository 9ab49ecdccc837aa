#include "ohmic/crossbar/patches.h"

#include <algorithm>

#include "ohmic/core/error.h"
#include "ohmic/core/kernels.h"
#include "ohmic/core/parallel.h"

namespace ohmic {

void check_patch_shape(const PatchShape& s) {
  for (const int size : {s.height, s.width, s.channels, s.kernel_height, s.kernel_width, s.stride_y, s.stride_x,
                         s.dilation_y, s.dilation_x}) {
    if (size < 1) fail("sizes, strides and dilations of patches must be at least 1");
  }
  for (const int pad : {s.pad_top, s.pad_left, s.pad_bottom, s.pad_right}) {
    if (pad < 0) fail("padding of patches must not be negative");
  }
  const int reach_y = s.dilation_y * (s.kernel_height - 1) + 1;
  const int reach_x = s.dilation_x * (s.kernel_width - 1) + 1;
  if (s.padded_height() < reach_y || s.padded_width() < reach_x) {
    fail("an image of {} x {} with padding is smaller than a patch of {} x {}", s.padded_height(), s.padded_width(),
         reach_y, reach_x);
  }
  // Sums of 2^17 products of 8-bit codes stay within 32 bits.
  constexpr int kMostPositions = 1 << 17;
  if (s.positions() > kMostPositions) {
    fail("an image has {} positions; at most {} are possible", s.positions(), kMostPositions);
  }
}

void CodeImages::reshape(std::size_t samples, const PatchShape& shape, bool is_exact) {
  samples_ = samples;
  height_ = shape.padded_height();
  width_ = shape.padded_width();
  channels_ = shape.channels;
  is_exact_ = is_exact;
  steps_.resize(samples);
  if (is_exact) {
    values_.resize(samples * pixels() * static_cast<std::size_t>(channels_));
  } else {
    codes_.resize(samples * pixels() * pixel_bytes());
  }
}

namespace {

// Where the patch of a position begins and where its kernel positions lie from there, in pixels.
struct PixelOffsets {
  std::vector<std::size_t> position, kernel;

  explicit PixelOffsets(const PatchShape& s) {
    const auto width = static_cast<std::size_t>(s.padded_width());
    for (int y = 0; y < s.out_height(); ++y) {
      for (int x = 0; x < s.out_width(); ++x) {
        position.push_back(static_cast<std::size_t>(y * s.stride_y) * width + static_cast<std::size_t>(x * s.stride_x));
      }
    }
    for (int y = 0; y < s.kernel_height; ++y) {
      for (int x = 0; x < s.kernel_width; ++x) {
        kernel.push_back(static_cast<std::size_t>(y * s.dilation_y) * width +
                         static_cast<std::size_t>(x * s.dilation_x));
      }
    }
  }
};

// One row of the gradient: kernel position and channel.
struct GradientRow {
  std::size_t pixel;  ///< of the kernel position
  std::size_t channel;
};

GradientRow gradient_row(const PixelOffsets& at, const CodeImages& patches, std::size_t row) {
  const auto channels = static_cast<std::size_t>(patches.channels());
  return {at.kernel[row / channels], row % channels};
}

void add_exact(const CodeImages& patches, const CodeImages& vectors, const PixelOffsets& at, std::size_t row,
               std::span<float> sum) {
  const GradientRow r = gradient_row(at, patches, row);
  const auto channels = static_cast<std::size_t>(patches.channels());
  for (std::size_t s = 0; s < patches.samples(); ++s) {
    const float* x = patches.values(s).data();
    const float* vector = vectors.values(s).data();
    for (std::size_t p = 0; p < at.position.size(); ++p, vector += sum.size()) {
      const float value = x[(at.position[p] + r.pixel) * channels + r.channel];
      for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += value * vector[j];
    }
  }
}

void add_codes(const CodeImages& patches, const CodeImages& vectors, const PixelOffsets& at, std::size_t row,
               std::span<float> sum) {
  const GradientRow r = gradient_row(at, patches, row);
  std::vector<std::int32_t> products(sum.size());
  for (std::size_t s = 0; s < patches.samples(); ++s) {
    std::fill(products.begin(), products.end(), 0);
    const std::uint8_t* x = patches.codes(s).data();
    const std::uint8_t* vector = vectors.codes(s).data();
    for (std::size_t p = 0; p < at.position.size(); ++p, vector += vectors.pixel_bytes()) {
      const std::int32_t code = x[(at.position[p] + r.pixel) * patches.pixel_bytes() + r.channel] - 128;
      for (std::size_t j = 0; j < sum.size(); ++j) products[j] += code * (vector[j] - 128);
    }
    const float step = patches.step(s) * vectors.step(s);
    for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += static_cast<float>(products[j]) * step;
  }
}

}  // namespace

void patch_gradient(const CodeImages& patches, const CodeImages& vectors, const PatchShape& shape,
                    MatrixView<float> gradient) {
  OHMIC_EXPECT(patches.samples() == vectors.samples() && patches.is_exact() == vectors.is_exact());
  OHMIC_EXPECT(patches.height() == shape.padded_height() && patches.width() == shape.padded_width());
  OHMIC_EXPECT(patches.channels() == shape.channels);
  OHMIC_EXPECT(vectors.pixels() == static_cast<std::size_t>(shape.positions()));
  OHMIC_EXPECT(gradient.rows == static_cast<std::size_t>(shape.patch_size()));
  OHMIC_EXPECT(gradient.columns == static_cast<std::size_t>(vectors.channels()));
  const PixelOffsets at(shape);
  parallel_chunks(gradient.rows, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t row = begin; row < end; ++row) {
      const std::span<float> sum = gradient.row(row);
      std::fill(sum.begin(), sum.end(), 0.0f);
      patches.is_exact() ? add_exact(patches, vectors, at, row, sum) : add_codes(patches, vectors, at, row, sum);
    }
  });
}

}  // namespace ohmic
