#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ohmic/network/shape.h"

// Every kind of layer the slow, obvious way, in double precision: what the layers are compared with. Matrices and
// tables are row-major; their layouts are those of the layers.

namespace ohmic::reference {

/// A batch of samples of one shape.
struct DoubleTensor {
  std::size_t batch = 0;
  Shape shape;
  std::vector<double> values;

  DoubleTensor() = default;
  DoubleTensor(std::size_t count, const Shape& s) : batch(count), shape(s), values(count * s.size(), 0.0) {}

  double& at(std::size_t n, int t, int y, int x, int c) { return values[place(n, t, y, x, c)]; }
  double at(std::size_t n, int t, int y, int x, int c) const { return values[place(n, t, y, x, c)]; }

 private:
  std::size_t place(std::size_t n, int t, int y, int x, int c) const {
    const auto pixel =
        (static_cast<std::size_t>(t) * static_cast<std::size_t>(shape.height) + static_cast<std::size_t>(y)) *
            static_cast<std::size_t>(shape.width) +
        static_cast<std::size_t>(x);
    return n * shape.size() + pixel * static_cast<std::size_t>(shape.channels) + static_cast<std::size_t>(c);
  }
};

using Doubles = std::vector<double>;

DoubleTensor slow_relu(const DoubleTensor& x);
DoubleTensor slow_leaky_relu(const DoubleTensor& x, double slope);
DoubleTensor slow_sigmoid(const DoubleTensor& x);
DoubleTensor slow_tanh(const DoubleTensor& x);
DoubleTensor slow_softmax(const DoubleTensor& x);
/// Sample s is read number first_read + s.
DoubleTensor slow_dropout(const DoubleTensor& x, double rate, std::uint64_t seed, std::uint32_t number,
                          std::uint64_t first_read);

/// Mean and (biased) variance of each channel over batch and positions.
struct ChannelMoments {
  Doubles mean, variance;
  double count = 0;
};
ChannelMoments slow_moments(const DoubleTensor& x);
DoubleTensor slow_batch_norm(const DoubleTensor& x, const ChannelMoments& moments, const Doubles& gamma,
                             const Doubles& beta, double epsilon, bool relu);
DoubleTensor slow_layer_norm(const DoubleTensor& x, const Doubles& gamma, const Doubles& beta, double epsilon);

/// What slides over an image.
struct SlidingKernel {
  int height, width, stride, padding;
  int dilation = 1;
};
DoubleTensor slow_max_pool(const DoubleTensor& x, const SlidingKernel& kernel);
DoubleTensor slow_average_pool(const DoubleTensor& x, const SlidingKernel& kernel);
DoubleTensor slow_global_average_pool(const DoubleTensor& x);

DoubleTensor slow_add(std::span<const DoubleTensor> inputs, bool relu);
DoubleTensor slow_concat(std::span<const DoubleTensor> inputs);
DoubleTensor slow_reshape(const DoubleTensor& x, const Shape& shape);

DoubleTensor slow_embedding(const DoubleTensor& tokens, const Doubles& table, int units);
DoubleTensor slow_one_hot(const DoubleTensor& tokens, int classes);

/// matrix: (inputs + 1 if bias) x units; at each step of a sequence, an image as one vector.
DoubleTensor slow_dense(const DoubleTensor& x, const Doubles& matrix, int units, bool bias);
/// matrices: one per group, (ky, kx, c_in / groups) x (c_out / groups). bias: empty or one per output.
DoubleTensor slow_convolution(const DoubleTensor& x, std::span<const Doubles> matrices, const Doubles& bias,
                              int outputs, const SlidingKernel& kernel);
/// matrix: c_in x (ky, kx, c_out).
DoubleTensor slow_transposed_convolution(const DoubleTensor& x, const Doubles& matrix, const Doubles& bias, int outputs,
                                         const SlidingKernel& kernel);

/// batch x units each.
struct LstmState {
  Doubles hidden, cell;
};
/// matrix: (features + units + 1 if bias) x [i f g o]. `state` is the initial one, then the final one.
DoubleTensor slow_lstm(const DoubleTensor& x, const Doubles& matrix, int units, bool bias, LstmState& state);

/// Summed losses: outputs as one row of `classes` per label or target row.
double slow_squared_error(const Doubles& outputs, const Doubles& targets);
double slow_cross_entropy(const Doubles& outputs, std::span<const int> labels);
double slow_binary_cross_entropy(const Doubles& outputs, const Doubles& targets);

}  // namespace ohmic::reference
