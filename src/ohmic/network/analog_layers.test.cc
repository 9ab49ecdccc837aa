// Layers on ideal cells without converters against the same layers in fp32: outputs, gradients by the inputs and by the
// weights agree within 1e-4 of their root mean square, for every kind that has weights.

#include <gtest/gtest.h>

#include <cmath>

#include "ohmic/core/kernels.h"
#include "ohmic/device/preset.h"
#include "ohmic/network/graph.h"

namespace ohmic {
namespace {

constexpr std::size_t kBatch = 5;

TileSpec tile_spec(int inputs, int outputs, std::uint32_t unit) {
  TileSpec spec;
  spec.inputs = inputs;
  spec.outputs = outputs;
  spec.periphery.dac_bits = spec.periphery.adc_bits = 0;
  spec.periphery.array_rows = spec.periphery.array_columns = 16;  // several arrays per matrix
  spec.unit = unit;
  return spec;
}

// The same network twice, on cells and in fp32, with the same weights.
class Twins {
 public:
  Twins(const LayerSpec& layer, const Shape& input)
      : analog_(make(layer, input, true)), digital_(make(layer, input, false)) {
    for (std::size_t m = 0; m < analog_.weight_matrices().size(); ++m) {
      const Tile& tile = dynamic_cast<AnalogWeights&>(*analog_.weight_matrices()[m]->weights).tile();
      auto& weights = dynamic_cast<DigitalWeights&>(*digital_.weight_matrices()[m]->weights);
      tile.read_weights(weights.values().view());
    }
  }

  void expect_equal() {
    for (const bool is_training : {true, false}) {
      const Pass pass{0, is_training};
      const Matrix x = random(analog_.input_size(), 1);
      const auto a = analog_.forward(x.view(), pass), d = digital_.forward(x.view(), pass);
      expect_near(span(a), span(d), "outputs");
      if (!is_training) continue;
      const Matrix dy = random(analog_.output_shape().size(), 2);
      Matrix dx_analog(kBatch, x.columns()), dx_digital(kBatch, x.columns());
      analog_.backward(dy.view(), pass, dx_analog.view());
      digital_.backward(dy.view(), pass, dx_digital.view());
      expect_near(dx_analog.values(), dx_digital.values(), "gradient by the inputs");
      for (std::size_t m = 0; m < analog_.weight_matrices().size(); ++m) {
        const WeightMatrix &ours = *analog_.weight_matrices()[m], &theirs = *digital_.weight_matrices()[m];
        ASSERT_EQ(ours.factored, theirs.factored);
        if (!ours.factored) expect_near(ours.gradient.values(), theirs.gradient.values(), "gradient");
        if (ours.factored) expect_near(ours.deltas.values(), theirs.deltas.values(), "deltas");
      }
    }
  }

 private:
  static Graph make(const LayerSpec& layer, const Shape& input, bool is_analog) {
    static const std::shared_ptr<const CellModel> cell = DeviceSpec("ideal").make();
    GraphContext context;
    context.input = input;
    context.make_weights = [&](std::uint32_t unit, int inputs, int outputs,
                               const LayerSpec& spec) -> std::unique_ptr<Weights> {
      if (is_analog) {
        auto weights = std::make_unique<AnalogWeights>(Tile(tile_spec(inputs, outputs, unit), cell));
        weights->tile().set_weight_scale(0.7f);
        return weights;
      }
      const Sparsity sparsity = spec.kind == LayerKind::dense ? Sparsity::sparse : Sparsity::dense;
      return std::make_unique<DigitalWeights>(
          Matrix(static_cast<std::size_t>(inputs), static_cast<std::size_t>(outputs)), sparsity);
    };
    NetworkSpec network;
    network.layers = {layer};
    return Graph(network, context);
  }

  static Matrix random(std::size_t columns, std::uint64_t which) {
    Matrix m(kBatch, columns);
    gaussians(RandomStream(7, Purpose::latent, 0, which), m.values());
    return m;
  }

  static std::span<const float> span(MatrixView<const float> m) { return {m.data, m.rows * m.columns}; }

  static void expect_near(std::span<const float> a, std::span<const float> b, const char* what) {
    ASSERT_EQ(a.size(), b.size());
    double squares = 0, largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      squares += static_cast<double>(b[i]) * static_cast<double>(b[i]);
      largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    }
    const double rms = std::sqrt(squares / static_cast<double>(b.size()));
    EXPECT_GT(rms, 0) << what;
    EXPECT_LT(largest, 1e-4 * rms) << what;
  }

  Graph analog_, digital_;
};

LayerSpec layer(LayerKind kind, std::int64_t units) {
  LayerSpec spec;
  spec.kind = kind;
  spec.units = units;
  return spec;
}

TEST(AnalogLayers, DenseEqualsFp32) {
  Twins(layer(LayerKind::dense, 23), {1, 1, 1, 37}).expect_equal();
  Twins(layer(LayerKind::dense, 5), {4, 1, 1, 20}).expect_equal();  // at every step
}

TEST(AnalogLayers, ConvolutionEqualsFp32) {
  Twins(layer(LayerKind::convolution, 7), {1, 6, 5, 3}).expect_equal();
  LayerSpec strided = layer(LayerKind::convolution, 18);
  strided.stride = 2;
  strided.kernel = 5;
  Twins(strided, {1, 9, 8, 4}).expect_equal();
  LayerSpec grouped = layer(LayerKind::convolution, 6);
  grouped.groups = 3;
  Twins(grouped, {1, 5, 5, 9}).expect_equal();
}

TEST(AnalogLayers, TransposedConvolutionEqualsFp32) {
  LayerSpec spec = layer(LayerKind::transposed_convolution, 3);
  spec.kernel = 4;
  spec.stride = 2;
  spec.padding = 1;
  Twins(spec, {1, 4, 5, 6}).expect_equal();
}

TEST(AnalogLayers, LstmEqualsFp32) { Twins(layer(LayerKind::lstm, 9), {6, 1, 1, 11}).expect_equal(); }

}  // namespace
}  // namespace ohmic
