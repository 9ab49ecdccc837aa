#include "ohmic/network/activations.h"

#include <cmath>

#include "ohmic/core/kernels.h"
#include "ohmic/network/loops.h"

namespace ohmic {
namespace {

std::size_t count_of(MatrixView<const float> m) { return m.rows * m.columns; }

// y = kernel(x), a cache-sized piece at a time.
template <class Kernel>
void copy_and_replace(std::size_t count, const float* x, float* y, const Kernel& kernel) {
  parallel_chunks(count, kElementsPerTask, [=](std::size_t begin, std::size_t end) {
    std::copy(x + begin, x + end, y + begin);
    kernel(std::span(y + begin, end - begin));
  });
}

// y = x scale where the word reaches the threshold, else 0. Separate from its caller, so that the compiler knows that
// writing the bytes of `kept` changes none of the numbers it reads.
void keep_some(std::span<const std::uint32_t> words, std::uint32_t threshold, float scale, const float* x, float* y,
               std::uint8_t* kept) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto keep = static_cast<int>(words[i] >= threshold);  // as a number: GCC 12 would branch on a bool
    y[i] = x[i] * (static_cast<float>(keep) * scale);
    kept[i] = static_cast<std::uint8_t>(keep);
  }
}

}  // namespace

// ------------------------------------------------------------------------------------------------------------- relu

ReluLayer::ReluLayer(const std::string& name, const std::vector<Shape>& inputs)
    : Layer(name, inputs, single_input(name, "relu", inputs)) {}

void ReluLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  map_elements(count_of(y), x[0].data, y.data, [](float v) { return v < 0 ? 0.0f : v; });
}

FinishRows ReluLayer::in_place(LayerInputs, std::size_t) {
  return [channels = static_cast<std::size_t>(output_shape().channels)](std::size_t, std::size_t count, float* rows) {
    for (std::size_t i = 0; i < count * channels; ++i) rows[i] = rows[i] < 0 ? 0.0f : rows[i];
  };
}

void ReluLayer::backward(LayerInputs, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                         const Pass&) {
  if (dx[0].data == nullptr) return;
  map_elements(count_of(dy), y.data, dy.data, dx[0].data, [](float out, float d) { return out > 0 ? d : 0.0f; });
}

LeakyReluLayer::LeakyReluLayer(const std::string& name, const std::vector<Shape>& inputs, double slope)
    : Layer(name, inputs, single_input(name, "leaky_relu", inputs)), slope_(static_cast<float>(slope)) {
  if (!(slope >= 0 && slope <= 1)) fail("layer \"{}\": slope = {} must be 0 .. 1", name, slope);
}

void LeakyReluLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  map_elements(count_of(y), x[0].data, y.data, [slope = slope_](float v) {
    const float less = slope * v;  // y is the larger of the two, as slope <= 1
    return v < less ? less : v;
  });
}

void LeakyReluLayer::backward(LayerInputs, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                              const Pass&) {
  if (dx[0].data == nullptr) return;
  map_elements(count_of(dy), y.data, dy.data, dx[0].data,
               [slope = slope_](float out, float d) { return d * (out > 0 ? 1.0f : slope); });
}

// ---------------------------------------------------------------------------------------------------------- sigmoids

SigmoidLayer::SigmoidLayer(const std::string& name, const std::vector<Shape>& inputs)
    : Layer(name, inputs, single_input(name, "sigmoid", inputs)) {}

void SigmoidLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  copy_and_replace(count_of(y), x[0].data, y.data, [](std::span<float> v) { sigmoid(v); });
}

void SigmoidLayer::backward(LayerInputs, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                            const Pass&) {
  if (dx[0].data == nullptr) return;
  map_elements(count_of(dy), y.data, dy.data, dx[0].data, [](float out, float d) { return d * out * (1 - out); });
}

TanhLayer::TanhLayer(const std::string& name, const std::vector<Shape>& inputs)
    : Layer(name, inputs, single_input(name, "tanh", inputs)) {}

void TanhLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  copy_and_replace(count_of(y), x[0].data, y.data, [](std::span<float> v) { hyperbolic_tangent(v); });
}

void TanhLayer::backward(LayerInputs, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                         const Pass&) {
  if (dx[0].data == nullptr) return;
  map_elements(count_of(dy), y.data, dy.data, dx[0].data,
               [](float out, float d) { return d * ((1 - out) * (1 + out)); });
}

// ----------------------------------------------------------------------------------------------------------- softmax

SoftmaxLayer::SoftmaxLayer(const std::string& name, const std::vector<Shape>& inputs)
    : Layer(name, inputs, single_input(name, "softmax", inputs)) {}

void SoftmaxLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  const auto channels = static_cast<std::size_t>(output_shape().channels);
  const float* in = x[0].data;
  float* out = y.data;
  parallel_chunks(y.rows * output_shape().positions(), rows_per_task(channels),
                  [=](std::size_t begin, std::size_t end) {
                    for (std::size_t r = begin; r < end; ++r) {
                      const float most = largest(in + r * channels, channels);
                      for (std::size_t c = r * channels; c < (r + 1) * channels; ++c) out[c] = in[c] - most;
                    }
                    exponentials({out + begin * channels, (end - begin) * channels});
                    for (std::size_t r = begin; r < end; ++r) {
                      float* row = out + r * channels;
                      const double sum = lane_sum(channels, [=](std::size_t c) { return row[c]; });
                      const auto scale = static_cast<float>(1 / sum);
                      for (std::size_t c = 0; c < channels; ++c) row[c] *= scale;
                    }
                  });
}

