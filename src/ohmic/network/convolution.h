#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ohmic/network/layer.h"
#include "ohmic/network/patch_weights.h"

namespace ohmic {

/// Makes the weight matrix of one group: its number, rows, columns.
using GroupWeights = std::function<std::unique_ptr<Weights>(int group, int inputs, int outputs)>;

/// A convolution, channels last. The matrix of a group has one row per pixel and channel under the kernel, in the order
/// (row, column, channel), and one column per output channel; each position of the image is one vector. The bias, if
/// any, is digital.
class ConvolutionLayer final : public Layer {
 public:
  /// window.channels: of the whole image. Error if the channels do not fall into `groups`, or if nothing is left.
  ConvolutionLayer(std::string name, const Window& window, int outputs, int groups, bool bias,
                   const GroupWeights& make_weights);

  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  bool can_finish() const override;
  void forward_and_finish(LayerInputs x, MatrixView<float> y, const Pass& pass, const FinishRows& finish) override;
  bool can_add_gradient() const override { return groups_.size() == 1 && groups_[0].adds_images(); }
  bool takes_samples() const override { return groups_.size() == 1 && groups_[0].takes_samples(); }
  void forward_samples(const SampleBatch& x, MatrixView<float> y, const Pass& pass, const FinishRows& finish) override;
  bool takes_delta_samples() const override { return takes_samples() && !has_bias_; }
  void backward_samples(const SampleBatch& dy, const InputGradient& dx, const Pass& pass) override;
  Needs needs() const override;
  std::vector<WeightMatrix*> weight_matrices() override;
  std::vector<Parameter*> parameters() override;

 private:
  FinishRows after_bias(const FinishRows& finish) const;

  std::vector<PatchWeights> groups_;
  bool has_bias_;
  Parameter bias_;
};

/// The transpose of a convolution: each position of the (smaller) input adds a patch to the output. The matrix has one
/// row per input channel and one column per pixel and channel under the kernel.
class TransposedConvolutionLayer final : public Layer {
 public:
  /// `window` slides over the output and stands at each position of the input.
  TransposedConvolutionLayer(std::string name, const Window& window, int inputs, bool bias,
                             const GroupWeights& make_weights);

  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  Needs needs() const override { return {weights_.needs_values(), false}; }
  std::vector<WeightMatrix*> weight_matrices() override { return {&weights_.matrix()}; }
  std::vector<Parameter*> parameters() override;

 private:
  PatchWeights weights_;
  bool has_bias_;
  Parameter bias_;
};

/// The window that a transposed convolution pastes by: that of the convolution which leads from its output to `input`.
/// Of the outputs that it could lead from, `extra` (below the stride) chooses a larger one, by so many rows and
/// columns.
Window transposed_window(const Shape& input, int outputs, int kernel_height, int kernel_width, PixelSteps stride,
                         Border padding, PixelSteps dilation, PixelSteps extra = {0, 0});

}  // namespace ohmic
