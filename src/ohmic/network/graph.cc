#include "ohmic/network/graph.h"

#include <algorithm>

#include "ohmic/core/error.h"

namespace ohmic {

Graph::Graph(const NetworkSpec& spec, std::size_t input_size, std::size_t class_count,
             const WeightsFactory& make_weights)
    : input_size_(input_size) {
  std::size_t width = input_size;
  for (std::size_t l = 0; l < spec.layers.size(); ++l) {
    const LayerSpec& layer = spec.layers[l];
    std::string name = fmt::format("layer{}", l);
    if (layer.kind == LayerKind::sigmoid) {
      layers_.push_back(std::make_unique<SigmoidLayer>(std::move(name), width));
      continue;
    }
    if (layer.units < 1) fail("network.layers.{}.units = {} must be at least 1 for a dense layer", l, layer.units);
    const auto number = static_cast<std::uint32_t>(dense_.size());
    auto weights = make_weights(number, static_cast<int>(width) + (layer.bias ? 1 : 0), static_cast<int>(layer.units),
                                layer.weights);
    auto dense =
        std::make_unique<DenseLayer>(fmt::format("dense{}", number + 1), width, layer.bias, std::move(weights));
    dense_.push_back(dense.get());
    layers_.push_back(std::move(dense));
    width = static_cast<std::size_t>(layer.units);
  }
  if (dense_.empty()) fail("network.layers has no dense layer; add [[network.layers]] with kind = \"dense\" and units");
  if (width != class_count) {
    fail(
        "the last layer of the network gives {} outputs but the data have {} classes; set units = {} in the last dense "
        "layer",
        width, class_count, class_count);
  }
}

std::size_t Graph::weight_count() const {
  std::size_t count = 0;
  for (const DenseLayer* dense : dense_) {
    count += static_cast<std::size_t>(dense->weights().inputs()) * static_cast<std::size_t>(dense->weights().outputs());
  }
  return count;
}

MatrixView<const float> Graph::forward(MatrixView<const float> x, const Pass& pass) {
  activations_.resize(layers_.size());
  MatrixView<const float> in = x;
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    activations_[l].resize(x.rows, layers_[l]->outputs());
    layers_[l]->forward(in, activations_[l].view(), pass);
    in = static_cast<const Matrix&>(activations_[l]).view();
  }
  return in;
}

void Graph::backward(MatrixView<const float> output_gradient, const Pass& pass) {
  gradients_.resize(layers_.size());
  MatrixView<const float> dy = output_gradient;
  for (std::size_t l = layers_.size(); l-- > 0;) {
    MatrixView<float> dx;
    if (l > 0) {
      gradients_[l].resize(dy.rows, layers_[l - 1]->outputs());
      dx = gradients_[l].view();
    }
    layers_[l]->backward(static_cast<const Matrix&>(activations_[l]).view(), dy, dx, pass);
    dy = dx;
  }
}

double squared_error(MatrixView<const float> outputs, std::span<const int> labels, MatrixView<float> gradient) {
  double loss = 0;
  for (std::size_t s = 0; s < outputs.rows; ++s) {
    for (std::size_t j = 0; j < outputs.columns; ++j) {
      const float difference = outputs.row(s)[j] - (static_cast<int>(j) == labels[s] ? 1.0f : 0.0f);
      gradient.row(s)[j] = difference;
      loss += 0.5 * static_cast<double>(difference) * static_cast<double>(difference);
    }
  }
  return loss;
}

int argmax(std::span<const float> values) {
  return static_cast<int>(std::max_element(values.begin(), values.end()) - values.begin());
}

}  // namespace ohmic
