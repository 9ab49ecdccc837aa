// Convolutions through a noisy tile, 8-bit converters, against the fp32 convolutions of the same shape by oneDNN in its
// own layouts, measured in turn in the same run on the same threads. The shapes are the three stages of ResNet-32 on
// CIFAR-10 with batch 100. Unit: ms per batch. Goal: the sum of forward, backward and gradient over the stages at most
// that of fp32.

#include "ohmic/crossbar/patches.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <ctime>
#include <dnnl.hpp>
#include <vector>

#include "ohmic/core/parallel.h"
#include "ohmic/crossbar/tile.h"
#include "ohmic/device/preset.h"

namespace ohmic {
namespace {

constexpr int kBatch = 100;

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

double clock_s(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Wall time, or on one thread that thread's own, so that other work on the machine counts less.
template <class F>
double seconds(const F& work) {
  const clockid_t clock = thread_count() == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
  const double start = clock_s(clock);
  work();
  return clock_s(clock) - start;
}

enum class Part { forward, backward, gradient };

// One of the three fp32 convolutions of a 3x3 layer with padding 1.
class Fp32Convolution {
 public:
  Fp32Convolution(int size, int channels, Part part) {
    using dnnl::memory;
    const memory::dims image = {kBatch, channels, size, size};
    const memory::dims kernel = {channels, channels, 3, 3};
    const auto any = [](const memory::dims& dims) {
      return memory::desc(dims, memory::data_type::f32, memory::format_tag::any);
    };
    const memory::dims one = {1, 1};
    const auto direct = dnnl::algorithm::convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::convolution_forward::primitive_desc forward(engine_, dnnl::prop_kind::forward_training, direct,
                                                            any(image), any(kernel), any(image), one, one, one);
    const dnnl::convolution_backward_data::primitive_desc backward(engine_, direct, any(image), any(kernel), any(image),
                                                                   one, one, one, forward);
    const dnnl::convolution_backward_weights::primitive_desc gradient(engine_, direct, any(image), any(kernel),
                                                                      any(image), one, one, one, forward);
#else
    const dnnl::convolution_forward::primitive_desc forward(
        {dnnl::prop_kind::forward_training, direct, any(image), any(kernel), any(image), one, one, one}, engine_);
    const dnnl::convolution_backward_data::primitive_desc backward(
        {direct, any(image), any(kernel), any(image), one, one, one}, engine_, forward);
    const dnnl::convolution_backward_weights::primitive_desc gradient(
        {direct, any(image), any(kernel), any(image), one, one, one}, engine_, forward);
#endif
    if (part == Part::forward) {
      work_ = dnnl::convolution_forward(forward);
      add(DNNL_ARG_SRC, forward.src_desc());
      add(DNNL_ARG_WEIGHTS, forward.weights_desc());
      add(DNNL_ARG_DST, forward.dst_desc());
    } else if (part == Part::backward) {
      work_ = dnnl::convolution_backward_data(backward);
      add(DNNL_ARG_DIFF_SRC, backward.diff_src_desc());
      add(DNNL_ARG_WEIGHTS, backward.weights_desc());
      add(DNNL_ARG_DIFF_DST, backward.diff_dst_desc());
    } else {
      work_ = dnnl::convolution_backward_weights(gradient);
      add(DNNL_ARG_SRC, gradient.src_desc());
      add(DNNL_ARG_DIFF_WEIGHTS, gradient.diff_weights_desc());
      add(DNNL_ARG_DIFF_DST, gradient.diff_dst_desc());
    }
  }
  void run() {
    work_.execute(stream_, arguments_);
    stream_.wait();
  }

 private:
  void add(int argument, const dnnl::memory::desc& desc) {
    const dnnl::memory memory(desc, engine_);
    std::fill_n(static_cast<float*>(memory.get_data_handle()), desc.get_size() / sizeof(float), 0.5f);
    arguments_.insert({argument, memory});
  }

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  dnnl::primitive work_;
  std::unordered_map<int, dnnl::memory> arguments_;
};

PatchShape stage_shape(int size, int channels) { return {size, size, channels, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1}; }

// A 3x3 convolution through a tile of pcm cells.
class TileConvolution {
 public:
  TileConvolution(int size, int channels) : shape_(stage_shape(size, channels)), tile_(spec(shape_), cell()) {
    x_.resize(kBatch, shape_.image_size());
    y_.resize(kBatch, shape_.image_size());
    dx_.resize(kBatch, shape_.image_size());
    gradient_.resize(static_cast<std::size_t>(shape_.patch_size()), static_cast<std::size_t>(channels));
    gaussians(RandomStream(1, Purpose::data_order, 0, 0), x_.values());
    run(Part::forward);
    run(Part::backward);
  }
  void run(Part part) {
    read_ += kBatch;
    if (part == Part::forward) {
      tile_.read_patches(Direction::forward, x_.view(), shape_, y_.view(), patches_, read_);
    } else if (part == Part::backward) {
      tile_.read_and_scatter(Direction::backward, x_.view(), shape_, dx_.view(), vectors_, read_);
    } else {
      patch_gradient(patches_, vectors_, shape_, gradient_.view());
    }
  }

 private:
  static TileSpec spec(const PatchShape& shape) {
    TileSpec s;
    s.inputs = shape.patch_size();
    s.outputs = shape.channels;
    return s;
  }
  static std::shared_ptr<const CellModel> cell() { return load_cell_preset("pcm")->make(); }

  PatchShape shape_;
  Tile tile_;
  Matrix x_, y_, dx_, gradient_;
  CodeImages patches_, vectors_;
  std::uint64_t read_ = 0;
};

void Convolution(benchmark::State& state) {
  const auto size = static_cast<int>(state.range(0));
  const auto channels = static_cast<int>(state.range(1));
  const auto part = static_cast<Part>(state.range(2));
  set_thread_count(static_cast<int>(state.range(3)));
  TileConvolution tile(size, channels);
  Fp32Convolution fp32(size, channels, part);
  std::vector<double> ours, theirs;
  for (auto _ : state) {
    theirs.push_back(seconds([&] { fp32.run(); }));
    ours.push_back(seconds([&] { tile.run(part); }));
    state.SetIterationTime(ours.back());
  }
  state.counters["tile_ms"] = 1e3 * median(ours);
  state.counters["fp32_ms"] = 1e3 * median(theirs);
  state.counters["ratio"] = median(ours) / median(theirs);
  // The best of all, for machines with other work.
  state.counters["least_ratio"] = *std::ranges::min_element(ours) / *std::ranges::min_element(theirs);
  state.counters["tile_least_ms"] = 1e3 * *std::ranges::min_element(ours);
  state.counters["fp32_least_ms"] = 1e3 * *std::ranges::min_element(theirs);
}
BENCHMARK(Convolution)
    ->ArgNames({"size", "channels", "part", "threads"})
    ->ArgsProduct({{32}, {16}, {0, 1, 2}, {1, 2}})
    ->ArgsProduct({{16}, {32}, {0, 1, 2}, {1, 2}})
    ->ArgsProduct({{8}, {64}, {0, 1, 2}, {1, 2}})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ohmic
