// Mapping and simulating on one core. Goals: ResNet-50 mapped in 1 s, one 224 x 224 image through it (timing only) in
// 0.2 s, a co-simulated image of ResNet-32 in 0.05 s, and a cost linear in stages x pixels: the same iterations_per_s
// for images of all sizes. The yardsticks of published mappers are 2.5 s to 3 s for ResNet-18, 200 s to 360 s with
// cost.

#include <benchmark/benchmark.h>

#include "ohmic/chip/co_simulation.h"
#include "ohmic/core/kernels.h"
#include "ohmic/core/parallel.h"
#include "ohmic/device/preset.h"
#include "ohmic/mapping/networks.h"

namespace ohmic {
namespace {

StageGraph stages_of_network(const std::string& name, int size = 0) {
  NamedNetwork n = make_named_network(name);
  if (size > 0) n.input.height = n.input.width = size;
  return make_stage_graph(n.network, n.input, n.classes);
}

std::int64_t iterations_of(const Plan& plan) {
  std::int64_t sum = 0;
  for (const StagePlan& p : plan.stages) sum += p.iterations;
  return sum;
}

void MapResnet50(benchmark::State& state) {
  const ChipSpec chip = load_chip("paper");
  for (auto _ : state) {
    benchmark::DoNotOptimize(map_network("resnet50", stages_of_network("resnet50"), chip, {}));
  }
}

void SimulateOneImageThroughResnet50(benchmark::State& state) {
  const auto size = static_cast<int>(state.range(0));
  const Plan plan = map_network("resnet50", stages_of_network("resnet50", size), load_chip("paper"), {});
  const Pipeline pipeline = make_pipeline(plan, BufferBounds::bounded);
  for (auto _ : state) benchmark::DoNotOptimize(simulate(pipeline, 1));
  state.counters["iterations_per_s"] =
      benchmark::Counter(static_cast<double>(state.iterations() * iterations_of(plan)), benchmark::Counter::kIsRate);
}

void CoSimulateResnet32(benchmark::State& state) {
  set_thread_count(1);
  const NamedNetwork n = make_named_network("resnet32");
  const std::shared_ptr<const CellModel> cell = DeviceSpec("pcm").make();
  GraphContext context;
  context.input = n.input;
  context.classes = n.classes;
  context.make_weights = [&](std::uint32_t unit, int inputs, int outputs, const LayerSpec&) {
    TileSpec spec;
    spec.inputs = inputs;
    spec.outputs = outputs;
    spec.unit = unit;
    return std::make_unique<AnalogWeights>(Tile(spec, cell));
  };
  Graph graph(n.network, context);
  constexpr std::size_t kImages = 8;
  Matrix x(kImages, graph.input_size());
  gaussians(RandomStream(1, Purpose::latent, 0, 0), x.values());
  const Plan plan = map_network("resnet32", stages_of_network("resnet32"), load_chip("paper"), {});
  const Pipeline pipeline = make_pipeline(plan, BufferBounds::bounded);
  std::uint64_t first_read = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(co_simulate(graph, plan, pipeline, x.view(), first_read));
    first_read += kImages;
  }
  state.counters["s_per_image"] = benchmark::Counter(static_cast<double>(state.iterations() * kImages),
                                                     benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK(MapResnet50)->Unit(benchmark::kMillisecond);
BENCHMARK(SimulateOneImageThroughResnet50)
    ->Arg(64)
    ->Arg(96)
    ->Arg(128)
    ->Arg(224)
    ->Arg(448)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(CoSimulateResnet32)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ohmic
