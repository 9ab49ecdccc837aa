#pragma once

#include <cstddef>

#include "ohmic/network/shape.h"

namespace ohmic {

/// A kernel that slides over an image, channels last. A patch is what lies under it at one position, in the order
/// (row, column, channel); outside the image it is zero.
struct Window {
  int height, width, channels;  ///< of the image
  int kernel_height, kernel_width;
  int stride, padding, dilation;

  int out_height() const { return (height + 2 * padding - dilation * (kernel_height - 1) - 1) / stride + 1; }
  int out_width() const { return (width + 2 * padding - dilation * (kernel_width - 1) - 1) / stride + 1; }
  std::size_t positions() const {
    return static_cast<std::size_t>(out_height()) * static_cast<std::size_t>(out_width());
  }
  std::size_t patch_size() const {
    return static_cast<std::size_t>(kernel_height) * static_cast<std::size_t>(kernel_width) *
           static_cast<std::size_t>(channels);
  }

  /// patches: positions x patch_size, of the channels [first_channel, first_channel + channels) of an image whose
  /// pixels have `pixel_channels`.
  void cut(const float* image, int pixel_channels, int first_channel, float* patches) const;
  /// Adds patches to the image they were cut from.
  void paste(const float* patches, int pixel_channels, int first_channel, float* image) const;

 private:
  template <class Run>
  void for_each_run(const Run& run) const;
};

}  // namespace ohmic
