#pragma once

#include <cstddef>

#include "ohmic/network/shape.h"

namespace ohmic {

/// Pixels from row to row and from column to column: of a stride or dilation.
struct PixelSteps {
  int y = 1, x = 1;

  PixelSteps(int both = 1) : y(both), x(both) {}
  PixelSteps(int rows, int columns) : y(rows), x(columns) {}
  bool operator==(const PixelSteps&) const = default;
};

/// Pixels that are added around an image.
struct Border {
  int top = 0, left = 0, bottom = 0, right = 0;

  Border(int all = 0) : top(all), left(all), bottom(all), right(all) {}
  Border(int above, int before, int below, int after) : top(above), left(before), bottom(below), right(after) {}
  bool operator==(const Border&) const = default;
};

/// A kernel that slides over an image, channels last. A patch is what lies under it at one position, in the order
/// (row, column, channel); outside the image it is zero.
struct Window {
  int height, width, channels;  ///< of the image
  int kernel_height, kernel_width;
  PixelSteps stride;
  Border padding;
  PixelSteps dilation;

  /// Rows and columns that the kernel reaches over.
  int reach_y() const { return dilation.y * (kernel_height - 1) + 1; }
  int reach_x() const { return dilation.x * (kernel_width - 1) + 1; }
  /// Of the padded image, beyond what the kernel covers at its first position; negative: it does not fit.
  int room_y() const { return height + padding.top + padding.bottom - reach_y(); }
  int room_x() const { return width + padding.left + padding.right - reach_x(); }
  int out_height() const { return room_y() < 0 ? 0 : room_y() / stride.y + 1; }
  int out_width() const { return room_x() < 0 ? 0 : room_x() / stride.x + 1; }
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
