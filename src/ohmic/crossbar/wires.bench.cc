// Wires of one array of 256 x 256 cells, on one thread. Goals: the exact map in at most 1000 ms; the approximate one in
// at most 10 ns per cell. Both print the goal beside; `ratio` is the approximate time over the exact one of the same
// run.

#include "ohmic/crossbar/wires.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "ohmic/core/kernels.h"
#include "ohmic/core/parallel.h"
#include "ohmic/core/random.h"

namespace ohmic {
namespace {

constexpr std::size_t kSize = 256;

template <class F>
double seconds(const F& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

Matrix some_conductances() {
  Matrix cells(kSize, kSize);
  gaussians(RandomStream(1, Purpose::data_order, 0, 0), cells.values());
  for (float& us : cells.values()) us = 0.1f + std::max(0.0f, 4 * us);
  return cells;
}

WireSpec spec_of(const benchmark::State& state, WireModel model) {
  WireSpec spec;
  spec.model = model;
  if (state.range(0) == 1) {
    spec.drive = DriveSide::both;
    spec.sense = SenseSide::both;
  }
  return spec;
}

// range(0): 1 for terminals at both ends of all lines.
void ExactWires(benchmark::State& state) {
  set_thread_count(1);
  const Matrix cells = some_conductances();
  WireMap map;
  std::vector<double> times;
  for (auto _ : state) {
    times.push_back(seconds([&] { map.renew(spec_of(state, WireModel::exact), cells.view()); }));
    state.SetIterationTime(times.back());
  }
  state.counters["exact_ms"] = 1e3 * median(times);
  state.counters["goal_ms"] = 1000;
}
BENCHMARK(ExactWires)->ArgNames({"both_ends"})->Arg(0)->Arg(1)->UseManualTime()->Unit(benchmark::kMillisecond);

void ApproximateWires(benchmark::State& state) {
  set_thread_count(1);
  const Matrix cells = some_conductances();
  WireMap map, exact;
  const double exact_s = seconds([&] { exact.renew(spec_of(state, WireModel::exact), cells.view()); });
  std::vector<double> times;
  for (auto _ : state) {
    times.push_back(seconds([&] { map.renew(spec_of(state, WireModel::approximate), cells.view()); }));
    state.SetIterationTime(times.back());
  }
  state.counters["ns_per_cell"] = 1e9 * median(times) / (kSize * kSize);
  state.counters["goal_ns"] = 10;
  state.counters["ratio"] = median(times) / exact_s;
}
BENCHMARK(ApproximateWires)->ArgNames({"both_ends"})->Arg(0)->Arg(1)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ohmic
