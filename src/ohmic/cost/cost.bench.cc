// Costing what is there already. Goal: 100 ms for a plan, technology files included; `goal` is the ratio to that.

#include <benchmark/benchmark.h>

#include "ohmic/cost/plan_cost.h"
#include "ohmic/mapping/networks.h"

namespace ohmic {
namespace {

constexpr double kGoalSeconds = 0.1;

void CostPlan(benchmark::State& state, const char* network, std::int64_t arrays) {
  const NamedNetwork n = make_named_network(network);
  MapRequest request;
  if (arrays > 0) request.arrays = arrays;
  const Plan plan =
      map_network(n.name, make_stage_graph(n.network, n.input, n.classes), load_chip("hermes_core"), request);
  for (auto _ : state) {
    const Technology technology = load_technology("pcm_14nm");
    const CostTable table = cost_of_plan(plan, technology);
    benchmark::DoNotOptimize(summary_of_plan(plan, table, technology));
  }
  state.counters["goal"] = benchmark::Counter(static_cast<double>(state.iterations()) * kGoalSeconds,
                                              benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK_CAPTURE(CostPlan, resnet32, "resnet32_narrow", 0)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(CostPlan, resnet50_2000_arrays, "resnet50", 2000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ohmic
