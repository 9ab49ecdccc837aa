#include "ohmic/network/reference/double_layers.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/random.h"

namespace ohmic::reference {
namespace {

std::size_t size(int v) { return static_cast<std::size_t>(v); }

template <class F>
DoubleTensor each(DoubleTensor x, const F& f) {
  for (double& v : x.values) v = f(v);
  return x;
}

double sigmoid_of(double v) { return 1 / (1 + std::exp(-v)); }
double positive(double v) { return std::max(v, 0.0); }

// visit(n, t, y, x) for all positions.
template <class Visit>
void each_position(const DoubleTensor& a, const Visit& visit) {
  for (std::size_t n = 0; n < a.batch; ++n) {
    for (int t = 0; t < a.shape.steps; ++t) {
      for (int y = 0; y < a.shape.height; ++y) {
        for (int x = 0; x < a.shape.width; ++x) visit(n, t, y, x);
      }
    }
  }
}

bool inside(const Shape& s, int y, int x) { return y >= 0 && y < s.height && x >= 0 && x < s.width; }

Shape slid(const Shape& s, const SlidingKernel& k, int channels) {
  return {s.steps, (s.height + 2 * k.padding - k.dilation * (k.height - 1) - 1) / k.stride + 1,
          (s.width + 2 * k.padding - k.dilation * (k.width - 1) - 1) / k.stride + 1, channels};
}

}  // namespace

DoubleTensor slow_relu(const DoubleTensor& x) { return each(x, positive); }

DoubleTensor slow_leaky_relu(const DoubleTensor& x, double slope) {
  return each(x, [=](double v) { return v > 0 ? v : slope * v; });
}

DoubleTensor slow_sigmoid(const DoubleTensor& x) { return each(x, sigmoid_of); }

DoubleTensor slow_tanh(const DoubleTensor& x) {
  return each(x, [](double v) { return std::tanh(v); });
}

DoubleTensor slow_softmax(const DoubleTensor& x) {
  DoubleTensor y(x.batch, x.shape);
  each_position(x, [&](auto n, int t, int v, int u) {
    double sum = 0;
    for (int c = 0; c < x.shape.channels; ++c) sum += std::exp(x.at(n, t, v, u, c));
    for (int c = 0; c < x.shape.channels; ++c) y.at(n, t, v, u, c) = std::exp(x.at(n, t, v, u, c)) / sum;
  });
  return y;
}

DoubleTensor slow_dropout(const DoubleTensor& x, double rate, std::uint64_t seed, std::uint32_t number,
                          std::uint64_t first_read) {
  DoubleTensor y = x;
  for (std::size_t s = 0; s < x.batch; ++s) {
    const RandomStream stream(seed, Purpose::dropout, number, first_read + s);
    for (std::size_t i = 0; i < x.shape.size(); ++i) {
      const double draw = random_word(stream, static_cast<std::uint32_t>(i)) * 0x1p-32;
      double& v = y.values[s * x.shape.size() + i];
      v = draw < rate ? 0 : v / (1 - rate);
    }
  }
  return y;
}

ChannelMoments slow_moments(const DoubleTensor& x) {
  const std::size_t channels = size(x.shape.channels);
  ChannelMoments m{Doubles(channels, 0.0), Doubles(channels, 0.0),
                   static_cast<double>(x.values.size()) / static_cast<double>(channels)};
  for (std::size_t i = 0; i < x.values.size(); ++i) m.mean[i % channels] += x.values[i] / m.count;
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const double d = x.values[i] - m.mean[i % channels];
    m.variance[i % channels] += d * d / m.count;
  }
  return m;
}

DoubleTensor slow_batch_norm(const DoubleTensor& x, const ChannelMoments& moments, const Doubles& gamma,
                             const Doubles& beta, double epsilon, bool relu) {
  DoubleTensor y = x;
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const std::size_t c = i % gamma.size();
    const double z = gamma[c] * (x.values[i] - moments.mean[c]) / std::sqrt(moments.variance[c] + epsilon) + beta[c];
    y.values[i] = relu ? positive(z) : z;
  }
  return y;
}

DoubleTensor slow_layer_norm(const DoubleTensor& x, const Doubles& gamma, const Doubles& beta, double epsilon) {
  DoubleTensor y(x.batch, x.shape);
  each_position(x, [&](auto n, int t, int v, int u) {
    double mean = 0, variance = 0;
    for (int c = 0; c < x.shape.channels; ++c) mean += x.at(n, t, v, u, c) / x.shape.channels;
    for (int c = 0; c < x.shape.channels; ++c) {
      variance += std::pow(x.at(n, t, v, u, c) - mean, 2) / x.shape.channels;
    }
    for (int c = 0; c < x.shape.channels; ++c) {
      const double z = (x.at(n, t, v, u, c) - mean) / std::sqrt(variance + epsilon);
      y.at(n, t, v, u, c) = gamma[size(c)] * z + beta[size(c)];
    }
  });
  return y;
}

