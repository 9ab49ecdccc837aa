#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ohmic/network/graph.h"

namespace ohmic {

/// Where a layer stands in its network.
struct LayerPlace {
  std::string name;
  std::size_t position;  ///< in the list of layers
  bool is_last;
  bool with_relu;  ///< a ReLU is computed with it
};

/// Makes the layers of one network in their order: shapes, numbers of the weight matrices.
class LayerBuilder {
 public:
  explicit LayerBuilder(const GraphContext& context) : context_(context) {}

  /// `inputs`: shapes of what feeds the layer. Error where they do not fit.
  std::unique_ptr<Layer> make(const LayerSpec& spec, const LayerPlace& place, const std::vector<Shape>& inputs);

 private:
  void check_units(const LayerSpec& spec) const;
  int output_units(const LayerSpec& spec, bool is_last) const;
  std::unique_ptr<Weights> weights(const LayerSpec& spec, int inputs, int outputs);
  std::unique_ptr<Layer> convolution(const LayerSpec& spec, const std::string& name, const Shape& input);

  const GraphContext& context_;
  std::string setting_;  ///< of the layer being made, for messages
  std::uint32_t matrices_ = 0;
};

}  // namespace ohmic
