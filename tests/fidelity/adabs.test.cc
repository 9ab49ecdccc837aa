// PHYSICS 7: what drifts by one factor per layer is undone by batch norm statistics that are estimated anew.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ohmic/core/kernels.h"
#include "ohmic/device/preset.h"
#include "ohmic/network/graph.h"
#include "ohmic/network/normalisation.h"

namespace ohmic {
namespace {

LayerSpec described(LayerKind kind, std::int64_t units = 0) {
  LayerSpec spec;
  spec.kind = kind;
  spec.units = units;
  spec.bias = false;
  spec.epsilon = 0;
  return spec;
}

// Three analog convolutions with batch norm after each.
class AdaBs : public testing::Test {
 protected:
  AdaBs() : graph_(make()), images_(40, kImage.size()) {
    gaussians(RandomStream(11, Purpose::latent, 0, 0), images_.values());
    for (Parameter* p : graph_.parameters()) {
      gaussians(RandomStream(12, Purpose::latent, 0, p->values.size()), p->values);
    }
    calibrate();
  }

  std::vector<float> outputs() {
    const auto y = graph_.forward(static_cast<const Matrix&>(images_).view(), {0, false});
    return {y.data, y.data + y.rows * y.columns};
  }

  void calibrate() {
    const auto each_norm = [&](auto&& f) {
      for (std::size_t l = 0; l < graph_.layer_count(); ++l) {
        if (auto* norm = dynamic_cast<BatchNormLayer*>(&graph_.layer(l))) f(*norm);
      }
    };
    each_norm([](BatchNormLayer& norm) { norm.begin_reestimation(); });
    outputs();
    each_norm([](BatchNormLayer& norm) { norm.end_reestimation(); });
  }

  // Every layer's outputs fade by a factor of its own.
  void fade(float factor) {
    for (WeightMatrix* matrix : graph_.weight_matrices()) {
      dynamic_cast<AnalogWeights&>(*matrix->weights).tile().set_output_scale(factor);
      factor *= factor;
    }
  }

 private:
  static constexpr Shape kImage = {1, 9, 9, 4};

  static Graph make() {
    static const std::shared_ptr<const CellModel> cell = DeviceSpec("ideal").make();
    GraphContext context;
    context.input = kImage;
    context.make_weights = [](std::uint32_t unit, int inputs, int outputs, const LayerSpec&) {
      TileSpec tile;
      tile.inputs = inputs;
      tile.outputs = outputs;
      tile.unit = unit;
      tile.periphery.dac_bits = tile.periphery.adc_bits = 0;
      return std::make_unique<AnalogWeights>(Tile(tile, cell));
    };
    NetworkSpec network;
    for (const std::int64_t units : {8, 8, 6}) {
      network.layers.push_back(described(LayerKind::convolution, units));
      network.layers.push_back(described(LayerKind::batch_norm));
      network.layers.push_back(described(LayerKind::relu));
    }
    network.layers.push_back(described(LayerKind::global_average_pool));
    return Graph(network, context);
  }

  Graph graph_;
  Matrix images_;
};

// Powers of two round nothing, so that nothing may differ.
TEST_F(AdaBs, PowersOfTwoCancelExactly) {
  const std::vector<float> before = outputs();
  EXPECT_GT(*std::max_element(before.begin(), before.end()), 0);
  fade(0.5f);
  EXPECT_NE(outputs(), before);
  calibrate();
  EXPECT_EQ(outputs(), before);
}

TEST_F(AdaBs, AnyFactorCancelsButForRounding) {
  const std::vector<float> before = outputs();
  const float largest = *std::max_element(before.begin(), before.end());
  fade(0.61f);
  const std::vector<float> faded = outputs();
  calibrate();
  const std::vector<float> after = outputs();
  float uncompensated = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_NEAR(after[i], before[i], 1e-5f * largest) << i;
    uncompensated = std::max(uncompensated, std::abs(faded[i] - before[i]));
  }
  EXPECT_GT(uncompensated, 0.05f * largest);
}

}  // namespace
}  // namespace ohmic