DoubleTensor slow_max_pool(const DoubleTensor& x, const SlidingKernel& k) {
  DoubleTensor y(x.batch, slid(x.shape, k, x.shape.channels));
  each_position(y, [&](auto n, int t, int v, int u) {
    for (int c = 0; c < x.shape.channels; ++c) {
      double most = -HUGE_VAL;
      for (int ky = 0; ky < k.height; ++ky) {
        for (int kx = 0; kx < k.width; ++kx) {
          const int row = v * k.stride - k.padding + ky, column = u * k.stride - k.padding + kx;
          if (inside(x.shape, row, column)) most = std::max(most, x.at(n, t, row, column, c));
        }
      }
      y.at(n, t, v, u, c) = most;
    }
  });
  return y;
}

DoubleTensor slow_average_pool(const DoubleTensor& x, const SlidingKernel& k) {
  DoubleTensor y(x.batch, slid(x.shape, k, x.shape.channels));
  each_position(y, [&](auto n, int t, int v, int u) {
    for (int c = 0; c < x.shape.channels; ++c) {
      for (int ky = 0; ky < k.height; ++ky) {
        for (int kx = 0; kx < k.width; ++kx) {
          const int row = v * k.stride - k.padding + ky, column = u * k.stride - k.padding + kx;
          if (inside(x.shape, row, column)) y.at(n, t, v, u, c) += x.at(n, t, row, column, c) / (k.height * k.width);
        }
      }
    }
  });
  return y;
}

DoubleTensor slow_global_average_pool(const DoubleTensor& x) {
  DoubleTensor y(x.batch, {x.shape.steps, 1, 1, x.shape.channels});
  each_position(x, [&](auto n, int t, int v, int u) {
    for (int c = 0; c < x.shape.channels; ++c) {
      y.at(n, t, 0, 0, c) += x.at(n, t, v, u, c) / (x.shape.height * x.shape.width);
    }
  });
  return y;
}

DoubleTensor slow_add(std::span<const DoubleTensor> inputs, bool relu) {
  DoubleTensor y(inputs[0].batch, inputs[0].shape);
  for (const DoubleTensor& x : inputs) {
    for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] += x.values[i];
  }
  return relu ? slow_relu(y) : y;
}

DoubleTensor slow_concat(std::span<const DoubleTensor> inputs) {
  Shape shape = inputs[0].shape;
  shape.channels = 0;
  for (const DoubleTensor& x : inputs) shape.channels += x.shape.channels;
  DoubleTensor y(inputs[0].batch, shape);
  int first = 0;
  for (const DoubleTensor& x : inputs) {
    each_position(x, [&](auto n, int t, int v, int u) {
      for (int c = 0; c < x.shape.channels; ++c) y.at(n, t, v, u, first + c) = x.at(n, t, v, u, c);
    });
    first += x.shape.channels;
  }
  return y;
}

DoubleTensor slow_reshape(const DoubleTensor& x, const Shape& shape) {
  DoubleTensor y = x;
  y.shape = shape;
  return y;
}

DoubleTensor slow_embedding(const DoubleTensor& tokens, const Doubles& table, int units) {
  DoubleTensor y(tokens.batch, {tokens.shape.steps, 1, 1, units});
  each_position(tokens, [&](auto n, int t, int, int) {
    const auto row = static_cast<std::size_t>(tokens.at(n, t, 0, 0, 0));
    for (int c = 0; c < units; ++c) y.at(n, t, 0, 0, c) = table[row * size(units) + size(c)];
  });
  return y;
}

DoubleTensor slow_one_hot(const DoubleTensor& tokens, int classes) {
  DoubleTensor y(tokens.batch, {tokens.shape.steps, 1, 1, classes});
  each_position(tokens,
                [&](auto n, int t, int, int) { y.at(n, t, 0, 0, static_cast<int>(tokens.at(n, t, 0, 0, 0))) = 1; });
  return y;
}

DoubleTensor slow_dense(const DoubleTensor& x, const Doubles& matrix, int units, bool bias) {
  const std::size_t inputs = x.shape.size() / size(x.shape.steps);
  DoubleTensor y(x.batch, {x.shape.steps, 1, 1, units});
  for (std::size_t v = 0; v < x.batch * size(x.shape.steps); ++v) {
    for (std::size_t j = 0; j < size(units); ++j) {
      double sum = bias ? matrix[inputs * size(units) + j] : 0;
      for (std::size_t i = 0; i < inputs; ++i) sum += x.values[v * inputs + i] * matrix[i * size(units) + j];
      y.values[v * size(units) + j] = sum;
    }
  }
  return y;
}

