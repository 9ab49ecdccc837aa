#pragma once

// Layers that summarise windows of an image, channel by channel, at each step of a sequence. As in PyTorch, an output
// has floor((size + 2 padding - kernel) / stride) + 1 rows or columns.

#include <cstdint>
#include <string>
#include <vector>

#include "ohmic/network/layer.h"
#include "ohmic/network/window.h"

namespace ohmic {

struct PoolWindow {
  int kernel = 2, kernel_width = 2;  ///< rows and columns under a window
  PixelSteps stride = 2;
  Border padding = 0;         ///< around the image; less than the kernel on each side
  bool count_padding = true;  ///< an average divides by the kernel's area, else by the pixels inside the image
};

/// The largest value; pixels outside the image do not take part. The first of equals gets the gradient.
class MaxPoolLayer final : public Layer {
 public:
  /// A window may have up to 256 pixels.
  MaxPoolLayer(const std::string& name, const std::vector<Shape>& inputs, const PoolWindow& window);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  LayerWork work(Phase phase) const override;
  Needs needs() const override { return {false, false}; }

 private:
  PoolWindow window_;
  std::vector<std::uint8_t> winners_;  ///< per output of the last pass: its pixel in the window
};

/// The sum over the window divided by the kernel's area: pixels outside the image count as zeros (PyTorch's default,
/// count_include_pad), unless PoolWindow::count_padding is off.
class AveragePoolLayer final : public Layer {
 public:
  AveragePoolLayer(const std::string& name, const std::vector<Shape>& inputs, const PoolWindow& window);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  LayerWork work(Phase phase) const override;
  Needs needs() const override { return {false, false}; }

 private:
  PoolWindow window_;
  std::vector<float> shares_;  ///< per output pixel: what each pixel of its window counts
};

/// The mean over height and width.
class GlobalAveragePoolLayer final : public Layer {
 public:
  GlobalAveragePoolLayer(const std::string& name, const std::vector<Shape>& inputs);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  LayerWork work(Phase phase) const override;
  Needs needs() const override { return {false, false}; }
};

}  // namespace ohmic
