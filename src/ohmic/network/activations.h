#pragma once

// Layers without weights that keep the shape of their one input.

#include <cstdint>
#include <string>
#include <vector>

#include "ohmic/network/layer.h"

namespace ohmic {

/// Going back, each gradient is multiplied by the function's slope. Going forward, the unit that gives a number its
/// function is that which made it, and counts it.
inline LayerWork work_of_slope(Phase phase, const Shape& shape) {
  if (phase != Phase::backward) return {};
  return {shape.size(), 3 * shape.size()};
}

/// y = max(x, 0). Not a number stays so.
class ReluLayer final : public Layer {
 public:
  ReluLayer(const std::string& name, const std::vector<Shape>& inputs);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  FinishRows in_place(LayerInputs x, std::size_t place) override;
  LayerWork work(Phase phase) const override { return work_of_slope(phase, output_shape()); }
  Needs needs() const override { return {false, true}; }
};

/// y = x above zero, slope x below.
class LeakyReluLayer final : public Layer {
 public:
  /// slope: 0 .. 1.
  LeakyReluLayer(const std::string& name, const std::vector<Shape>& inputs, double slope);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  LayerWork work(Phase phase) const override { return work_of_slope(phase, output_shape()); }
  Needs needs() const override { return {false, true}; }

 private:
  float slope_;
};

/// y = 1 / (1 + exp(-x)), with the bits of the kernel `sigmoid`.
class SigmoidLayer final : public Layer {
 public:
  SigmoidLayer(const std::string& name, const std::vector<Shape>& inputs);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  LayerWork work(Phase phase) const override { return work_of_slope(phase, output_shape()); }
  Needs needs() const override { return {false, true}; }
};

class TanhLayer final : public Layer {
 public:
  TanhLayer(const std::string& name, const std::vector<Shape>& inputs);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  LayerWork work(Phase phase) const override { return work_of_slope(phase, output_shape()); }
  Needs needs() const override { return {false, true}; }
};

/// y = exp(x) / sum of exp(x) over the channels of each position.
class SoftmaxLayer final : public Layer {
 public:
  SoftmaxLayer(const std::string& name, const std::vector<Shape>& inputs);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  Needs needs() const override { return {false, true}; }
};

/// y = x - log(sum of exp(x) over the channels of each position).
class LogSoftmaxLayer final : public Layer {
 public:
  LogSoftmaxLayer(const std::string& name, const std::vector<Shape>& inputs);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  Needs needs() const override { return {false, true}; }
};

/// In training, sets a share `rate` of the values to zero and scales the others by 1 / (1 - rate); otherwise y = x.
/// Which ones depends on (seed, number of the layer, read number of the sample, element) alone.
class DropoutLayer final : public Layer {
 public:
  /// rate: 0 .. below 1; number: of the layer, for its random numbers.
  DropoutLayer(const std::string& name, const std::vector<Shape>& inputs, double rate, std::uint64_t seed,
               std::uint32_t number);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  Needs needs() const override { return {false, false}; }

 private:
  std::uint64_t seed_;
  std::uint32_t number_;
  std::uint32_t threshold_;  ///< words below it drop their element
  float scale_;
  std::vector<std::uint8_t> kept_;  ///< per element of the last training batch
};

}  // namespace ohmic
