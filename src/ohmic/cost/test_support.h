#pragma once

#include <memory>

#include "ohmic/device/preset.h"
#include "ohmic/network/graph.h"

namespace ohmic {

/// A network whose weights are all on phase-change cells, in arrays of the default size.
inline Graph graph_on_cells(const NetworkSpec& network, const Shape& input, int classes) {
  static const std::shared_ptr<const CellModel> cell = DeviceSpec("pcm").make();
  GraphContext context;
  context.input = input;
  context.classes = classes;
  context.make_weights = [](std::uint32_t unit, int inputs, int outputs, const LayerSpec&) -> std::unique_ptr<Weights> {
    TileSpec spec;
    spec.inputs = inputs;
    spec.outputs = outputs;
    spec.unit = unit;
    return std::make_unique<AnalogWeights>(Tile(spec, cell));
  };
  return Graph(network, context);
}

}  // namespace ohmic
