#pragma once

#include "ohmic/network/layer.h"

namespace ohmic {

/// y = [x 1] W (the 1 for the bias, if any), at every step of a sequence; an image counts as one vector. Keeps [x 1]
/// and dy, the factors of the gradient.
class DenseLayer final : public Layer {
 public:
  /// `weights`: (inputs + 1 if bias) x units.
  DenseLayer(std::string name, const Shape& input, bool bias, std::unique_ptr<Weights> weights);

  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  Needs needs() const override { return {false, false}; }
  std::vector<WeightMatrix*> weight_matrices() override { return {&matrix_}; }

 private:
  Pass pass_of_vectors(const Pass& pass) const;

  bool bias_;
  std::size_t vectors_per_sample_, inputs_per_vector_;
  WeightMatrix matrix_;
  Matrix input_gradients_;  ///< scratch
};

/// The shape of one input vector of a dense layer: all of an image, one step of a sequence.
inline int dense_inputs(const Shape& input) { return static_cast<int>(input.size()) / input.steps; }

}  // namespace ohmic
