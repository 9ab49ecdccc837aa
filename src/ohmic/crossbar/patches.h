#pragma once

// Convolutions as products of patches: what is cut out of images, and images as converters see them.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "ohmic/core/aligned.h"
#include "ohmic/core/matrix.h"

namespace ohmic {

/// How an image (height x width x channels, channels fastest) is cut into patches, one per position. A patch's values
/// are in the order (kernel row, kernel column, channel); beyond the image they are 0.
struct PatchShape {
  int height = 1, width = 1, channels = 1;
  int kernel_height = 1, kernel_width = 1;
  int stride_y = 1, stride_x = 1;
  int pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  int dilation_y = 1, dilation_x = 1;

  int padded_height() const { return height + pad_top + pad_bottom; }
  int padded_width() const { return width + pad_left + pad_right; }
  int out_height() const { return (padded_height() - dilation_y * (kernel_height - 1) - 1) / stride_y + 1; }
  int out_width() const { return (padded_width() - dilation_x * (kernel_width - 1) - 1) / stride_x + 1; }
  int positions() const { return out_height() * out_width(); }
  int patch_size() const { return kernel_height * kernel_width * channels; }
  std::size_t image_size() const {
    return static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * static_cast<std::size_t>(channels);
  }
  bool operator==(const PatchShape&) const = default;
};

/// Where the patch of each position begins, and where its kernel positions lie from there, in pixels of the padded
/// image.
struct PixelOffsets {
  std::vector<std::size_t> position, kernel;

  explicit PixelOffsets(const PatchShape& shape);
};

/// Error unless there is at least one position and the numbers fit.
void check_patch_shape(const PatchShape& shape);

/// A batch of images, or of vectors, one per row: it is there, or `make` makes each sample when it is wanted and tells
/// where it stands until the same thread wants the next one. Several threads may want samples at a time.
struct SampleBatch {
  MatrixView<const float> values;  ///< data null where samples are made
  std::function<const float*(std::size_t sample)> make;

  SampleBatch() = default;
  SampleBatch(MatrixView<const float> all) : values(all) {}
  SampleBatch(MatrixView<float> all) : values(all) {}

  std::size_t rows() const { return values.rows; }
  std::size_t columns() const { return values.columns; }
  std::span<const float> sample(std::size_t s) const {
    return make ? std::span(make(s), values.columns) : values.row(s);
  }
};

/// What is done to outputs while they are still in the cache: `rows` points at the rows [first, first + count) of all
/// samples' positions, to be changed in place. Called once for each row, by several threads at a time.
using FinishRows = std::function<void(std::size_t first, std::size_t count, float* rows)>;

/// Which way through the array: forward takes the tile's inputs, backward its outputs.
enum class Direction { forward, backward };

/// A batch of images as the DACs drive them: signed codes of at most 8 bits with one step per sample, 1 byte per value
/// beside padding. Without DACs (dac_bits = 0) the values themselves. Filled by Tile::read_patches and
/// read_and_scatter; a layer keeps them for the gradient.
class CodeImages {
 public:
  std::size_t samples() const { return samples_; }
  /// What code 1 of a sample stands for; 0 if the sample is all zero.
  float step(std::size_t sample) const { return steps_[sample]; }
  bool is_exact() const { return is_exact_; }
  std::size_t bytes() const { return codes_.capacity() + (values_.capacity() + steps_.capacity()) * sizeof(float); }

  /// Pixels with padding, in rows of padded_width; a pixel is pixel_bytes of codes + 128, its channels rounded up to a
  /// multiple of 4, or without DACs `channels` floats.
  int height() const { return height_; }
  int width() const { return width_; }
  int channels() const { return channels_; }
  std::size_t pixel_bytes() const { return (static_cast<std::size_t>(channels_) + 3) / 4 * 4; }
  std::size_t pixels() const { return static_cast<std::size_t>(height_) * static_cast<std::size_t>(width_); }
  std::span<const std::uint8_t> codes(std::size_t sample) const {
    return {codes_.data() + sample * pixels() * pixel_bytes(), pixels() * pixel_bytes()};
  }
  /// For cheap outer products. The codes rounded at random to multiples of full / levels, `full` being the largest
  /// code; or one bit of each code's stream, drawn with one random number per pixel. `key`: of the random numbers,
  /// whose `when` counts up with the samples.
  struct RandomKey {
    std::uint64_t seed;
    std::uint32_t unit;
    std::uint64_t when;
  };
  void round_to_levels(int levels, int full, const RandomKey& key);
  void draw_bits(const CodeImages& from, int full, std::uint32_t bit, const RandomKey& key);

  std::span<const float> values(std::size_t sample) const {
    const std::size_t size = pixels() * static_cast<std::size_t>(channels_);
    return {values_.data() + sample * size, size};
  }

 private:
  friend class PatchReader;
  void reshape(std::size_t samples, const PatchShape& shape, bool is_exact);
  std::span<std::uint8_t> codes_of(std::size_t sample) {
    return {codes_.data() + sample * pixels() * pixel_bytes(), pixels() * pixel_bytes()};
  }
  std::span<float> values_of(std::size_t sample) {
    const std::size_t size = pixels() * static_cast<std::size_t>(channels_);
    return {values_.data() + sample * size, size};
  }

  std::size_t samples_ = 0;
  int height_ = 0, width_ = 0, channels_ = 0;
  bool is_exact_ = false;
  std::vector<std::uint8_t, PageAllocator<std::uint8_t>> codes_;
  std::vector<float> values_, steps_;
};

/// gradient (patch_size x vector size) = sum over samples, in their order, and positions of patch^T vector. `patches`
/// are the images that `shape` cuts, `vectors` hold one vector per position (as read by the opposite operation). Sums
/// are exact 32-bit integers per sample, times both steps, added in fp32.
void patch_gradient(const CodeImages& patches, const CodeImages& vectors, const PatchShape& shape,
                    MatrixView<float> gradient);

}  // namespace ohmic
