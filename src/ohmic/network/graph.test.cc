// Samples in parts, layers in place and gradients that share a place give the bits of the layers one by one.

#include "ohmic/network/graph.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ohmic/core/kernels.h"
#include "ohmic/core/parallel.h"
#include "ohmic/core/test_support.h"
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

// A network, and which layers of its graph feed each of them; -1: the sample.
struct Wired {
  NetworkSpec spec;
  std::vector<std::vector<int>> inputs;
};

Wired wired(std::vector<LayerSpec> layers, std::vector<std::vector<int>> inputs) {
  for (LayerSpec& l : layers) l.weight_scale = WeightScale::fan_in;
  Wired w;
  w.spec.layers = std::move(layers);
  w.inputs = std::move(inputs);
  return w;
}

// Residual blocks without and with a convolution in the shortcut, which the second sum takes from the layer before it.
Wired residual_network() {
  LayerSpec shortcut = node(LayerKind::convolution, 16, {"second"});
  shortcut.kernel = 1;
  return wired({node(LayerKind::convolution, 16), node(LayerKind::batch_norm), node(LayerKind::relu, 0, {}, "first"),
                node(LayerKind::convolution, 16), node(LayerKind::batch_norm), node(LayerKind::relu),
                node(LayerKind::convolution, 16), node(LayerKind::batch_norm, 0, {}, "inner"),
                node(LayerKind::add, 0, {"first", "inner"}), node(LayerKind::relu, 0, {}, "second"),
                node(LayerKind::convolution, 16), node(LayerKind::batch_norm, 0, {}, "branch"), shortcut,
                node(LayerKind::batch_norm, 0, {}, "short"), node(LayerKind::add, 0, {"branch", "short"}),
                node(LayerKind::global_average_pool), node(LayerKind::dense, 10)},
               {{-1}, {0}, {1}, {2}, {3}, {4}, {1, 5}, {6}, {7}, {6}, {9}, {8, 10}, {11}, {12}});
}

// A sum that takes one input twice, at the end or before another layer.
Wired repeated_input(bool ends) {
  Wired w = wired({node(LayerKind::convolution, 8, {}, "a"), node(LayerKind::batch_norm, 0, {}, "b"),
                   node(LayerKind::add, 0, {"a", "b", "a"})},
                  {{-1}, {0}, {0, 1, 0}});
  if (!ends) {
    w.spec.layers.push_back(node(LayerKind::global_average_pool));
    w.inputs.push_back({2});
  }
  return w;
}

// A convolution whose deltas are made from the gradient that it adds its own to.
Wired one_convolution_beside_its_input() {
  return wired({node(LayerKind::convolution, 16, {}, "a"), node(LayerKind::convolution, 16),
                node(LayerKind::batch_norm, 0, {}, "b"), node(LayerKind::add, 0, {"a", "b"}),
                node(LayerKind::global_average_pool)},
               {{-1}, {0}, {1}, {0, 2}, {3}});
}

// A batch norm leaves its gradient only to convolutions that need no gradient of a bias.
Wired without_bias(Wired w) {
  for (LayerSpec& l : w.spec.layers) l.bias = false;
  return w;
}

Graph make(WeightKind kind, int adc_bits = 8, const NetworkSpec& spec = network(), int slices = 1) {
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
    tile.synapse.slices = slices;
    tile.periphery.adc_bits = adc_bits;
    tile.periphery.array_rows = tile.periphery.array_columns = 64;  // several blocks per matrix
    return std::make_unique<AnalogWeights>(Tile(tile, cell));
  };
  return Graph(spec, context);
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

