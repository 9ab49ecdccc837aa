#pragma once

// Functions of single numbers and of pairs of numbers.

#include <string>
#include <vector>

#include "ohmic/network/layer.h"
#include "ohmic/network/spec.h"
#include "ohmic/network/tensors.h"

namespace ohmic {

/// What an ElementwiseLayer computes; x is the input.
struct ElementwiseFunction {
  Function kind = Function::clip;
  float low = 0, high = 1;    ///< clip: between these
  float alpha = 0, beta = 0;  ///< hard_sigmoid: alpha x + beta, between 0 and 1; hard_swish: x (x / 6 + 0.5) likewise

  float value(float x) const;
  /// Where the function has a corner: that of the side towards 0.
  float slope(float x) const;
};

/// y = f(x).
class ElementwiseLayer final : public Layer {
 public:
  ElementwiseLayer(const std::string& name, const std::vector<Shape>& inputs, const ElementwiseFunction& function);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  FinishRows in_place(LayerInputs x, std::size_t place) override;
  Needs needs() const override { return {true, false}; }

 private:
  ElementwiseFunction function_;
};

/// y = a op b, number by number; an extent of 1 is repeated. b is the second input or, where there is none, the layer's
/// own trained numbers.
class ArithmeticLayer final : public Layer {
 public:
  struct Operands {
    Extents first, second;  ///< of equal length; of two that differ one is 1
    Operation operation = Operation::add;
    bool reversed = false;  ///< y = b op a
  };
  ArithmeticLayer(const std::string& name, const std::vector<Shape>& inputs, const Operands& operands,
                  const Shape& output);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  Needs needs() const override { return {true, false}; }
  std::vector<Parameter*> parameters() override;

 private:
  const float* second_of(LayerInputs x, std::size_t sample) const;

  Operation operation_;
  bool reversed_, has_constants_;
  std::vector<TensorLoop> loops_;  ///< over the output
  Parameter constants_;
};

}  // namespace ohmic
