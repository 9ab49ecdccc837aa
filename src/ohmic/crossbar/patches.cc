#include "ohmic/crossbar/patches.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/error.h"
#include "ohmic/core/kernels.h"
#include "ohmic/core/parallel.h"
#include "ohmic/crossbar/outer_product.h"

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

PixelOffsets::PixelOffsets(const PatchShape& s) {
  const auto width = static_cast<std::size_t>(s.padded_width());
  for (int y = 0; y < s.out_height(); ++y) {
    for (int x = 0; x < s.out_width(); ++x) {
      position.push_back(static_cast<std::size_t>(y * s.stride_y) * width + static_cast<std::size_t>(x * s.stride_x));
    }
  }
  for (int y = 0; y < s.kernel_height; ++y) {
    for (int x = 0; x < s.kernel_width; ++x) {
      kernel.push_back(static_cast<std::size_t>(y * s.dilation_y) * width + static_cast<std::size_t>(x * s.dilation_x));
    }
  }
}

void CodeImages::round_to_levels(int levels, int full, const RandomKey& key) {
  parallel_chunks(samples_, 1, [&](std::size_t sample, std::size_t) {
    const RandomStream stream(key.seed, Purpose::outer_product, key.unit, key.when + sample);
    if (is_exact_) {
      ohmic::round_to_levels(values_of(sample), levels, stream);
      return;
    }
    thread_local std::vector<std::uint32_t> words;
    const std::span<std::uint8_t> codes = codes_of(sample);
    words.resize(codes.size());
    random_words(stream, words);
    for (std::size_t i = 0; i < codes.size(); ++i) {
      const int code = codes[i] - 128;
      const int level = random_level(static_cast<double>(std::abs(code)) / full, levels, words[i]);
      codes[i] = static_cast<std::uint8_t>(128 + (code < 0 ? -level : level));
    }
    steps_[sample] *= static_cast<float>(full) / static_cast<float>(levels);
  });
}

void CodeImages::draw_bits(const CodeImages& from, int full, std::uint32_t bit, const RandomKey& key) {
  *this = from;
  parallel_chunks(samples_, 1, [&](std::size_t sample, std::size_t) {
    const RandomStream stream(key.seed, Purpose::outer_product, key.unit, key.when + sample);
    const std::size_t per_pixel = is_exact_ ? static_cast<std::size_t>(channels_) : pixel_bytes();
    thread_local std::vector<std::uint32_t> words;
    words.resize(pixels());
    random_words(stream, words, static_cast<std::uint32_t>(bit * ((pixels() + 31) / 32)));
    if (is_exact_) {
      const std::span<float> values = values_of(sample);
      const float most = max_abs(values);
      for (std::size_t i = 0; i < values.size(); ++i) {
        const double threshold = (static_cast<double>(words[i / per_pixel]) + 0.5) / 4294967296.0;
        const bool is_set = static_cast<double>(std::abs(values[i])) > threshold * static_cast<double>(most);
        values[i] = is_set ? std::copysign(most, values[i]) : 0;
      }
      return;
    }
    const std::span<std::uint8_t> codes = codes_of(sample);
    for (std::size_t i = 0; i < codes.size(); ++i) {
      const int code = codes[i] - 128;
      const double threshold = full * (static_cast<double>(words[i / per_pixel]) + 0.5) / 4294967296.0;
      codes[i] = static_cast<std::uint8_t>(128 + (std::abs(code) > threshold ? (code < 0 ? -1 : 1) : 0));
    }
    steps_[sample] *= static_cast<float>(full);
  });
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

}  // namespace ohmic
