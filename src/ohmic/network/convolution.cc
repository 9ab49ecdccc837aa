#include "ohmic/network/convolution.h"

#include <algorithm>

#include "ohmic/core/channel_kernels.h"
#include "ohmic/core/error.h"
#include "ohmic/core/parallel.h"

namespace ohmic {
namespace {

template <class T>
Channels<T> channels(MatrixView<T> batch, int pixel_channels, int first, int count) {
  return {batch, pixel_channels, first, count};
}

template <class T>
Channels<T> all_channels(MatrixView<T> batch, int count) {
  return {batch, count, 0, count};
}

void add_bias(const Parameter& bias, MatrixView<float> y) {
  const std::size_t channels = bias.values.size();
  parallel_chunks(y.rows, 1, [&](std::size_t s, std::size_t) {
    float* out = y.data + s * y.columns;
    for (std::size_t i = 0; i < y.columns; i += channels) {
      for (std::size_t c = 0; c < channels; ++c) out[i + c] += bias.values[c];
    }
  });
}

// Sums over samples in their order, whatever the threads.
void find_bias_gradient(MatrixView<const float> dy, Parameter& bias) {
  const std::size_t channels = bias.values.size();
  std::vector<double> sums(dy.rows * channels, 0.0);
  parallel_chunks(dy.rows, 1, [&](std::size_t s, std::size_t) {
    const float* in = dy.data + s * dy.columns;
    for (std::size_t i = 0; i < dy.columns; i += channels) {
      for (std::size_t c = 0; c < channels; ++c) sums[s * channels + c] += static_cast<double>(in[i + c]);
    }
  });
  for (std::size_t c = 0; c < channels; ++c) {
    double sum = 0;
    for (std::size_t s = 0; s < dy.rows; ++s) sum += sums[s * channels + c];
    bias.gradient[c] = static_cast<float>(sum);
  }
}

Parameter make_bias(const std::string& name, bool bias, int outputs) {
  const auto count = static_cast<std::size_t>(bias ? outputs : 0);
  return {name + ".bias", std::vector<float>(count, 0.0f), std::vector<float>(count, 0.0f)};
}

void check_channels(const std::string& name, const Window& window, int outputs, int groups) {
  if (window.channels % groups != 0 || outputs % groups != 0) {
    fail("{}: groups = {} must divide both the {} channels that come in and its units = {}", name, groups,
         window.channels, outputs);
  }
}

}  // namespace

ConvolutionLayer::ConvolutionLayer(std::string name, const Window& window, int outputs, int groups, bool bias,
                                   const GroupWeights& make_weights)
    : Layer(name, {{1, window.height, window.width, window.channels}},
            {1, window.out_height(), window.out_width(), outputs}),
      has_bias_(bias),
      bias_(make_bias(name, bias, outputs)) {
  check_channels(name, window, outputs, groups);
  Window group_window = window;
  group_window.channels = window.channels / groups;
  for (int g = 0; g < groups; ++g) {
    auto weights = make_weights(g, static_cast<int>(group_window.patch_size()), outputs / groups);
    groups_.emplace_back(groups == 1 ? name : fmt::format("{}.group{}", name, g + 1), std::move(weights), group_window,
                         PatchSide::inputs);
  }
}

void ConvolutionLayer::forward(LayerInputs x, MatrixView<float> y, const Pass& pass) {
  const auto groups = static_cast<int>(groups_.size());
  const int in = input_shape().channels, out = output_shape().channels;
  for (int g = 0; g < groups; ++g) {
    groups_[static_cast<std::size_t>(g)].read_patches(channels(x[0], in, g * (in / groups), in / groups),
                                                      channels(y, out, g * (out / groups), out / groups), pass);
  }
  if (has_bias_) add_bias(bias_, y);
}

bool ConvolutionLayer::can_finish() const { return groups_.size() == 1 && groups_[0].finishes(); }

void ConvolutionLayer::forward_and_finish(LayerInputs x, MatrixView<float> y, const Pass& pass,
                                          const FinishRows& finish) {
  groups_[0].read_patches(all_channels(x[0], input_shape().channels), all_channels(y, output_shape().channels), pass,
                          after_bias(finish));
}

// Adds the bias, then does `finish`, if there is one.
FinishRows ConvolutionLayer::after_bias(const FinishRows& finish) const {
  if (!has_bias_) return finish;
  const std::size_t channels = bias_.values.size();
  return [this, &finish, zeros = std::vector<float>(channels, 0.0f), ones = std::vector<float>(channels, 1.0f)](
             std::size_t first, std::size_t count, float* rows) {
    const ChannelScales bias{zeros.data(), ones.data(), bias_.values.data(), false};
    normalise_channels(rows, count, ones.size(), bias, rows);  // (x - 0) 1 + bias, which has the bits of x + bias
    if (finish) finish(first, count, rows);
  };
}

void ConvolutionLayer::forward_samples(const SampleBatch& x, MatrixView<float> y, const Pass& pass,
                                       const FinishRows& finish) {
  groups_[0].read_patches(x, y, pass, after_bias(finish));
}

void ConvolutionLayer::backward_samples(const SampleBatch& dy, const InputGradient& dx, const Pass& pass) {
  if (dx.data != nullptr) {
    groups_[0].read_and_paste(dy, dx, pass, dx.is_added);
  } else {
    groups_[0].encode_deltas(dy);
  }
  groups_[0].find_gradient(dy.rows());
}

void ConvolutionLayer::backward(LayerInputs x, MatrixView<const float>, MatrixView<const float> dy, InputGradients dx,
                                const Pass& pass) {
  const auto groups = static_cast<int>(groups_.size());
  const int in = input_shape().channels, out = output_shape().channels;
  for (int g = 0; g < groups; ++g) {
    PatchWeights& group = groups_[static_cast<std::size_t>(g)];
    const auto deltas = channels(dy, out, g * (out / groups), out / groups);
    if (dx[0].data != nullptr) {
      group.read_and_paste(deltas, channels<float>(dx[0], in, g * (in / groups), in / groups), pass, dx[0].is_added);
    } else if (!group.needs_values()) {
      group.encode_deltas(deltas);
    }
    group.find_gradient(channels(x[0], in, g * (in / groups), in / groups), deltas);
  }
  if (has_bias_) find_bias_gradient(dy, bias_);
}

Layer::Needs ConvolutionLayer::needs() const { return {groups_[0].needs_values(), false}; }

std::vector<WeightMatrix*> ConvolutionLayer::weight_matrices() {
  std::vector<WeightMatrix*> all;
  for (PatchWeights& group : groups_) all.push_back(&group.matrix());
  return all;
}

std::vector<Parameter*> ConvolutionLayer::parameters() {
  if (!has_bias_) return {};
  return {&bias_};
}

TransposedConvolutionLayer::TransposedConvolutionLayer(std::string name, const Window& window, int inputs, bool bias,
                                                       const GroupWeights& make_weights)
    : Layer(name, {{1, window.out_height(), window.out_width(), inputs}},
            {1, window.height, window.width, window.channels}),
      weights_(name, make_weights(0, inputs, static_cast<int>(window.patch_size())), window, PatchSide::outputs),
      has_bias_(bias),
      bias_(make_bias(name, bias, window.channels)) {}

void TransposedConvolutionLayer::forward(LayerInputs x, MatrixView<float> y, const Pass& pass) {
  weights_.read_and_paste(all_channels(x[0], input_shape().channels), all_channels(y, output_shape().channels), pass,
                          false);
  if (has_bias_) add_bias(bias_, y);
}

void TransposedConvolutionLayer::backward(LayerInputs x, MatrixView<const float>, MatrixView<const float> dy,
                                          InputGradients dx, const Pass& pass) {
  const auto deltas = all_channels(dy, output_shape().channels);
  if (dx[0].data != nullptr) {
    weights_.read_patches(deltas, all_channels<float>(dx[0], input_shape().channels), pass);
  } else if (!weights_.needs_values()) {
    weights_.encode_deltas(deltas);
  }
  weights_.find_gradient(deltas, all_channels(x[0], input_shape().channels));
  if (has_bias_) find_bias_gradient(dy, bias_);
}

std::vector<Parameter*> TransposedConvolutionLayer::parameters() {
  if (!has_bias_) return {};
  return {&bias_};
}

Window transposed_window(const Shape& input, int outputs, int kernel_height, int kernel_width, PixelSteps stride,
                         Border padding, PixelSteps dilation, PixelSteps extra) {
  const int height =
      (input.height - 1) * stride.y - padding.top - padding.bottom + dilation.y * (kernel_height - 1) + 1 + extra.y;
  const int width =
      (input.width - 1) * stride.x - padding.left - padding.right + dilation.x * (kernel_width - 1) + 1 + extra.x;
  return {height, width, outputs, kernel_height, kernel_width, stride, padding, dilation};
}

}  // namespace ohmic
