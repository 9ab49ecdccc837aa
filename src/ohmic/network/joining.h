#pragma once

// Layers that move or add values and have no numbers of their own.

#include <string>
#include <vector>

#include "ohmic/network/layer.h"

namespace ohmic {

/// y = sum of two or more inputs of equal shape; with `relu`, max(that, 0).
class AddLayer final : public Layer {
 public:
  AddLayer(const std::string& name, const std::vector<Shape>& inputs, bool relu = false);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  FinishRows in_place(LayerInputs x, std::size_t place) override;
  bool gives_inputs_the_same() const override { return true; }
  /// The way back copies.
  LayerWork work(Phase phase) const override;
  Needs needs() const override { return {false, relu_}; }

 private:
  bool relu_;
};

/// The channels of all inputs one after the other; steps, height and width must agree.
class ConcatLayer final : public Layer {
 public:
  ConcatLayer(const std::string& name, const std::vector<Shape>& inputs);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  Needs needs() const override { return {false, false}; }
};

/// The same numbers in another shape: an image as a vector, at each step of a sequence.
class FlattenLayer final : public Layer {
 public:
  FlattenLayer(const std::string& name, const std::vector<Shape>& inputs);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  Needs needs() const override { return {false, false}; }
};

/// The same numbers in the same order as an image of another shape, at each step of a sequence.
class ReshapeLayer final : public Layer {
 public:
  /// `step` is the shape of one step. Its channels may be 0: whatever height and width leave. Where
  /// `replaces_steps` it is the shape of the whole sample.
  ReshapeLayer(const std::string& name, const std::vector<Shape>& inputs, const Shape& step,
               bool replaces_steps = false);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  Needs needs() const override { return {false, false}; }
};

}  // namespace ohmic