DoubleTensor slow_convolution(const DoubleTensor& x, std::span<const Doubles> matrices, const Doubles& bias,
                              int outputs, const SlidingKernel& k) {
  const auto groups = static_cast<int>(matrices.size());
  const int in = x.shape.channels / groups, out = outputs / groups;
  DoubleTensor y(x.batch, slid(x.shape, k, outputs));
  each_position(y, [&](auto n, int t, int v, int u) {
    for (int o = 0; o < outputs; ++o) {
      const int group = o / out;
      double sum = bias.empty() ? 0 : bias[size(o)];
      for (int ky = 0; ky < k.height; ++ky) {
        for (int kx = 0; kx < k.width; ++kx) {
          const int row = v * k.stride - k.padding + ky * k.dilation;
          const int column = u * k.stride - k.padding + kx * k.dilation;
          if (!inside(x.shape, row, column)) continue;
          for (int c = 0; c < in; ++c) {
            const int matrix_row = (ky * k.width + kx) * in + c;
            sum += x.at(n, t, row, column, group * in + c) *
                   matrices[size(group)][size(matrix_row) * size(out) + size(o % out)];
          }
        }
      }
      y.at(n, t, v, u, o) = sum;
    }
  });
  return y;
}

DoubleTensor slow_transposed_convolution(const DoubleTensor& x, const Doubles& matrix, const Doubles& bias, int outputs,
                                         const SlidingKernel& k) {
  const Shape shape = {x.shape.steps, (x.shape.height - 1) * k.stride - 2 * k.padding + k.dilation * (k.height - 1) + 1,
                       (x.shape.width - 1) * k.stride - 2 * k.padding + k.dilation * (k.width - 1) + 1, outputs};
  DoubleTensor y(x.batch, shape);
  each_position(x, [&](auto n, int t, int v, int u) {
    for (int ky = 0; ky < k.height; ++ky) {
      for (int kx = 0; kx < k.width; ++kx) {
        const int row = v * k.stride - k.padding + ky * k.dilation;
        const int column = u * k.stride - k.padding + kx * k.dilation;
        if (!inside(shape, row, column)) continue;
        for (int c = 0; c < x.shape.channels; ++c) {
          for (int o = 0; o < outputs; ++o) {
            const int matrix_column = (ky * k.width + kx) * outputs + o;
            y.at(n, t, row, column, o) +=
                x.at(n, t, v, u, c) * matrix[size(c) * size(k.height * k.width * outputs) + size(matrix_column)];
          }
        }
      }
    }
  });
  if (bias.empty()) return y;
  for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] += bias[i % bias.size()];
  return y;
}

DoubleTensor slow_lstm(const DoubleTensor& x, const Doubles& matrix, int units, bool bias, LstmState& state) {
  const std::size_t features = x.shape.size() / size(x.shape.steps), width = size(units);
  DoubleTensor y(x.batch, {x.shape.steps, 1, 1, units});
  for (std::size_t n = 0; n < x.batch; ++n) {
    Doubles hidden(state.hidden.begin() + static_cast<std::ptrdiff_t>(n * width),
                   state.hidden.begin() + static_cast<std::ptrdiff_t>((n + 1) * width));
    for (std::size_t t = 0; t < size(x.shape.steps); ++t) {
      Doubles gates(4 * width, 0.0);
      for (std::size_t j = 0; j < 4 * width; ++j) {
        for (std::size_t i = 0; i < features; ++i) {
          gates[j] += x.values[n * x.shape.size() + t * features + i] * matrix[i * 4 * width + j];
        }
        for (std::size_t i = 0; i < width; ++i) gates[j] += hidden[i] * matrix[(features + i) * 4 * width + j];
        if (bias) gates[j] += matrix[(features + width) * 4 * width + j];
      }
      for (std::size_t u = 0; u < width; ++u) {
        const double i = sigmoid_of(gates[u]), f = sigmoid_of(gates[width + u]);
        const double g = std::tanh(gates[2 * width + u]), o = sigmoid_of(gates[3 * width + u]);
        double& cell = state.cell[n * width + u];
        cell = f * cell + i * g;
        hidden[u] = o * std::tanh(cell);
        y.at(n, static_cast<int>(t), 0, 0, static_cast<int>(u)) = hidden[u];
      }
    }
    std::copy(hidden.begin(), hidden.end(), state.hidden.begin() + static_cast<std::ptrdiff_t>(n * width));
  }
  return y;
}

double slow_squared_error(const Doubles& outputs, const Doubles& targets) {
  double loss = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) loss += 0.5 * std::pow(outputs[i] - targets[i], 2);
  return loss;
}

double slow_cross_entropy(const Doubles& outputs, std::span<const int> labels) {
  const std::size_t classes = outputs.size() / labels.size();
  double loss = 0;
  for (std::size_t r = 0; r < labels.size(); ++r) {
    double sum = 0;
    for (std::size_t c = 0; c < classes; ++c) sum += std::exp(outputs[r * classes + c]);
    loss += std::log(sum) - outputs[r * classes + size(labels[r])];
  }
  return loss;
}

double slow_binary_cross_entropy(const Doubles& outputs, const Doubles& targets) {
  double loss = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const double p = sigmoid_of(outputs[i]);
    loss -= targets[i] * std::log(p) + (1 - targets[i]) * std::log(1 - p);
  }
  return loss;
}

}  // namespace ohmic::reference
