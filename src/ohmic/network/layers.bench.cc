// A training step of one digital layer, forward and backward, on one thread, in ns per input value; yardstick: copying
// the values forward and back, measured in turn in the same run. Goals by what has to move: at most 2 copies for relu,
// 4 for add, 6 for batch norm (which looks at its inputs four times).

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "ohmic/core/kernels.h"
#include "ohmic/core/parallel.h"
#include "ohmic/network/activations.h"
#include "ohmic/network/joining.h"
#include "ohmic/network/normalisation.h"
#include "ohmic/network/pooling.h"

namespace ohmic {
namespace {

constexpr std::size_t kBatch = 64;
constexpr Shape kImage = {1, 32, 32, 64};

double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

Matrix some_values(std::size_t columns, std::uint32_t unit) {
  Matrix m(kBatch, columns);
  gaussians(RandomStream(1, Purpose::augmentation, unit, 0), m.values());
  return m;
}

void step(benchmark::State& state, Layer& layer) {
  set_thread_count(1);
  std::vector<Matrix> x, dx;
  std::vector<MatrixView<const float>> inputs;
  std::vector<InputGradient> gradients;
  for (const Shape& shape : layer.input_shapes()) {
    x.push_back(some_values(shape.size(), static_cast<std::uint32_t>(x.size())));
    dx.emplace_back(kBatch, shape.size());
  }
  for (std::size_t k = 0; k < x.size(); ++k) {
    inputs.push_back(static_cast<const Matrix&>(x[k]).view());
    gradients.push_back({dx[k].view()});
  }
  Matrix y(kBatch, layer.output_shape().size());
  const Matrix dy = some_values(layer.output_shape().size(), 9);
  const Pass pass{0, true};
  const auto forward = [&] { layer.forward(inputs, y.view(), pass); };
  const auto backward = [&] {
    layer.backward(inputs, static_cast<const Matrix&>(y).view(), dy.view(), gradients, pass);
  };
  Matrix copied(x[0].rows(), x[0].columns());
  const auto copy = [&] {
    std::copy(x[0].values().begin(), x[0].values().end(), copied.values().begin());
    benchmark::DoNotOptimize(copied.values().data());
    std::copy(copied.values().begin(), copied.values().end(), dx[0].values().begin());
    benchmark::DoNotOptimize(dx[0].values().data());
  };
  std::vector<double> there, back, copies;
  for (auto _ : state) {
    copies.push_back(seconds(copy));
    there.push_back(seconds(forward));
    back.push_back(seconds(backward));
    state.SetIterationTime(there.back() + back.back());
  }
  const double ns = 1e9 / static_cast<double>(x[0].values().size());
  state.counters["forward_ns"] = median(there) * ns;
  state.counters["backward_ns"] = median(back) * ns;
  state.counters["copy_ns"] = median(copies) * ns;
  state.counters["ratio"] = (median(there) + median(back)) / median(copies);
}

void Relu(benchmark::State& state) {
  ReluLayer layer("relu", {kImage});
  step(state, layer);
}
void Tanh(benchmark::State& state) {
  TanhLayer layer("tanh", {kImage});
  step(state, layer);
}
void Softmax(benchmark::State& state) {
  SoftmaxLayer layer("softmax", {kImage});
  step(state, layer);
}
void Dropout(benchmark::State& state) {
  DropoutLayer layer("dropout", {kImage}, 0.5, 1, 0);
  step(state, layer);
}
void BatchNorm(benchmark::State& state) {
  BatchNormLayer layer("norm", {kImage}, 1e-5, 0.1);
  step(state, layer);
}
void BatchNormRelu(benchmark::State& state) {
  BatchNormLayer layer("norm", {kImage}, 1e-5, 0.1, true);
  step(state, layer);
}
void BatchNormOf16Channels(benchmark::State& state) {
  BatchNormLayer layer("norm", {{1, 32, 32, 16}}, 1e-5, 0.1);
  step(state, layer);
}
void LayerNorm(benchmark::State& state) {
  LayerNormLayer layer("norm", {{128, 1, 1, 512}}, 1e-5);
  step(state, layer);
}
void MaxPool(benchmark::State& state) {
  MaxPoolLayer layer("pool", {kImage}, {2, 2, 2, 0});
  step(state, layer);
}
void AveragePool(benchmark::State& state) {
  AveragePoolLayer layer("pool", {kImage}, {2, 2, 2, 0});
  step(state, layer);
}
void GlobalAveragePool(benchmark::State& state) {
  GlobalAveragePoolLayer layer("pool", {kImage});
  step(state, layer);
}
void AddRelu(benchmark::State& state) {
  AddLayer layer("add", {kImage, kImage}, true);
  step(state, layer);
}

BENCHMARK(Relu)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(Tanh)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(Softmax)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(Dropout)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(BatchNorm)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(BatchNormRelu)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(BatchNormOf16Channels)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(LayerNorm)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(MaxPool)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(AveragePool)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(GlobalAveragePool)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(AddRelu)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ohmic