void SoftmaxLayer::backward(LayerInputs, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                            const Pass&) {
  if (dx[0].data == nullptr) return;
  const auto channels = static_cast<std::size_t>(output_shape().channels);
  parallel_chunks(dy.rows * output_shape().positions(), rows_per_task(channels),
                  [&](std::size_t begin, std::size_t end) {
                    for (std::size_t r = begin; r < end; ++r) {
                      const float* out = y.data + r * channels;
                      const float* d = dy.data + r * channels;
                      float* to = dx[0].data + r * channels;
                      const auto product = [=](std::size_t c) { return static_cast<double>(d[c]) * out[c]; };
                      const auto mean = static_cast<float>(lane_sum(channels, product));
                      for (std::size_t c = 0; c < channels; ++c) to[c] = out[c] * (d[c] - mean);
                    }
                  });
}

LogSoftmaxLayer::LogSoftmaxLayer(const std::string& name, const std::vector<Shape>& inputs)
    : Layer(name, inputs, single_input(name, "log_softmax", inputs)) {}

void LogSoftmaxLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  const auto channels = static_cast<std::size_t>(output_shape().channels);
  parallel_chunks(
      y.rows * output_shape().positions(), rows_per_task(channels), [&](std::size_t begin, std::size_t end) {
        for (std::size_t r = begin; r < end; ++r) {
          const float* in = x[0].data + r * channels;
          const auto most = static_cast<double>(largest(in, channels));
          const double sum =
              lane_sum(channels, [=](std::size_t c) { return std::exp(static_cast<double>(in[c]) - most); });
          const auto shift = static_cast<float>(most + std::log(sum));
          for (std::size_t c = 0; c < channels; ++c) y.data[r * channels + c] = in[c] - shift;
        }
      });
}

void LogSoftmaxLayer::backward(LayerInputs, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                               const Pass&) {
  if (dx[0].data == nullptr) return;
  const auto channels = static_cast<std::size_t>(output_shape().channels);
  parallel_chunks(
      dy.rows * output_shape().positions(), rows_per_task(channels), [&](std::size_t begin, std::size_t end) {
        for (std::size_t r = begin; r < end; ++r) {
          const float *out = y.data + r * channels, *d = dy.data + r * channels;
          float* to = dx[0].data + r * channels;
          const auto sum =
              static_cast<float>(lane_sum(channels, [=](std::size_t c) { return static_cast<double>(d[c]); }));
          for (std::size_t c = 0; c < channels; ++c) to[c] = d[c] - std::exp(out[c]) * sum;
        }
      });
}

// ----------------------------------------------------------------------------------------------------------- dropout

DropoutLayer::DropoutLayer(const std::string& name, const std::vector<Shape>& inputs, double rate, std::uint64_t seed,
                           std::uint32_t number)
    : Layer(name, inputs, single_input(name, "dropout", inputs)), seed_(seed), number_(number) {
  if (!(rate >= 0 && rate <= 0.999)) fail("layer \"{}\": rate = {} must be 0 .. 0.999", name, rate);
  threshold_ = static_cast<std::uint32_t>(std::llround(rate * 0x1p32));
  scale_ = static_cast<float>(1 / (1 - rate));
}

void DropoutLayer::forward(LayerInputs x, MatrixView<float> y, const Pass& pass) {
  if (!pass.training) return copy_elements(count_of(y), x[0].data, y.data);
  kept_.resize(count_of(y));
  constexpr std::size_t kBlock = 1024;  // words at a time, a multiple of the 32 in a random block
  parallel_chunks(y.rows, rows_per_task(y.columns), [&](std::size_t first, std::size_t last) {
    std::uint32_t words[kBlock];
    for (std::size_t s = first; s < last; ++s) {
      const RandomStream stream(seed_, Purpose::dropout, number_, pass.first_read + s);
      for (std::size_t begin = 0; begin < y.columns; begin += kBlock) {
        const std::size_t count = std::min(kBlock, y.columns - begin);
        const std::size_t at = s * y.columns + begin;
        random_words(stream, {words, count}, static_cast<std::uint32_t>(begin / 32));
        keep_some({words, count}, threshold_, scale_, x[0].data + at, y.data + at, kept_.data() + at);
      }
    }
  });
}

void DropoutLayer::backward(LayerInputs, MatrixView<const float>, MatrixView<const float> dy, InputGradients dx,
                            const Pass& pass) {
  if (dx[0].data == nullptr) return;
  if (!pass.training) return copy_elements(count_of(dy), dy.data, dx[0].data);
  OHMIC_EXPECT(kept_.size() == count_of(dy));
  const auto restore = [d = dy.data, to = dx[0].data, kept = kept_.data(), scale = scale_](std::size_t begin,
                                                                                           std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) to[i] = d[i] * (static_cast<float>(kept[i]) * scale);
  };
  parallel_chunks(count_of(dy), kElementsPerTask, restore);
}

}  // namespace ohmic
