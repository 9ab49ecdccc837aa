#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "ohmic/core/kernels.h"
#include "ohmic/deployment/batch_norm_folding.h"
#include "ohmic/deployment/deploy.h"
#include "ohmic/network/convolution.h"

namespace ohmic {
namespace {

LayerSpec layer_of(LayerKind kind, std::int64_t units = 0) {
  LayerSpec spec;
  spec.kind = kind;
  spec.units = units;
  return spec;
}

constexpr Shape kSmallImage = {1, 6, 6, 3};

// Two convolutions with batch norm, a dense layer, all digital, with statistics and scales that are no round numbers.
Graph small_network() {
  NetworkSpec network;
  for (int k = 0; k < 2; ++k) {
    network.layers.push_back(layer_of(LayerKind::convolution, 8));
    network.layers.push_back(layer_of(LayerKind::batch_norm));
    network.layers.push_back(layer_of(LayerKind::relu));
  }
  network.layers.push_back(layer_of(LayerKind::dense, 5));
  GraphContext context;
  context.input = kSmallImage;
  context.make_weights = [](std::uint32_t unit, int inputs, int outputs, const LayerSpec& layer) {
    Matrix values(static_cast<std::size_t>(inputs), static_cast<std::size_t>(outputs));
    gaussians(RandomStream(1, Purpose::weight_initialisation, unit, 0), values.values());
    const bool is_dense = layer.kind == LayerKind::dense;
    return std::make_unique<DigitalWeights>(std::move(values), is_dense ? Sparsity::sparse : Sparsity::dense);
  };
  Graph graph(network, context);
  for (Parameter* p : graph.parameters()) {
    gaussians(RandomStream(2, Purpose::parameter_initialisation, static_cast<std::uint32_t>(p->values.size()),
                           p->name.size()),
              p->values);
  }
  for (std::size_t l = 0; l < graph.layer_count(); ++l) {
    auto* norm = dynamic_cast<BatchNormLayer*>(&graph.layer(l));
    if (norm != nullptr) norm->set_running_statistics(std::vector<float>(8, 0.7f), std::vector<float>(8, 2.3f));
  }
  return graph;
}

// Images of random bytes; the network's own answers are the labels.
DeployedNetwork small_deployment(Graph& graph) {
  DeployedNetwork network;
  network.name = "small";
  network.graph = &graph;
  network.spec.device = DeviceSpec("pcm_inference");
  for (Split* split : {&network.data.train, &network.data.test}) {
    split->count = 60;
    split->sample_shape = {3, 6, 6};
    for (int i = 0; i < split->count * 108; ++i) {
      split->pixels.push_back(static_cast<std::uint8_t>(
          random_word(RandomStream(4, Purpose::latent, 0, 0), static_cast<std::uint32_t>(i))));
    }
  }
  network.decode = [](const Split& split, std::size_t sample, const Augmentation&, std::span<float> out) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<float>(split.pixels[sample * out.size() + i]) / 255 - 0.5f;
    }
  };
  for (Split* split : {&network.data.train, &network.data.test}) {
    const Matrix outputs = outputs_of(network, *split, 60, 0);
    for (std::size_t s = 0; s < 60; ++s) split->labels.push_back(static_cast<std::uint8_t>(argmax(outputs.row(s))));
  }
  return network;
}

std::vector<float> all_outputs(const DeployedNetwork& network) {
  const Matrix outputs = outputs_of(network, network.data.test, 60, 0);
  return {outputs.values().begin(), outputs.values().end()};
}

DeploymentRequest small_request(const NetworkOnCells& cells) {
  DeploymentRequest request;
  request.times = {parse_time("25s"), parse_time("1y")};
  request.compensations = {Compensation::none, Compensation::gdc, Compensation::gdc_column, Compensation::adabs};
  request.programs = true;
  request.chips = 3;
  request.draws = 2;
  request.adabs_samples = 60;
  request.calibration_samples = 60;
  request.on_cells.assign(cells.parts().size(), true);
  return request;
}

// As they are, and with statistics estimated anew.
std::array<std::vector<float>, 2> both_outputs(DeployedNetwork& network) {
  std::array<std::vector<float>, 2> outputs = {all_outputs(network), {}};
  NormalisationCalibration calibration(network, 60);
  calibration.calibrate();
  outputs[1] = all_outputs(network);
  calibration.undo();
  return outputs;
}

TEST(BatchNormFolding, KeepsTheOutputsAlsoWithStatisticsTakenAnew) {
  Graph graph = small_network();
  DeployedNetwork network = small_deployment(graph);
  const auto before = both_outputs(network);
  EXPECT_NE(before[0], before[1]);
  EXPECT_EQ(fold_batch_norms(graph), 2);
  const auto after = both_outputs(network);
  for (const std::size_t k : {0u, 1u}) {
    const float largest = max_abs(before[k]);
    for (std::size_t i = 0; i < before[k].size(); ++i) EXPECT_NEAR(after[k][i], before[k][i], 1e-4f * largest);
  }
}

TEST(WalkLayers, GivesTheBitsOfTheGraph) {
  Graph graph = small_network();
  const DeployedNetwork network = small_deployment(graph);
  const Matrix images = decoded_images(network, network.data.test, 7);
  std::vector<float> walked;
  walk_layers(graph, images.view(), [&](std::size_t l, LayerInputs inputs, MatrixView<float> outputs) {
    graph.layer(l).forward(inputs, outputs, {0, false});
    if (l + 1 == graph.layer_count()) walked.assign(outputs.data, outputs.data + outputs.rows * outputs.columns);
  });
  const auto y = graph.forward(images.view(), {0, false});
  EXPECT_EQ(walked, std::vector<float>(y.data, y.data + y.rows * y.columns));
}

