#pragma once

#include <memory>
#include <string>

#include "ohmic/core/matrix.h"
#include "ohmic/network/weights.h"

namespace ohmic {

/// One layer: a map from a batch of inputs to a batch of outputs. What it needs for the way back it keeps itself.
class Layer {
 public:
  explicit Layer(std::string name) : name_(std::move(name)) {}
  virtual ~Layer() = default;

  const std::string& name() const { return name_; }
  virtual std::size_t outputs() const = 0;
  /// y: batch x outputs.
  virtual void forward(MatrixView<const float> x, MatrixView<float> y, const Pass& pass) = 0;
  /// y: what forward gave; dy: gradient of the loss by y; dx: gradient by x, or null data if nobody needs it.
  virtual void backward(MatrixView<const float> y, MatrixView<const float> dy, MatrixView<float> dx,
                        const Pass& pass) = 0;

 private:
  std::string name_;
};

/// y = [x 1] W (the 1 for the bias, if any). Keeps [x 1] and dy, from which the update rule makes the weight step.
class DenseLayer final : public Layer {
 public:
  DenseLayer(std::string name, std::size_t inputs, bool bias, std::unique_ptr<Weights> weights);

  Weights& weights() { return *weights_; }
  const Weights& weights() const { return *weights_; }
  /// Of the last pass: batch x matrix rows, batch x matrix columns.
  const Matrix& inputs() const { return inputs_; }
  const Matrix& deltas() const { return deltas_; }

  std::size_t outputs() const override { return static_cast<std::size_t>(weights_->outputs()); }
  void forward(MatrixView<const float> x, MatrixView<float> y, const Pass& pass) override;
  void backward(MatrixView<const float> y, MatrixView<const float> dy, MatrixView<float> dx, const Pass& pass) override;

 private:
  std::size_t input_count_;
  bool bias_;
  std::unique_ptr<Weights> weights_;
  Matrix inputs_, deltas_, input_gradients_;
};

/// y = 1 / (1 + exp(-x)).
class SigmoidLayer final : public Layer {
 public:
  SigmoidLayer(std::string name, std::size_t units) : Layer(std::move(name)), units_(units) {}
  std::size_t outputs() const override { return units_; }
  void forward(MatrixView<const float> x, MatrixView<float> y, const Pass& pass) override;
  void backward(MatrixView<const float> y, MatrixView<const float> dy, MatrixView<float> dx, const Pass& pass) override;

 private:
  std::size_t units_;
};

}  // namespace ohmic
