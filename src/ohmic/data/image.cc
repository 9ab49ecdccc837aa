#include "ohmic/data/image.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/error.h"
#include "ohmic/core/random.h"

namespace ohmic {
namespace {

std::uint32_t below(std::uint32_t word, std::uint64_t bound) {
  return static_cast<std::uint32_t>((static_cast<std::uint64_t>(word) * bound) >> 32);
}

struct Moments {
  float mean, stddev;
};

Moments moments_of(const std::array<std::uint64_t, 256>& histogram) {
  std::uint64_t count = 0, sum = 0, squares = 0;
  for (std::uint64_t byte = 0; byte < 256; ++byte) {
    count += histogram[byte];
    sum += byte * histogram[byte];
    squares += byte * byte * histogram[byte];
  }
  const double mean = static_cast<double>(sum) / static_cast<double>(count);
  const double variance = static_cast<double>(squares) / static_cast<double>(count) - mean * mean;
  return {static_cast<float>(mean / 255), static_cast<float>(std::sqrt(std::max(variance, 0.0)) / 255)};
}

}  // namespace

ImageShape image_shape(const Split& split) {
  const std::vector<int>& s = split.sample_shape;
  if (s.size() == 2) return {s[0], s[1], 1};
  if (s.size() == 3) return {s[1], s[2], s[0]};
  fail(
      "the data have samples of {} dimensions, but images (2, or 3 with channels) are needed; use a data set of images",
      s.size());
}

void measure_channels(Dataset& dataset) {
  const ImageShape shape = image_shape(dataset.train);
  const std::size_t plane = shape.size() / static_cast<std::size_t>(shape.channels);
  std::vector<std::array<std::uint64_t, 256>> histograms(static_cast<std::size_t>(shape.channels));
  const std::uint8_t* pixels = dataset.train.pixels.data();
  for (int sample = 0; sample < dataset.train.count; ++sample) {
    for (auto& histogram : histograms) {
      for (std::size_t p = 0; p < plane; ++p) ++histogram[pixels[p]];
      pixels += plane;
    }
  }
  dataset.channel_mean.clear();
  dataset.channel_stddev.clear();
  for (const auto& histogram : histograms) {
    const Moments moments = moments_of(histogram);
    dataset.channel_mean.push_back(moments.mean);
    dataset.channel_stddev.push_back(moments.stddev);
  }
}

Augmentation draw_augmentation(const AugmentationSpec& spec, std::uint64_t seed, std::uint64_t epoch,
                               std::uint32_t sample) {
  constexpr std::uint32_t kWordsPerSample = 4;  // one to spare
  OHMIC_EXPECT(sample < (1u << 30));
  const RandomStream stream(seed, Purpose::augmentation, 0, epoch);
  const std::uint32_t first = kWordsPerSample * sample;
  Augmentation drawn;
  if (spec.crop_padding > 0) {
    const auto places = static_cast<std::uint64_t>(2 * spec.crop_padding + 1);
    const int padding = static_cast<int>(spec.crop_padding);
    drawn.down = static_cast<int>(below(random_word(stream, first), places)) - padding;
    drawn.right = static_cast<int>(below(random_word(stream, first + 1), places)) - padding;
  }
  if (spec.flip) drawn.flip = below(random_word(stream, first + 2), 2) == 1;
  return drawn;
}

ImageDecoder::ImageDecoder(const Dataset& dataset, Normalise normalise) : shape_(image_shape(dataset.train)) {
  const auto channels = static_cast<std::size_t>(shape_.channels);
  if (channels != 1 && channels != 3) fail("images of {} channels cannot be used; 1 or 3 are expected", channels);
  const bool per_channel = normalise == Normalise::per_channel;
  OHMIC_EXPECT(!per_channel || dataset.channel_mean.size() == channels);
  values_.resize(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      float value = static_cast<float>(byte) * (1.0f / 255.0f);
      if (normalise == Normalise::bytes) value = static_cast<float>(byte);
      if (normalise == Normalise::symmetric) value = static_cast<float>(byte) / 127.5f - 1;
      if (per_channel) {
        const float stddev = dataset.channel_stddev[c];
        value = stddev > 0 ? (value - dataset.channel_mean[c]) / stddev : 0;
      }
      values_[c][byte] = value;
    }
  }
}

const std::uint8_t* ImageDecoder::pixels_of(const Split& split, std::size_t sample) const {
  if (sample >= static_cast<std::size_t>(split.count)) {
    fail("image {} is asked for, but the split holds images 0 to {}", sample, split.count - 1);
  }
  OHMIC_EXPECT(image_shape(split) == shape_);
  return split.pixels.data() + sample * shape_.size();
}

void ImageDecoder::decode(const Split& split, std::size_t sample, std::span<float> out) const {
  decode(split, sample, Augmentation{}, out);
}

void ImageDecoder::decode(const Split& split, std::size_t sample, const Augmentation& augmentation,
                          std::span<float> out) const {
  OHMIC_EXPECT(out.size() == shape_.size());
  const std::uint8_t* pixels = pixels_of(split, sample);
  shape_.channels == 1 ? decode_channels<1>(pixels, augmentation, out.data())
                       : decode_channels<3>(pixels, augmentation, out.data());
}

template <int channels>
void ImageDecoder::decode_channels(const std::uint8_t* pixels, const Augmentation& augmentation, float* out) const {
  const std::ptrdiff_t height = shape_.height, width = shape_.width, plane = height * width;
  std::array<const float*, channels> values;
  for (std::size_t c = 0; c < channels; ++c) values[c] = values_[c].data();
  // Columns of the shifted image, before it is flipped, that show the original.
  const std::ptrdiff_t begin = std::clamp<std::ptrdiff_t>(-augmentation.right, 0, width);
  const std::ptrdiff_t end = std::clamp<std::ptrdiff_t>(width - augmentation.right, begin, width);
  const std::ptrdiff_t step = augmentation.flip ? -channels : channels;
  for (std::ptrdiff_t row = 0; row < height; ++row) {
    std::ptrdiff_t at = (row * width + (augmentation.flip ? width - 1 : 0)) * channels;
    const auto black = [&](std::ptrdiff_t count) {
      for (; count > 0; --count, at += step) {
        for (int c = 0; c < channels; ++c) out[at + c] = values[static_cast<std::size_t>(c)][0];
      }
    };
    const std::ptrdiff_t from = row + augmentation.down;
    if (from < 0 || from >= height) {
      black(width);
      continue;
    }
    black(begin);
    const std::uint8_t* bytes = pixels + from * width + augmentation.right + begin;
    for (std::ptrdiff_t column = begin; column < end; ++column, ++bytes, at += step) {
      for (int c = 0; c < channels; ++c) out[at + c] = values[static_cast<std::size_t>(c)][bytes[c * plane]];
    }
    black(width - end);
  }
}

}  // namespace ohmic
