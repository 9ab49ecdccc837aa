#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "ohmic/core/config.h"

namespace ohmic {

enum class LayerKind { dense, sigmoid };
inline constexpr std::array<std::string_view, 2> kLayerKinds = {"dense", "sigmoid"};

enum class WeightKind {
  analog,   ///< on memory cells
  digital,  ///< in fp32
};
inline constexpr std::array<std::string_view, 2> kWeightKinds = {"analog", "digital"};

struct LayerSpec {
  LayerKind kind = LayerKind::dense;
  std::int64_t units = 0;
  bool bias = true;
  WeightKind weights = WeightKind::analog;
};

inline void describe(FieldVisitor& v, LayerSpec& s) {
  v.choice({"kind", "", "what the layer does"}, kLayerKinds, s.kind);
  v.field({"units", "", "outputs of a dense layer", 0, 1e6}, s.units);
  v.field({"bias", "", "whether a dense layer has a bias, as a further row of its matrix"}, s.bias);
  v.choice({"weights", "", "where a dense layer's weights live, unless training.rule makes all digital"}, kWeightKinds,
           s.weights);
}

struct NetworkSpec {
  std::vector<LayerSpec> layers;
};

inline void describe(FieldVisitor& v, NetworkSpec& s) { v.list({"layers", "", "the layers in order"}, s.layers); }

}  // namespace ohmic
