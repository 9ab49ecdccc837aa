// Writing a network of 25 million weights onto cells and letting them age. Goals, on two cores: at most 1 s for each of
// the two per chip, and 16 bytes per weight, fp32 weights included. Yardstick: reading those weights once from memory.

#include <benchmark/benchmark.h>

#include "ohmic/core/kernels.h"
#include "ohmic/deployment/compensation.h"
#include "ohmic/deployment/network_on_cells.h"

namespace ohmic {
namespace {

constexpr int kWidth = 2048, kLayers = 6;

Graph wide_network() {
  NetworkSpec network;
  LayerSpec dense;
  dense.bias = false;
  dense.units = kWidth;
  network.layers.assign(kLayers, dense);
  GraphContext context;
  context.input = {1, 1, 1, kWidth};
  context.make_weights = [](std::uint32_t unit, int inputs, int outputs, const LayerSpec&) {
    Matrix values(static_cast<std::size_t>(inputs), static_cast<std::size_t>(outputs));
    gaussians(RandomStream(1, Purpose::weight_initialisation, unit, 0), values.values());
    return std::make_unique<DigitalWeights>(std::move(values));
  };
  return Graph(network, context);
}

ExperimentSpec chip_spec() {
  ExperimentSpec spec;
  spec.device = DeviceSpec("pcm_inference");
  return spec;
}

void ProgramTwentyFiveMillionWeights(benchmark::State& state) {
  Graph graph = wide_network();
  NetworkOnCells cells(graph);
  const ExperimentSpec spec = chip_spec();
  const std::vector<bool> all(cells.parts().size(), true);
  std::uint64_t chip = 0;
  for (auto _ : state) benchmark::DoNotOptimize(cells.program(spec, chip++, all));
  std::size_t bytes = cells.weight_count() * sizeof(float);
  for (const Tile* tile : tiles_of(graph)) bytes += tile->bytes();
  state.counters["bytes_per_weight"] = static_cast<double>(bytes) / static_cast<double>(cells.weight_count());
}

void AgeTwentyFiveMillionWeights(benchmark::State& state) {
  Graph graph = wide_network();
  NetworkOnCells cells(graph);
  cells.program(chip_spec(), 0, std::vector<bool>(cells.parts().size(), true));
  const Matrix x(1, kWidth);
  Matrix y(1, kWidth);
  for (auto _ : state) {
    for (Tile* tile : tiles_of(graph)) {
      tile->age(3600);
      tile->forward(x.view(), y.view(), 0);  // conductances at an age are found when they are first read
    }
  }
}

void ReadTwentyFiveMillionWeights(benchmark::State& state) {
  Graph graph = wide_network();
  for (auto _ : state) {
    float sum = 0;
    for (const WeightMatrix* matrix : graph.weight_matrices()) {
      sum += max_abs(dynamic_cast<const DigitalWeights&>(*matrix->weights).values().values());
    }
    benchmark::DoNotOptimize(sum);
  }
}

BENCHMARK(ProgramTwentyFiveMillionWeights)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(AgeTwentyFiveMillionWeights)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(ReadTwentyFiveMillionWeights)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace ohmic
