#include "ohmic/network/window.h"

#include <algorithm>

namespace ohmic {

// run(patch offset, row, column) for each pixel under the kernel at each position; row < 0: outside the image.
template <class Run>
void Window::for_each_run(const Run& run) const {
  std::size_t at = 0;
  for (int y = 0; y < out_height(); ++y) {
    for (int x = 0; x < out_width(); ++x) {
      for (int ky = 0; ky < kernel_height; ++ky) {
        const int row = y * stride.y - padding.top + ky * dilation.y;
        for (int kx = 0; kx < kernel_width; ++kx, at += static_cast<std::size_t>(channels)) {
          const int column = x * stride.x - padding.left + kx * dilation.x;
          const bool inside = row >= 0 && row < height && column >= 0 && column < width;
          run(at, inside ? row : -1, column);
        }
      }
    }
  }
}

void Window::cut(const float* image, int pixel_channels, int first_channel, float* patches) const {
  for_each_run([&](std::size_t at, int row, int column) {
    if (row < 0) {
      std::fill_n(patches + at, channels, 0.0f);
    } else {
      std::copy_n(image + (static_cast<std::ptrdiff_t>(row) * width + column) * pixel_channels + first_channel,
                  channels, patches + at);
    }
  });
}

void Window::paste(const float* patches, int pixel_channels, int first_channel, float* image) const {
  for_each_run([&](std::size_t at, int row, int column) {
    if (row < 0) return;
    float* pixel = image + (static_cast<std::ptrdiff_t>(row) * width + column) * pixel_channels + first_channel;
    for (int c = 0; c < channels; ++c) pixel[c] += patches[at + static_cast<std::size_t>(c)];
  });
}

}  // namespace ohmic
