// A graph in evaluation: samples in parts and layers in place give the bits of the layers one by one.

#include "ohmic/network/graph.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ohmic/core/kernels.h"
#include "ohmic/core/parallel.h"
#include "ohmic/device/preset.h"
#include "ohmic/network/normalisation.h"

namespace ohmic {
namespace {

constexpr Shape kImage = {1, 32, 32, 3};
constexpr std::size_t kEvaluated = 70;  // more than one part: 32 x 32 x 24 values are the widest

LayerSpec node(LayerKind kind, std::int64_t units = 0, std::vector<std::string> inputs = {}, std::string name = {}) {
  LayerSpec spec;
  spec.kind = kind;
  spec.units = units;
  spec.inputs = std::move(inputs);
  spec.name = std::move(name);
  return spec;
}

// Everything that can follow a convolution in place, and a shortcut around it.
NetworkSpec network() {
  NetworkSpec spec;
  spec.layers = {node(LayerKind::convolution, 24),
                 node(LayerKind::batch_norm),
                 node(LayerKind::relu, 0, {}, "first"),
                 node(LayerKind::convolution, 24),
                 node(LayerKind::batch_norm),
                 node(LayerKind::relu),
                 node(LayerKind::convolution, 24),
                 node(LayerKind::batch_norm, 0, {}, "inner"),
                 node(LayerKind::add, 0, {"first", "inner"}),
                 node(LayerKind::relu),
                 node(LayerKind::convolution, 8),
                 node(LayerKind::relu),
                 node(LayerKind::global_average_pool),
                 node(LayerKind::dense, 10)};
  for (LayerSpec& l : spec.layers) l.weight_scale = WeightScale::fan_in;
  return spec;
}

Graph make(WeightKind kind, int adc_bits = 8) {
  static const std::shared_ptr<const CellModel> cell = DeviceSpec("pcm").make();
  GraphContext context;
  context.input = kImage;
  context.classes = 10;
  context.make_weights = [&](std::uint32_t unit, int inputs, int outputs,
                             const LayerSpec&) -> std::unique_ptr<Weights> {
    if (kind == WeightKind::digital) {
      Matrix values(static_cast<std::size_t>(inputs), static_cast<std::size_t>(outputs));
      gaussians(RandomStream(3, Purpose::latent, unit, 0), values.values());
      return std::make_unique<DigitalWeights>(std::move(values), Sparsity::dense);
    }
    TileSpec tile;
    tile.inputs = inputs;
    tile.outputs = outputs;
    tile.unit = unit;
    tile.periphery.adc_bits = adc_bits;
    tile.periphery.array_rows = tile.periphery.array_columns = 64;  // several blocks per matrix
    return std::make_unique<AnalogWeights>(Tile(tile, cell));
  };
  return Graph(network(), context);
}

Matrix images() {
  Matrix x(kEvaluated, kImage.size());
  gaussians(RandomStream(7, Purpose::latent, 0, 1), x.values());
  return x;
}

// Running statistics and scales that are not those of a fresh network.
void train_a_little(Graph& graph) {
  for (Parameter* p : graph.parameters()) {
    gaussians(RandomStream(5, Purpose::latent, 1, p->values.size()), p->values);
  }
  graph.forward({images().values().data(), 20, kImage.size()}, {0, true});
}

// The same samples layer by layer, each layer with the whole batch.
std::vector<float> one_by_one(Graph& graph, const Matrix& x, const Pass& pass) {
  std::vector<Matrix> outputs;
  // Shortcut of `network`: the sum takes the output of the first relu, which the graph joins to its batch norm.
  const std::size_t sum = 6;
  for (std::size_t l = 0; l < graph.layer_count(); ++l) {
    Layer& layer = graph.layer(l);
    std::vector<MatrixView<const float>> in = {l == 0 ? x.view() : static_cast<const Matrix&>(outputs.back()).view()};
    if (l == sum) in.insert(in.begin(), static_cast<const Matrix&>(outputs[1]).view());
    Matrix y(x.rows(), layer.output_shape().size());
    layer.forward(in, y.view(), pass);
    outputs.push_back(std::move(y));
  }
  return {outputs.back().values().begin(), outputs.back().values().end()};
}

std::vector<float> copied(MatrixView<const float> y) { return {y.data, y.data + y.rows * y.columns}; }

TEST(Graph, EvaluationInPartsAndInPlaceGivesTheBitsOfTheLayers) {
  const Matrix x = images();
  for (const int adc_bits : {8, 0}) {
    Graph graph = make(WeightKind::analog, adc_bits);
    ASSERT_EQ(graph.layer_count(), 11u);
    train_a_little(graph);
    const Pass pass{1000, false};
    const std::vector<float> expected = one_by_one(graph, x, pass);
    EXPECT_GT(*std::max_element(expected.begin(), expected.end()), 0);
    for (const int threads : {1, 2}) {
      set_thread_count(threads);
      EXPECT_EQ(copied(graph.forward(x.view(), pass)), expected) << adc_bits << " bits, " << threads << " threads";
    }
  }
}

TEST(Graph, EvaluationInPartsOfADigitalNetworkIsThatOfTheLayers) {
  const Matrix x = images();
  Graph graph = make(WeightKind::digital);
  train_a_little(graph);
  const Pass pass{0, false};
  EXPECT_EQ(copied(graph.forward(x.view(), pass)), one_by_one(graph, x, pass));
}

// Statistics that are estimated anew come from whole batches.
TEST(Graph, ReestimationSeesTheWholeBatch) {
  const Matrix x = images();
  Graph graph = make(WeightKind::analog), twin = make(WeightKind::analog);
  const auto norm_of = [](Graph& g) -> BatchNormLayer& { return dynamic_cast<BatchNormLayer&>(g.layer(1)); };
  for (Graph* g : {&graph, &twin}) norm_of(*g).begin_reestimation();
  const std::vector<float> y = copied(graph.forward(x.view(), {0, false}));
  EXPECT_EQ(y, one_by_one(twin, x, {0, false}));
  for (Graph* g : {&graph, &twin}) norm_of(*g).end_reestimation();
  EXPECT_EQ(norm_of(graph).running_mean(), norm_of(twin).running_mean());
}

}  // namespace
}  // namespace ohmic
