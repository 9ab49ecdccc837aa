// How fast cells are programmed. Goals, on one core: 50 million SET pulses a second; program-and-verify of a million
// cells in 3 s.

#include "ohmic/device/programming.h"

#include <benchmark/benchmark.h>

#include <vector>

#include "ohmic/core/kernels.h"
#include "ohmic/core/parallel.h"
#include "ohmic/device/preset.h"

namespace ohmic {
namespace {

struct Cells {
  std::vector<float> conductance, targets, spread;
  std::vector<std::uint8_t> pulses;

  explicit Cells(std::size_t count) : conductance(count), targets(count), spread(count), pulses(count) {
    gaussians(RandomStream(1, Purpose::step_spread, 0, 0), spread);
  }
  CellsView view() { return {conductance, pulses, spread}; }
};

void program(benchmark::State& state, const char* preset, ProgrammingMethod method, std::size_t count, float most_us) {
  set_thread_count(1);
  const auto cell = load_cell_preset(preset)->make();
  Cells cells(count);
  for (std::size_t i = 0; i < count; ++i) {
    cells.targets[i] = most_us * static_cast<float>(i % 1000) / 1000;
  }
  ProgrammingSpec spec;
  spec.method = method;
  ProgrammingResult total;
  std::uint64_t when = 0;
  for (auto _ : state) total += program_cells(*cell, spec, {1, 0, when++}, cells.targets, cells.view());
  const auto pulses = static_cast<double>(total.set_pulses);
  state.counters["SET_per_s"] = benchmark::Counter(pulses, benchmark::Counter::kIsRate);
  state.counters["converged"] = static_cast<double>(total.nonzero_converged) /
                                static_cast<double>(std::max<std::uint64_t>(1, total.nonzero_cells));
  state.counters["pulses_per_cell"] =
      static_cast<double>(total.set_pulses + total.resets + total.depression_pulses) / static_cast<double>(total.cells);
}

void BlindPulses(benchmark::State& state) { program(state, "pcm", ProgrammingMethod::blind, 100'000, 9.5f); }
void VerifyMillionPcm(benchmark::State& state) { program(state, "pcm", ProgrammingMethod::verify, 1'000'000, 8); }
void VerifyMillionInference(benchmark::State& state) {
  program(state, "pcm_inference", ProgrammingMethod::verify, 1'000'000, 25);
}

BENCHMARK(BlindPulses)->Unit(benchmark::kMillisecond);
BENCHMARK(VerifyMillionPcm)->Unit(benchmark::kMillisecond);
BENCHMARK(VerifyMillionInference)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ohmic
