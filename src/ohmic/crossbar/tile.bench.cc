// A noisy tile against the plain fp32 product of the same shape by oneDNN, measured in turn in the same run on one
// thread. Unit: ms per batch. Goal: ratio at most 0.8.

#include "ohmic/crossbar/tile.h"

#include <benchmark/benchmark.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <dnnl.hpp>
#include <vector>

#include "ohmic/core/parallel.h"
#include "ohmic/device/preset.h"

namespace ohmic {
namespace {

constexpr int kSize = 512;
constexpr int kBatch = 256;

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

template <class F>
double seconds(const F& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// y = x W in fp32 with weights in the layout that oneDNN likes best, as a framework would keep them.
class Fp32Product {
 public:
  Fp32Product() {
    using dnnl::memory;
    const auto f32 = memory::data_type::f32;
    const memory::desc x({kBatch, kSize}, f32, memory::format_tag::ab);
    const memory::desc w({kSize, kSize}, f32, memory::format_tag::any);
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::matmul::primitive_desc desc(engine_, x, w, x);
#else
    const dnnl::matmul::primitive_desc desc({x, w, x}, engine_);
#endif
    product_ = dnnl::matmul(desc);
    memory source(desc.src_desc(), engine_), weights(desc.weights_desc(), engine_), out(desc.dst_desc(), engine_);
    for (const memory& m : {source, weights}) {
      std::fill_n(static_cast<float*>(m.get_data_handle()), m.get_desc().get_size() / sizeof(float), 0.5f);
    }
    arguments_ = {{DNNL_ARG_SRC, source}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DST, out}};
  }
  void run() {
    product_.execute(stream_, arguments_);
    stream_.wait();
  }

 private:
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  dnnl::matmul product_;
  std::unordered_map<int, dnnl::memory> arguments_;
};

// range(0): rows and columns of one array; range(1): 1 for fixed converter ranges per layer, 0 for one per vector.
void NoisyTile(benchmark::State& state) {
  set_thread_count(1);
  omp_set_num_threads(1);  // oneDNN's
  TileSpec spec;
  spec.inputs = spec.outputs = kSize;
  spec.periphery.array_rows = spec.periphery.array_columns = state.range(0);
  if (state.range(1) == 1) {
    spec.periphery.dac_range = spec.periphery.adc_range = RangeMode::per_layer;
    spec.periphery.calibration_vectors = 1;
  }
  Tile tile(spec, load_cell_preset("pcm")->make());
  Matrix x(kBatch, kSize), y(kBatch, kSize);
  gaussians(RandomStream(1, Purpose::data_order, 0, 0), x.values());
  tile.forward(x.view(), y.view(), 0, true);
  Fp32Product fp32;
  std::vector<double> ours, theirs;
  std::uint64_t read = kBatch;
  for (auto _ : state) {
    theirs.push_back(seconds([&] { fp32.run(); }));
    ours.push_back(seconds([&] { tile.forward(x.view(), y.view(), read); }));
    read += kBatch;
    state.SetIterationTime(ours.back());
  }
  state.counters["tile_ms"] = 1e3 * median(ours);
  state.counters["fp32_ms"] = 1e3 * median(theirs);
  state.counters["ratio"] = median(ours) / median(theirs);
}
BENCHMARK(NoisyTile)
    ->ArgNames({"array", "fixed_range"})
    ->Args({512, 0})
    ->Args({512, 1})
    ->Args({256, 0})
    ->Args({256, 1})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

void SetPulses(benchmark::State& state) {
  TileSpec spec;
  spec.inputs = spec.outputs = kSize;
  Tile tile(spec, load_cell_preset("pcm")->make());
  std::vector<PulseRequest> requests;
  for (std::uint32_t p = 0; p < kSize * kSize; p += 3) requests.push_back({p, p % 2 == 0 ? 1 : -1});
  std::uint64_t step = 0;
  for (auto _ : state) tile.pulse(requests, step++);
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(requests.size()));
}
BENCHMARK(SetPulses)->Unit(benchmark::kMillisecond);

void DriftOfAllPairs(benchmark::State& state) {
  TileSpec spec;
  spec.inputs = spec.outputs = kSize;
  Tile tile(spec, load_cell_preset("pcm")->make());
  for (auto _ : state) tile.age(10);
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * kSize * kSize);
}
BENCHMARK(DriftOfAllPairs)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ohmic
