// MnistEpoch: one epoch of the MNIST experiment on PCM against one in plain fp32, in turn, on one thread; with MNIST
// where it is found, else the synthetic stand-in. Goals: ratio at most 2.0, at most 40 bytes per weight.
// Step, Inference: one batch of the other experiments on as many threads as OHMIC_BENCH_THREADS says (1);
// scripts/compare_pytorch sets PyTorch beside them.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <utility>
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
  const auto pcm_trainer = make_trainer(read_experiment("mnist_mixed_precision", many), data);
  const auto fp32_trainer = make_trainer(read_experiment("mnist_sgd", many), data);
  Trainer &pcm = *pcm_trainer, &fp32 = *fp32_trainer;
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

// Batches of hybrid against mixed-precision training, in turn. Goal: ratio at most 1.3.
void HybridRatio(benchmark::State& state, const char* hybrid, const char* mixed, const char* stand_in, int steps) {
  set_thread_count(1);
  const std::vector<std::string> many = {"training.epochs=1000000"};
  const ExperimentSpec hybrid_spec = read_experiment(hybrid, many), mixed_spec = read_experiment(mixed, many);
  DatasetRequest request;
  request.name = stand_in;
  request.test_limit = 100;
  const Dataset data = load_dataset(request);
  const auto ours = make_trainer(hybrid_spec, data), theirs = make_trainer(mixed_spec, data);
  const auto seconds_of = [&](Trainer& trainer) {
    const auto start = std::chrono::steady_clock::now();
    for (int s = 0; s < steps; ++s) trainer.step();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  std::vector<double> our_seconds, their_seconds;
  for (auto _ : state) {
    their_seconds.push_back(seconds_of(*theirs) / steps);
    our_seconds.push_back(seconds_of(*ours) / steps);
    state.SetIterationTime(our_seconds.back() * steps);
  }
  state.counters["hybrid_s"] = median(our_seconds);
  state.counters["mixed_s"] = median(their_seconds);
  state.counters["ratio"] = median(our_seconds) / median(their_seconds);
  state.counters["more_bytes_per_weight"] = ours->bytes_per_weight() - theirs->bytes_per_weight();
}
BENCHMARK_CAPTURE(HybridRatio, mnist, "mnist_hybrid", "mnist_mixed_precision", "synthetic_digits", 2000)
    ->UseManualTime()
    ->Unit(benchmark::kSecond);
BENCHMARK_CAPTURE(HybridRatio, resnet32, "cifar10_hybrid_resnet32", "cifar10_resnet32", "synthetic_images", 1)
    ->UseManualTime()
    ->Unit(benchmark::kSecond);

int threads_wanted() {
  const char* text = std::getenv("OHMIC_BENCH_THREADS");
  return text == nullptr ? 1 : std::max(1, std::atoi(text));
}

// Made once, though the library calls a benchmark several times until it runs long enough.
const Dataset& stand_in(const ExperimentSpec& spec, int samples) {
  static std::map<std::pair<TaskKind, int>, Dataset> made;
  const bool is_text = spec.training.task == TaskKind::language;
  const auto found = made.find({spec.training.task, samples});
  if (found != made.end()) return found->second;
  DatasetRequest request;
  request.name = is_text ? "synthetic_text" : "synthetic_images";
  request.train_limit = is_text ? 0 : samples;
  request.test_limit = is_text ? 0 : 256;
  return made.emplace(std::pair(spec.training.task, samples), load_dataset(request)).first->second;
}

// One training step: forward, backward, update.
void Step(benchmark::State& state, const char* experiment) {
  set_thread_count(threads_wanted());
  const std::vector<std::string> settings = {"training.epochs=1000000"};
  const ExperimentSpec spec = read_experiment(experiment, settings);
  const Dataset& data = stand_in(spec, 20 * static_cast<int>(spec.training.batch_size));
  const auto trainer = make_trainer(spec, data);
  for (int i = 0; i < 2; ++i) trainer->step();  // buffers grow
  std::vector<double> seconds;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    trainer->step();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    state.SetIterationTime(seconds.back());
  }
  state.counters["median_s"] = median(seconds);
}
BENCHMARK_CAPTURE(Step, cifar10_resnet32, "cifar10_resnet32")->UseManualTime()->Unit(benchmark::kSecond);
BENCHMARK_CAPTURE(Step, cifar10_resnet32_sgd, "cifar10_resnet32_sgd")->UseManualTime()->Unit(benchmark::kSecond);
BENCHMARK_CAPTURE(Step, cifar10_cnn, "cifar10_cnn")->UseManualTime()->Unit(benchmark::kSecond);
BENCHMARK_CAPTURE(Step, cifar10_cnn_sgd, "cifar10_cnn_sgd")->UseManualTime()->Unit(benchmark::kSecond);
BENCHMARK_CAPTURE(Step, ptb_lstm, "ptb_lstm")->UseManualTime()->Unit(benchmark::kSecond);
BENCHMARK_CAPTURE(Step, ptb_lstm_sgd, "ptb_lstm_sgd")->UseManualTime()->Unit(benchmark::kSecond);

// Reading 256 images with converters and read noise.
void Inference(benchmark::State& state, const char* experiment) {
  set_thread_count(threads_wanted());
  const ExperimentSpec spec = read_experiment(experiment, {});
  const Dataset& data = stand_in(spec, 256);
  const auto trainer = make_trainer(spec, data);
  Graph& graph = trainer->graph();
  Matrix images(256, graph.input_size());
  for (std::size_t i = 0; i < images.values().size(); ++i) {
    images.values()[i] = static_cast<float>(i % 977) / 500 - 1;
  }
  std::vector<double> seconds;
  std::uint64_t read = 0;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    benchmark::DoNotOptimize(graph.forward(static_cast<const Matrix&>(images).view(), {256 * read++, false}).data);
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    state.SetIterationTime(seconds.back());
  }
  state.counters["median_s"] = median(seconds);
}
BENCHMARK_CAPTURE(Inference, cifar10_resnet32, "cifar10_resnet32")->UseManualTime()->Unit(benchmark::kSecond);

}  // namespace
}  // namespace ohmic