// Forward and back, layer by layer, each output and gradient in a place of its own. Gives the last output.
std::vector<float> train_one_by_one(Graph& graph, const std::vector<std::vector<int>>& wiring, const Matrix& x,
                                    const Matrix& output_gradient, const Pass& pass) {
  std::vector<Matrix> outputs, gradients(graph.layer_count());
  const auto inputs_of = [&](std::size_t l) {
    std::vector<MatrixView<const float>> in;
    for (const int input : wiring[l]) {
      in.push_back(input < 0 ? x.view() : static_cast<const Matrix&>(outputs[static_cast<std::size_t>(input)]).view());
    }
    return in;
  };
  for (std::size_t l = 0; l < graph.layer_count(); ++l) {
    outputs.emplace_back(x.rows(), graph.layer(l).output_shape().size());
    graph.layer(l).forward(inputs_of(l), outputs.back().view(), pass);
  }
  gradients.back() = output_gradient;
  for (std::size_t l = graph.layer_count(); l-- > 0;) {
    std::vector<Matrix> own;
    std::vector<InputGradient> dx;
    for (const int input : wiring[l]) {
      own.emplace_back(x.rows(), input < 0 ? 0 : outputs[static_cast<std::size_t>(input)].columns());
    }
    for (std::size_t k = 0; k < own.size(); ++k) {
      dx.push_back(wiring[l][k] < 0 ? InputGradient() : InputGradient{own[k].view()});
    }
    graph.layer(l).backward(inputs_of(l), static_cast<const Matrix&>(outputs[l]).view(),
                            static_cast<const Matrix&>(gradients[l]).view(), dx, pass);
    for (std::size_t k = 0; k < own.size(); ++k) {
      if (wiring[l][k] < 0) continue;
      Matrix& sum = gradients[static_cast<std::size_t>(wiring[l][k])];
      if (sum.rows() == 0) sum = Matrix(x.rows(), own[k].columns());
      for (std::size_t i = 0; i < sum.values().size(); ++i) sum.values()[i] += own[k].values()[i];
    }
  }
  return {outputs.back().values().begin(), outputs.back().values().end()};
}

std::vector<std::vector<float>> gradients_of(Graph& graph) {
  std::vector<std::vector<float>> all;
  for (std::size_t l = 0; l < graph.layer_count(); ++l) {
    for (WeightMatrix* m : graph.layer(l).weight_matrices()) {
      for (const Matrix* values : {&m->gradient, &m->inputs, &m->deltas}) {
        all.emplace_back(values->values().begin(), values->values().end());
      }
    }
  }
  for (Parameter* p : graph.parameters()) all.push_back(p->gradient);
  return all;
}

void expect_training_as_layer_by_layer(const Wired& network, WeightKind kind, int slices) {
  Graph graph = make(kind, 8, network.spec, slices), twin = make(kind, 8, network.spec, slices);
  ASSERT_EQ(graph.layer_count(), network.inputs.size());
  constexpr std::size_t kTrained = test::tries(20, 5);
  Matrix x(kTrained, kImage.size()), dy(kTrained, graph.layer(graph.layer_count() - 1).output_shape().size());
  gaussians(RandomStream(7, Purpose::latent, 0, 1), x.values());
  gaussians(RandomStream(7, Purpose::latent, 0, 2), dy.values());
  for (const std::uint64_t first_read : {0, 1000}) {  // the second pass finds matrices of the first one
    const Pass pass{first_read, true};
    const std::vector<float> y = copied(graph.forward(x.view(), pass));
    graph.backward(static_cast<const Matrix&>(dy).view(), pass);
    EXPECT_EQ(y, train_one_by_one(twin, network.inputs, x, dy, pass));
    EXPECT_EQ(gradients_of(graph), gradients_of(twin));
  }
}

TEST(Graph, TrainingInPlaceGivesTheBitsOfTheLayers) {
  for (const Wired& network :
       {residual_network(), without_bias(residual_network()), without_bias(repeated_input(false)), repeated_input(true),
        without_bias(one_convolution_beside_its_input())}) {
    for (const int threads : {1, 2}) {
      set_thread_count(threads);
      expect_training_as_layer_by_layer(network, WeightKind::analog, 1);
      expect_training_as_layer_by_layer(network, WeightKind::analog, 2);
      expect_training_as_layer_by_layer(network, WeightKind::digital, 1);
    }
  }
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