TEST(NetworkOnCells, MovesLayersToCellsAndBack) {
  Graph graph = small_network();
  const DeployedNetwork network = small_deployment(graph);
  const std::vector<float> digital = all_outputs(network);
  NetworkOnCells cells(graph);
  ASSERT_EQ(cells.parts().size(), 3u);
  EXPECT_FALSE(cells.has_cells());
  cells.program(network.spec, 0, {true, true, true});
  EXPECT_TRUE(cells.has_cells());
  const std::vector<float> analog = all_outputs(network);
  EXPECT_NE(analog, digital);
  EXPECT_GT(cells.weight_error(), 0.005);
  EXPECT_LT(cells.weight_error(), 0.08);
  cells.place({false, false, false});
  EXPECT_EQ(all_outputs(network), digital);
  cells.place({true, true, true});
  EXPECT_EQ(all_outputs(network), analog);
  EXPECT_EQ(cells.part_named("dense1"), 2u);
  EXPECT_THROW(cells.part_named("dence1"), Error);
}

TEST(NetworkOnCells, GivesEachChipErrorsOfItsOwn) {
  Graph graph = small_network();
  const DeployedNetwork network = small_deployment(graph);
  NetworkOnCells cells(graph);
  std::vector<std::vector<float>> seen;
  for (const std::uint64_t chip : {0u, 1u, 2u, 1u}) {
    cells.program(network.spec, chip, {true, true, true});
    seen.push_back(all_outputs(network));
  }
  EXPECT_NE(seen[0], seen[1]);
  EXPECT_NE(seen[1], seen[2]);
  EXPECT_EQ(seen[1], seen[3]);
}

TEST(EvaluateChips, CompensationBringsBackWhatAYearTakes) {
  Graph graph = small_network();
  DeployedNetwork network = small_deployment(graph);
  NetworkOnCells cells(graph);
  const DeploymentRequest request = small_request(cells);
  DeploymentRecord record;
  int saved = 0;
  evaluate_chips(network, cells, request, record, [&] { ++saved; });
  EXPECT_EQ(saved, 3);
  ASSERT_EQ(record.results.size(), 8u);
  ASSERT_EQ(record.results[0].chips.size(), 3u);
  const auto snr = [&](std::size_t part, std::size_t k) { return record.layers[part].snr[k].db; };
  for (std::size_t part = 0; part < 3; ++part) {
    EXPECT_GT(snr(part, 0), snr(part, 4) + 3) << "a year without compensation";
    EXPECT_GT(snr(part, 5), snr(part, 4) + 3) << "gdc after a year";
    EXPECT_GT(snr(part, 6), snr(part, 4) + 3) << "gdc per column after a year";
  }
  EXPECT_GT(record.results[0].mean, 0.6);
  EXPECT_GT(record.results[5].mean, 0.4);
}

TEST(EvaluateChips, GoesOnWithFinishedChips) {
  Graph graph = small_network();
  DeployedNetwork network = small_deployment(graph);
  NetworkOnCells cells(graph);
  DeploymentRequest request = small_request(cells);
  request.times = {parse_time("1h")};
  DeploymentRecord whole, part;
  evaluate_chips(network, cells, request, whole, [] {});
  request.chips = 2;
  evaluate_chips(network, cells, request, part, [] {});
  request.chips = 3;
  part.results.clear();
  evaluate_chips(network, cells, request, part, [] {});
  EXPECT_EQ(deployment_json(part, 2), deployment_json(whole, 2));
}

TEST(Sensitivity, ChoosesWhatHurtsMostPerWeight) {
  std::vector<LayerReport> layers(4);
  const std::vector<std::pair<std::size_t, double>> given = {{100, 0.1}, {10, 0.05}, {400, 0.9}, {90, 0.01}};
  for (std::size_t p = 0; p < 4; ++p) {
    layers[p].weights = given[p].first;
    layers[p].output_error = given[p].second;
  }
  const auto choose = [&](double budget) { return choose_digital(layers, budget, std::vector<bool>(4, false)); };
  EXPECT_EQ(choose(0), (std::vector<bool>{false, false, false, false}));
  EXPECT_EQ(choose(0.02), (std::vector<bool>{false, true, false, false}));
  EXPECT_EQ(choose(0.2), (std::vector<bool>{true, true, false, false}));
  EXPECT_EQ(choose(0.7), (std::vector<bool>{false, true, true, false}));
}

TEST(Sensitivity, MeasuresEachLayerAloneAndLeavesAllDigital) {
  Graph graph = small_network();
  DeployedNetwork network = small_deployment(graph);
  const std::vector<float> digital = all_outputs(network);
  NetworkOnCells cells(graph);
  SensitivityRequest request;
  request.images = 60;
  request.calibration_samples = 60;
  const std::vector<LayerReport> layers = measure_sensitivity(network, cells, request);
  ASSERT_EQ(layers.size(), 3u);
  for (const LayerReport& layer : layers) {
    EXPECT_GT(layer.output_error, 0) << layer.name;
    EXPECT_LT(layer.output_error, 1) << layer.name;
  }
  EXPECT_EQ(all_outputs(network), digital);
}

TEST(ChipSeed, DiffersBetweenChipsAndFitsASetting) {
  std::set<std::uint64_t> seeds;
  for (std::uint64_t chip = 0; chip < 1000; ++chip) seeds.insert(chip_seed(1, chip));
  EXPECT_EQ(seeds.size(), 1000u);
  EXPECT_EQ(chip_seed(17, 0), 17u);
  EXPECT_LT(*seeds.rbegin(), std::uint64_t{1} << 53);
}

}  // namespace
}  // namespace ohmic
