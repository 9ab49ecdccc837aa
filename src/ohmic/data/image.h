#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ohmic/core/config.h"
#include "ohmic/data/dataset.h"

namespace ohmic {

struct ImageShape {
  int height = 0;
  int width = 0;
  int channels = 0;

  std::size_t size() const {
    return static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * static_cast<std::size_t>(channels);
  }
  bool operator==(const ImageShape&) const = default;
};

/// The shape of one sample: of {height, width} or {channels, height, width}. Error for text.
ImageShape image_shape(const Split& split);

/// Sets channel_mean and channel_stddev from `dataset.train`. Sums are integers, hence exact.
void measure_channels(Dataset& dataset);

/// How bytes become numbers.
enum class Normalise {
  none,         ///< byte / 255
  per_channel,  ///< (byte / 255 - mean) / stddev of the channel over the training split; a constant channel gives 0
  bytes,        ///< byte, 0 .. 255
  symmetric,    ///< byte / 127.5 - 1, hence -1 .. 1
};
inline constexpr std::array<std::string_view, 4> kNormalise = {"none", "per_channel", "bytes", "symmetric"};

/// Random changes of training images (as in He et al., CVPR 2016, section 4.2, with crop_padding 4).
struct AugmentationSpec {
  std::int64_t crop_padding = 0;
  bool flip = false;

  bool is_none() const { return crop_padding == 0 && !flip; }
};

inline void describe(FieldVisitor& v, AugmentationSpec& s) {
  v.field({"crop_padding", "pixels", "each training image is shifted at random by up to this, black coming in; 0: off",
           0, 64},
          s.crop_padding);
  v.field({"flip", "", "every other training image, at random, is mirrored left to right"}, s.flip);
}

/// What is done to one image: pixel (row, column) shows pixel (row + down, column + right) of the original, black
/// outside of it; then, where `flip`, left and right change places.
struct Augmentation {
  int down = 0;
  int right = 0;
  bool flip = false;
};

/// Shifts are uniform in -crop_padding .. crop_padding: a random crop of the image padded by as many black pixels on
/// all sides. A pure function of its arguments, so that neither batches nor threads matter.
Augmentation draw_augmentation(const AugmentationSpec& spec, std::uint64_t seed, std::uint64_t epoch,
                               std::uint32_t sample);

/// Turns stored bytes into what a network takes: floats, channels last (height, width, channels), normalised. Black
/// padding is the byte 0, normalised like any other.
class ImageDecoder {
 public:
  /// Error for text. Normalise::per_channel needs measure_channels, which load_dataset calls.
  ImageDecoder(const Dataset& dataset, Normalise normalise);

  ImageShape shape() const { return shape_; }

  /// out: shape().size(). `split` is one of the data set's.
  void decode(const Split& split, std::size_t sample, std::span<float> out) const;
  void decode(const Split& split, std::size_t sample, const Augmentation& augmentation, std::span<float> out) const;

 private:
  using ByteValues = std::array<float, 256>;

  template <int channels>
  void decode_channels(const std::uint8_t* pixels, const Augmentation& augmentation, float* out) const;
  const std::uint8_t* pixels_of(const Split& split, std::size_t sample) const;

  ImageShape shape_;
  std::vector<ByteValues> values_;  ///< per channel
};

}  // namespace ohmic
