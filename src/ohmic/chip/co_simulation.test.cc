#include "ohmic/chip/co_simulation.h"

#include <gtest/gtest.h>

#include <map>

#include "ohmic/core/test_support.h"
#include "ohmic/device/preset.h"
#include "ohmic/mapping/test_support.h"

namespace ohmic {
namespace {

constexpr std::uint64_t kFirstRead = 1000;

// Phase-change cells with read noise and 8-bit converters, on arrays small enough that matrices are split.
Graph noisy_graph(const NetworkSpec& network, const Shape& input, int classes, int array_rows = 128) {
  static const std::shared_ptr<const CellModel> cell = DeviceSpec("pcm").make();
  GraphContext context;
  context.input = input;
  context.classes = classes;
  context.make_weights = [&](std::uint32_t unit, int inputs, int outputs,
                             const LayerSpec&) -> std::unique_ptr<Weights> {
    TileSpec spec;
    spec.inputs = inputs;
    spec.outputs = outputs;
    spec.periphery.array_rows = array_rows;
    spec.unit = unit;
    return std::make_unique<AnalogWeights>(Tile(spec, cell));
  };
  return Graph(network, context);
}

Matrix random_samples(std::size_t count, std::size_t size) {
  Matrix x(count, size);
  gaussians(RandomStream(3, Purpose::latent, 0, 0), x.values());
  return x;
}

std::vector<float> layer_by_layer(Graph& graph, const Matrix& x) {
  const auto y = graph.forward(x.view(), Pass{kFirstRead, false});
  return {y.data, y.data + y.rows * y.columns};
}

// An LSTM numbers its reads by step and place in the batch, so that sequences go through it one by one.
std::vector<float> layer_by_layer_one_by_one(Graph& graph, const Matrix& x) {
  std::vector<float> all;
  for (std::size_t s = 0; s < x.rows(); ++s) {
    const auto y = graph.forward({x.row(s).data(), 1, x.columns()}, Pass{kFirstRead + s, false});
    all.insert(all.end(), y.data, y.data + y.columns);
  }
  return all;
}

std::vector<float> values_of(const Matrix& m) { return {m.values().begin(), m.values().end()}; }

struct Case {
  NetworkSpec network;
  Shape input;
  int classes = 0;
};

Case case_of(const std::string& name) {
  NamedNetwork n = make_named_network(name);
  return {std::move(n.network), n.input, n.classes};
}

void expect_equal_bits(const Case& c, Tick ticks, BufferScheme scheme, bool packs, int samples) {
  Graph graph = noisy_graph(c.network, c.input, c.classes);
  const Matrix x = random_samples(static_cast<std::size_t>(samples), graph.input_size());
  MapRequest request;
  if (ticks > 0) request.ticks = ticks;
  request.scheme = scheme;
  request.packing = packs ? WindowPacking::on : WindowPacking::off;
  request.sharing = packs ? ArraySharing::on : ArraySharing::off;
  const Plan plan =
      map_network("network", make_stage_graph(c.network, c.input, c.classes), load_chip("paper"), request);
  const auto result = co_simulate(graph, plan, make_pipeline(plan, BufferBounds::bounded), x.view(), kFirstRead);
  ASSERT_TRUE(result.timing.deadlock.empty());
  EXPECT_EQ(result.wrong_pixels, 0);
  EXPECT_GT(result.moved_pixels, 0);
  EXPECT_EQ(values_of(result.outputs), layer_by_layer(graph, x));
}

TEST(CoSimulation, Resnet32EqualsTheLayerByLayerRun) {
  expect_equal_bits(case_of("resnet32"), 64, BufferScheme::full_rate, false, test::tries(3, 2));
  expect_equal_bits(case_of("resnet32"), 0, BufferScheme::least, false, test::tries(2, 1));
}

TEST(CoSimulation, InceptionEqualsTheLayerByLayerRun) {
  for (const int samples : {1, test::tries(5, 2)}) {
    expect_equal_bits(case_of("small_inception"), 16, BufferScheme::least, false, samples);
    expect_equal_bits(case_of("small_inception"), 0, BufferScheme::full_rate, true, samples);
  }
}

TEST(CoSimulation, MoreSamplesThanFitTheChipAtOnceEqualTheLayerByLayerRun) {
  expect_equal_bits(case_of("small_inception"), 2, BufferScheme::full_rate, false, test::tries(20, 10));
}

TEST(CoSimulation, DenseBlockEqualsTheLayerByLayerRun) {
  for (const int samples : {1, test::tries(5, 2)}) {
    expect_equal_bits(case_of("small_dense_block"), 32, BufferScheme::least, false, samples);
    expect_equal_bits(case_of("small_dense_block"), 0, BufferScheme::rows, true, samples);
  }
}

TEST(CoSimulation, RandomNetworksEqualTheLayerByLayerRun) {
  for (int seed = 0; seed < test::tries(25, 10); ++seed) {
    RandomNetwork network(seed);
    const NetworkSpec spec = network.spec();
    expect_equal_bits({spec, network.input(), 4}, 0, seed % 2 == 0 ? BufferScheme::least : BufferScheme::full_rate,
                      seed % 3 == 0, 3);
  }
}

// A sequence through an LSTM, one step after the other.
// The arithmetic takes as many arrays as the plan counts, layer by layer: rows are split anywhere in both, so that 504
// rows of 56 channels take two arrays. 15,361 products of single arrays for one image (CHIP section 5).
TEST(CoSimulation, TilesTakeTheArraysOfThePlan) {
  const Case c = case_of("resnet32_narrow");
  const std::shared_ptr<const CellModel> cell = DeviceSpec("ideal").make();
  std::map<std::string, const Weights*> matrices;
  GraphContext context;
  context.input = c.input;
  context.classes = c.classes;
  context.make_weights = [&](std::uint32_t unit, int inputs, int outputs,
                             const LayerSpec& layer) -> std::unique_ptr<Weights> {
    TileSpec spec;
    spec.inputs = inputs;
    spec.outputs = outputs;
    spec.unit = unit;
    auto weights = std::make_unique<AnalogWeights>(Tile(spec, cell));
    matrices[layer.name] = weights.get();
    return weights;
  };
  Graph graph(c.network, context);
  layer_by_layer(graph, random_samples(1, graph.input_size()));
  const Plan plan = split("resnet32_narrow", make_stage_graph(c.network, c.input, c.classes), load_chip("paper"),
                          DepthwisePlace::arrays);
  std::uint64_t products = 0;
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    const StagePlan& p = plan.stages[s];
    if (p.arrays_per_copy == 0) continue;
    const std::uint64_t counted = matrices.at(plan.graph.stages[s].name)->counters().mvm;
    EXPECT_EQ(counted, static_cast<std::uint64_t>(p.iterations * p.arrays_per_copy)) << plan.graph.stages[s].name;
    products += counted;
  }
  EXPECT_EQ(products, 15361u);
}

TEST(CoSimulation, LstmEqualsTheLayerByLayerRun) {
  Case c;
  c.input = {7, 1, 1, 5};
  c.classes = 6;
  LayerSpec lstm, last;
  lstm.kind = LayerKind::lstm;
  lstm.units = 9;
  last.kind = LayerKind::dense;
  last.units = 6;
  c.network.layers = {lstm, last};
  Graph graph = noisy_graph(c.network, c.input, c.classes);
  const Matrix x = random_samples(4, graph.input_size());
  const Plan plan = map_network("lstm", make_stage_graph(c.network, c.input, c.classes), load_chip("paper"), {});
  const auto result = co_simulate(graph, plan, make_pipeline(plan, BufferBounds::bounded), x.view(), kFirstRead);
  ASSERT_TRUE(result.timing.deadlock.empty());
  EXPECT_EQ(result.timing.ticks_per_sample(), 7);
  EXPECT_EQ(values_of(result.outputs), layer_by_layer_one_by_one(graph, x));
}

// A schedule that believes a 3x3 kernel to be 1x1 starts too early and frees pixels too early: other numbers.
TEST(CoSimulation, AWrongScheduleShowsInTheNumbers) {
  const Case c = case_of("small_inception");
  Graph graph = noisy_graph(c.network, c.input, c.classes);
  const Matrix x = random_samples(2, graph.input_size());
  const Plan plan = map_network("network", make_stage_graph(c.network, c.input, c.classes), load_chip("paper"), {});
  const auto right = layer_by_layer(graph, x);
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    if (plan.graph.stages[s].kernel_height != 3 || plan.graph.stages[s].kind != StageKind::convolution) continue;
    Pipeline pipeline = make_pipeline(plan, BufferBounds::bounded);
    PipelineBuffer& buffer = pipeline.stages[s].inputs[0];
    buffer.access = InputAccess::window(c.input.height, c.input.width, 1, 1, 1, 1, 0);
    if (buffer.access.pixels() != plan.graph.stages[s].output.height * plan.graph.stages[s].output.width) continue;
    const auto result = co_simulate(graph, plan, pipeline, x.view(), kFirstRead);
    ASSERT_TRUE(result.timing.deadlock.empty());
    EXPECT_GT(result.wrong_pixels, 0);
    EXPECT_NE(values_of(result.outputs), right) << plan.graph.stages[s].name;
  }
}

TEST(CoSimulation, ADeadlockGivesNoOutputs) {
  const Case c = case_of("small_inception");
  Graph graph = noisy_graph(c.network, c.input, c.classes);
  const Matrix x = random_samples(1, graph.input_size());
  const Plan plan = map_network("network", make_stage_graph(c.network, c.input, c.classes), load_chip("paper"), {});
  Pipeline pipeline = make_pipeline(plan, BufferBounds::bounded);
  pipeline.stages[1].inputs[0].capacity = 5;
  const auto result = co_simulate(graph, plan, pipeline, x.view(), kFirstRead);
  EXPECT_EQ(result.timing.deadlock.size(), 1u);
  EXPECT_EQ(result.outputs.rows(), 0u);
}

}  // namespace
}  // namespace ohmic
