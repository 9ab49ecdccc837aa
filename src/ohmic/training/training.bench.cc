// One epoch of the MNIST experiment on PCM against one in plain fp32, in turn, on one thread; with MNIST where it is
// found, else the synthetic stand-in. Goals: ratio at most 2.0, at most 40 bytes per weight.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "ohmic/core/parallel.h"
#include "ohmic/training/trainer.h"

namespace ohmic {
namespace {

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

double epoch_seconds(Trainer& trainer) {
  const auto start = std::chrono::steady_clock::now();
  while (!trainer.step()) {
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void MnistEpoch(benchmark::State& state) {
  set_thread_count(1);
  DatasetRequest request;
  request.when_missing = MissingData::synthetic;
  const Dataset data = load_dataset(request);
  state.SetLabel(data.synthetic ? "synthetic digits" : "MNIST");
  const std::vector<std::string> many = {"training.epochs=1000000"};
  Trainer pcm(read_experiment("mnist_mixed_precision", many), data);
  Trainer fp32(read_experiment("mnist_sgd", many), data);
  std::vector<double> ours, theirs;
  double most_bytes = 0;
  for (auto _ : state) {
    theirs.push_back(epoch_seconds(fp32));
    ours.push_back(epoch_seconds(pcm));
    most_bytes = std::max(most_bytes, pcm.bytes_per_weight());
    state.SetIterationTime(ours.back());
  }
  state.counters["pcm_s"] = median(ours);
  state.counters["fp32_s"] = median(theirs);
  state.counters["ratio"] = median(ours) / median(theirs);
  state.counters["bytes_per_weight"] = most_bytes;
}
BENCHMARK(MnistEpoch)->UseManualTime()->Unit(benchmark::kSecond);

}  // namespace
}  // namespace ohmic
