#pragma once

#include <string_view>

#include "ohmic/core/error.h"
#include "ohmic/onnx/network.h"

namespace ohmic {

/// Reads a model from bytes and computes a sample if the network is small. Returns false where the reader refused it
/// with an Error; any other exception is a defect and gets out.
inline bool read_and_compute(std::string_view bytes) {
  constexpr std::size_t kMostNumbers = 1 << 18;  // of weights and of the widest layer
  try {
    const onnx::ImportedNetwork network = onnx::import_network(onnx::parse_model(bytes, "model"));
    std::size_t numbers = network.input.size();
    for (const auto& [name, values] : network.numbers) numbers += values.size();
    for (const LayerSpec& layer : network.network.layers) numbers += layer.indices.size();
    if (numbers > kMostNumbers) return true;
    Graph graph = onnx::make_digital_graph(network);
    for (std::size_t l = 0; l < graph.layer_count(); ++l) numbers += graph.layer(l).output_shape().size();
    if (numbers > kMostNumbers) return true;
    const Matrix x(1, graph.input_size());
    graph.forward(x.view(), {});
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace ohmic
