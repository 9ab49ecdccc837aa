#pragma once

// Layers whose inputs are token numbers: floats that are whole numbers 0, 1, .., one channel per step.

#include <cstdint>
#include <string>
#include <vector>

#include "ohmic/network/layer.h"

namespace ohmic {

/// The row of a table that a token names. The table is a Parameter, vocabulary x units, initially N(0, 1). A token
/// outside the vocabulary is an Error that names it.
class EmbeddingLayer final : public Layer {
 public:
  /// number: of the layer, for its random numbers.
  EmbeddingLayer(const std::string& name, const std::vector<Shape>& inputs, int vocabulary, int units,
                 std::uint64_t seed, std::uint32_t number);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  /// The gradient by the tokens is zero.
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  Needs needs() const override { return {true, false}; }
  std::vector<Parameter*> parameters() override { return {&table_}; }

  int vocabulary() const { return vocabulary_; }

 private:
  int vocabulary_;
  Parameter table_;
};

/// One channel per class, 1 for the token's and 0 elsewhere. A token that is no class is an Error that names it.
class OneHotLayer final : public Layer {
 public:
  OneHotLayer(const std::string& name, const std::vector<Shape>& inputs, int classes);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  /// The gradient by the tokens is zero.
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  Needs needs() const override { return {false, false}; }
};

}  // namespace ohmic
