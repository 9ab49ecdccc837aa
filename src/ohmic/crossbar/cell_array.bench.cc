// Ageing and reading 10 million pairs of the inference model, in which each cell drifts by an exponent of its own and
// has 1/f noise. Goal: 0.5 s on one core.

#include <benchmark/benchmark.h>

#include "ohmic/core/parallel.h"
#include "ohmic/crossbar/tile.h"
#include "ohmic/device/preset.h"

namespace ohmic {
namespace {

void AgeAndReadTenMillionPairs(benchmark::State& state) {
  set_thread_count(1);
  TileSpec spec;
  spec.inputs = 2500;
  spec.outputs = 4000;
  spec.synapse.initial_mean_us = 8;
  spec.synapse.initial_stddev_us = 4;
  spec.synapse.weight_conductance_us = 25;
  spec.drift_tolerance = 3e-3;
  Tile tile(spec, load_cell_preset("pcm_inference")->make());
  Matrix x(1, 2500), y(1, 4000);
  for (std::size_t i = 0; i < x.values().size(); ++i) x.values()[i] = static_cast<float>(i % 7) / 7;
  std::uint64_t read = 0;
  for (auto _ : state) {
    tile.age(1000);
    tile.forward(static_cast<const Matrix&>(x).view(), y.view(), read++);
    benchmark::DoNotOptimize(y.values().data());
  }
  state.counters["pairs_per_s"] =
      benchmark::Counter(1e7 * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

BENCHMARK(AgeAndReadTenMillionPairs)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ohmic
