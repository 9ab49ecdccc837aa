#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "ohmic/network/layer.h"
#include "ohmic/network/spec.h"

namespace ohmic {

/// Makes the weights of one dense layer: number of the layer, rows, columns, where they are to live.
using WeightsFactory = std::function<std::unique_ptr<Weights>(std::uint32_t, int, int, WeightKind)>;

/// A chain of layers. Owns the activations and gradients of the last batch.
class Graph {
 public:
  /// `input_size`: numbers per sample; `class_count`: what the last layer must give. Error if the description is not a
  /// network.
  Graph(const NetworkSpec& spec, std::size_t input_size, std::size_t class_count, const WeightsFactory& make_weights);

  std::size_t input_size() const { return input_size_; }
  const std::vector<std::unique_ptr<Layer>>& layers() const { return layers_; }
  /// The dense layers, in order.
  const std::vector<DenseLayer*>& dense_layers() const { return dense_; }
  std::size_t weight_count() const;

  /// x: batch x input_size. Returns batch x class_count, valid until the next call.
  MatrixView<const float> forward(MatrixView<const float> x, const Pass& pass);
  /// Gradient of the loss by the outputs of the last forward pass; afterwards the dense layers hold inputs and deltas.
  void backward(MatrixView<const float> output_gradient, const Pass& pass);

 private:
  std::size_t input_size_;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<DenseLayer*> dense_;
  std::vector<Matrix> activations_, gradients_;
};

/// Half the squared distance between outputs and one-hot targets, summed over the batch; gradient = outputs - targets.
double squared_error(MatrixView<const float> outputs, std::span<const int> labels, MatrixView<float> gradient);

/// The position of the largest element; the first of equals.
int argmax(std::span<const float> values);

}  // namespace ohmic
