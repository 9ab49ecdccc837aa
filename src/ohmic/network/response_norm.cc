#include "ohmic/network/response_norm.h"

#include <cmath>

#include "ohmic/network/loops.h"

namespace ohmic {

ResponseNormLayer::ResponseNormLayer(const std::string& name, const std::vector<Shape>& inputs,
                                     const Settings& settings)
    : Layer(name, inputs, single_input(name, "response_norm", inputs)), settings_(settings) {
  if (settings.size < 1) fail("layer \"{}\": size = {} must be at least 1", name, settings.size);
}

// s of a channel.
double ResponseNormLayer::scale_at(const float* x, int channel) const {
  const int first = std::max(0, channel - (settings_.size - 1) / 2);
  const int last = std::min(input_shape().channels - 1, channel + settings_.size / 2);
  double sum = 0;
  for (int k = first; k <= last; ++k) sum += static_cast<double>(x[k]) * static_cast<double>(x[k]);
  return static_cast<double>(settings_.bias) + static_cast<double>(settings_.alpha) / settings_.size * sum;
}

void ResponseNormLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  const int channels = input_shape().channels;
  const auto width = static_cast<std::size_t>(channels);
  parallel_chunks(y.rows * input_shape().positions(), rows_per_task(width), [&](std::size_t begin, std::size_t end) {
    for (std::size_t p = begin; p < end; ++p) {
      const float* in = x[0].data + p * width;
      float* out = y.data + p * width;
      for (int c = 0; c < channels; ++c) {
        out[c] = static_cast<float>(static_cast<double>(in[c]) *
                                    std::pow(scale_at(in, c), -static_cast<double>(settings_.beta)));
      }
    }
  });
}

// dx_j = dy_j s_j^-beta - 2 alpha beta / size x_j sum of dy_c x_c s_c^(-beta - 1) over the c whose sum holds j.
void ResponseNormLayer::backward(LayerInputs x, MatrixView<const float>, MatrixView<const float> dy, InputGradients dx,
                                 const Pass&) {
  if (dx[0].data == nullptr) return;
  const int channels = input_shape().channels, before = (settings_.size - 1) / 2, behind = settings_.size / 2;
  const auto width = static_cast<std::size_t>(channels);
  const double beta = static_cast<double>(settings_.beta);
  const double factor = 2 * static_cast<double>(settings_.alpha) * beta / settings_.size;
  parallel_chunks(dy.rows * input_shape().positions(), rows_per_task(width), [&](std::size_t begin, std::size_t end) {
    for (std::size_t p = begin; p < end; ++p) {
      const float *in = x[0].data + p * width, *d = dy.data + p * width;
      for (int j = 0; j < channels; ++j) {
        double sum = 0;
        for (int c = std::max(0, j - behind); c <= std::min(channels - 1, j + before); ++c) {
          sum += static_cast<double>(d[c]) * static_cast<double>(in[c]) * std::pow(scale_at(in, c), -beta - 1);
        }
        const double direct = static_cast<double>(d[j]) * std::pow(scale_at(in, j), -beta);
        dx[0].data[p * width + static_cast<std::size_t>(j)] =
            static_cast<float>(direct - factor * static_cast<double>(in[j]) * sum);
      }
    }
  });
}

}  // namespace ohmic
