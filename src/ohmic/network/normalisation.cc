#include "ohmic/network/normalisation.h"

#include <algorithm>
#include <cmath>

#include "ohmic/network/loops.h"

namespace ohmic {
namespace {

Parameter parameter(const std::string& name, const Shape& shape, float value) {
  const auto channels = static_cast<std::size_t>(shape.channels);
  return {name, std::vector<float>(channels, value), std::vector<float>(channels, 0.0f)};
}

double checked_epsilon(const std::string& name, double epsilon) {
  if (!(epsilon >= 0)) fail("layer \"{}\": epsilon = {} must be at least 0", name, epsilon);
  return epsilon;
}

// A batch as one row per position.
MatrixView<const float> positions(MatrixView<const float> x, const Shape& shape) {
  return {x.data, x.rows * shape.positions(), static_cast<std::size_t>(shape.channels)};
}

// 1 / sqrt(v); 0 for a constant channel without epsilon, which then gives beta.
float inverse_root(double v) { return v > 0 ? static_cast<float>(1 / std::sqrt(v)) : 0.0f; }

// `width` sums over rows: add_rows(begin, end, sums) for stretches that depend on the sizes only. A stretch is short
// enough for fp32, where twice as many sums fit into a register; the stretches are added in double, in their order.
template <class AddRows>
std::vector<double> sums_over_rows(std::size_t rows, std::size_t columns, std::size_t width, const AddRows& add_rows) {
  constexpr std::size_t kStretch = 64;
  const std::size_t step = (std::max(kStretch, rows_per_task(columns)) + kStretch - 1) / kStretch * kStretch;
  std::vector<double> parts((rows + step - 1) / step * width, 0.0);
  parallel_chunks(rows, step, [&](std::size_t begin, std::size_t end) {
    double* part = parts.data() + begin / step * width;
    thread_local std::vector<float> sums;
    for (std::size_t r = begin; r < end; r += kStretch) {
      sums.assign(width, 0.0f);
      add_rows(r, std::min(r + kStretch, end), sums.data());
      for (std::size_t i = 0; i < width; ++i) part[i] += static_cast<double>(sums[i]);
    }
  });
  std::vector<double> sums(width, 0.0);
  for (std::size_t at = 0; at < parts.size(); at += width) {
    for (std::size_t i = 0; i < width; ++i) sums[i] += parts[at + i];
  }
  return sums;
}

}  // namespace

// ------------------------------------------------------------------------------------------------------- batch norm

BatchNormLayer::BatchNormLayer(const std::string& name, const std::vector<Shape>& inputs, double epsilon,
                               double momentum, bool relu)
    : Layer(name, inputs, single_input(name, "batch_norm", inputs)),
      epsilon_(checked_epsilon(name, epsilon)),
      momentum_(momentum),
      relu_(relu),
      gamma_(parameter(name + ".gamma", inputs.front(), 1)),
      beta_(parameter(name + ".beta", inputs.front(), 0)),
      running_mean_(gamma_.values.size(), 0.0f),
      running_variance_(gamma_.values.size(), 1.0f) {
  if (!(momentum >= 0 && momentum <= 1)) fail("layer \"{}\": momentum = {} must be 0 .. 1", name, momentum);
}

// One look at the data: moments about the first position, whose distance from the mean is of the size of the spread, so
// that nothing is lost in the difference of the two sums.
BatchNormLayer::Statistics BatchNormLayer::statistics_of(MatrixView<const float> rows) const {
  if (rows.rows < 2) {
    fail(
        "layer \"{}\" would train on one value per channel, which has no variance; use training.batch_size of 2 or "
        "more that leaves no batch of 1, or layer_norm in its place",
        name());
  }
  const std::size_t channels = rows.columns;
  const auto sums = sums_over_rows(rows.rows, channels, 2 * channels, [&](auto begin, auto end, float* part) {
    add_channel_moments(rows.data + begin * channels, end - begin, channels, rows.data, part);
  });
  Statistics s{static_cast<double>(rows.rows), std::vector<double>(channels), std::vector<double>(channels)};
  for (std::size_t c = 0; c < channels; ++c) {
    const double distance = sums[c] / s.count;
    s.mean[c] = static_cast<double>(rows.data[c]) + distance;
    // Not std::max, which would hide a NaN.
    const double squares = sums[channels + c] - distance * sums[c];
    s.squares[c] = squares < 0 ? 0 : squares;
  }
  return s;
}

void BatchNormLayer::learn(const Statistics& batch) {
  for (std::size_t c = 0; c < running_mean_.size(); ++c) {
    const auto mixed = [&](float old, double fresh) {
      return static_cast<float>((1 - momentum_) * static_cast<double>(old) + momentum_ * fresh);
    };
    running_mean_[c] = mixed(running_mean_[c], batch.mean[c]);
    running_variance_[c] = mixed(running_variance_[c], batch.squares[c] / (batch.count - 1));
  }
}

// Two samples' statistics as those of both (Chan, Golub and LeVeque 1979).
void BatchNormLayer::collect(const Statistics& batch) {
  const double count = collected_.count + batch.count;
  for (std::size_t c = 0; c < batch.mean.size(); ++c) {
    const double distance = batch.mean[c] - collected_.mean[c];
    collected_.mean[c] += distance * batch.count / count;
    collected_.squares[c] += batch.squares[c] + distance * distance * collected_.count * batch.count / count;
  }
  collected_.count = count;
}

void BatchNormLayer::use(const Statistics& batch) {
  mean_.resize(batch.mean.size());
  inverse_.resize(batch.mean.size());
  for (std::size_t c = 0; c < mean_.size(); ++c) {
    mean_[c] = static_cast<float>(batch.mean[c]);
    inverse_[c] = inverse_root(batch.squares[c] / batch.count + epsilon_);
  }
}

void BatchNormLayer::use_running() {
  mean_ = running_mean_;
  inverse_.resize(mean_.size());
  for (std::size_t c = 0; c < mean_.size(); ++c) {
    inverse_[c] = inverse_root(static_cast<double>(running_variance_[c]) + epsilon_);
  }
}

void BatchNormLayer::find_scale() {
  scale_.resize(mean_.size());
  for (std::size_t c = 0; c < mean_.size(); ++c) scale_[c] = gamma_.values[c] * inverse_[c];
}

ChannelScales BatchNormLayer::scales() const { return {mean_.data(), scale_.data(), beta_.values.data(), relu_}; }

void BatchNormLayer::forward(LayerInputs x, MatrixView<float> y, const Pass& pass) {
  forward_and_finish(x, y, pass, {});
}

void BatchNormLayer::forward_and_finish(LayerInputs x, MatrixView<float> y, const Pass& pass,
                                        const FinishRows& finish) {
  const FinishRows write = forward_later(x, pass);
  const std::size_t rows = y.rows * output_shape().positions();
  parallel_chunks(rows, rows_per_task(mean_.size()), [&](std::size_t begin, std::size_t end) {
    float* const out = y.data + begin * mean_.size();
    write(begin, end - begin, out);
    if (finish) finish(begin, end - begin, out);
  });
}

FinishRows BatchNormLayer::forward_later(LayerInputs x, const Pass& pass) {
  const auto rows = positions(x[0], input_shape());
  batch_statistics_ = pass.training || reestimating_;
  if (batch_statistics_) {
    const Statistics batch = statistics_of(rows);
    if (reestimating_) {
      collect(batch);
    } else {
      learn(batch);
    }
    use(batch);
  } else {
    use_running();
  }
  find_scale();
  return [this, rows](std::size_t first, std::size_t count, float* out) {
    normalise_channels(rows.data + first * rows.columns, count, rows.columns, scales(), out);
  };
}

FinishRows BatchNormLayer::in_place(LayerInputs, std::size_t) {
  if (reestimating_) return {};
  batch_statistics_ = false;
  use_running();
  find_scale();
  return [this](std::size_t, std::size_t count, float* rows) {
    normalise_channels(rows, count, mean_.size(), scales(), rows);
  };
}

// With z the normalised value before the relu, dz its gradient and n positions:
//     dx = scale (dz - sum(dz) / n - (x - mean) inverse^2 sum(dz (x - mean)) / n)
FinishRows BatchNormLayer::backward_later(LayerInputs inputs, MatrixView<const float> dy, const Pass&) {
  const auto x = positions(inputs[0], input_shape());
  const std::size_t channels = x.columns;
  const auto sums = sums_over_rows(x.rows, channels, 2 * channels, [&](auto begin, auto end, float* part) {
    const std::size_t at = begin * channels;
    add_channel_gradients(x.data + at, dy.data + at, end - begin, channels, scales(), part);
  });
  std::vector<float> offset(channels, 0.0f), slope(channels, 0.0f);
  for (std::size_t c = 0; c < channels; ++c) {
    const auto inverse = static_cast<double>(inverse_[c]);
    beta_.gradient[c] = static_cast<float>(sums[c]);
    gamma_.gradient[c] = static_cast<float>(sums[channels + c] * inverse);
    if (!batch_statistics_) continue;
    const double share = static_cast<double>(scale_[c]) / static_cast<double>(x.rows);
    offset[c] = static_cast<float>(-share * sums[c]);
    slope[c] = static_cast<float>(-share * sums[channels + c] * inverse * inverse);
  }
  return [this, x, dy, offset = std::move(offset), slope = std::move(slope)](std::size_t first, std::size_t count,
                                                                             float* dx) {
    const std::size_t at = first * x.columns;
    channel_gradients(x.data + at, dy.data + at, count, x.columns, scales(), offset.data(), slope.data(), dx);
  };
}

void BatchNormLayer::backward(LayerInputs inputs, MatrixView<const float>, MatrixView<const float> dy,
                              InputGradients dx, const Pass& pass) {
  const FinishRows write = backward_later(inputs, dy, pass);
  if (dx[0].data == nullptr) return;
  const std::size_t channels = mean_.size();
  parallel_chunks(
      dy.rows * input_shape().positions(), rows_per_task(channels),
      [&](std::size_t begin, std::size_t end) { write(begin, end - begin, dx[0].data + begin * channels); });
}

void BatchNormLayer::save(SafetensorsWriter& out) const {
  out.add(name() + ".running_mean", std::span<const float>(running_mean_));
  out.add(name() + ".running_variance", std::span<const float>(running_variance_));
}

void BatchNormLayer::load(const SafetensorsFile& in) {
  in.read(name() + ".running_mean", std::span<float>(running_mean_));
  in.read(name() + ".running_variance", std::span<float>(running_variance_));
}

void BatchNormLayer::copy_state(const Layer& from) {
  const auto& other = dynamic_cast<const BatchNormLayer&>(from);
  set_running_statistics(other.running_mean_, other.running_variance_);
}

void BatchNormLayer::set_running_statistics(std::vector<float> mean, std::vector<float> variance) {
  OHMIC_EXPECT(mean.size() == running_mean_.size() && variance.size() == running_mean_.size());
  running_mean_ = std::move(mean);
  running_variance_ = std::move(variance);
}

void BatchNormLayer::begin_reestimation() {
  reestimating_ = true;
  collected_ = {0, std::vector<double>(running_mean_.size(), 0.0), std::vector<double>(running_mean_.size(), 0.0)};
}

void BatchNormLayer::end_reestimation() {
  reestimating_ = false;
  if (collected_.count < 2) {
    fail("layer \"{}\" cannot estimate its statistics anew from no calibration data; give it at least one batch",
         name());
  }
  for (std::size_t c = 0; c < running_mean_.size(); ++c) {
    running_mean_[c] = static_cast<float>(collected_.mean[c]);
    running_variance_[c] = static_cast<float>(collected_.squares[c] / (collected_.count - 1));
  }
}

// ------------------------------------------------------------------------------------------------------- layer norm

LayerNormLayer::LayerNormLayer(const std::string& name, const std::vector<Shape>& inputs, double epsilon)
    : Layer(name, inputs, single_input(name, "layer_norm", inputs)),
      epsilon_(checked_epsilon(name, epsilon)),
      gamma_(parameter(name + ".gamma", inputs.front(), 1)),
      beta_(parameter(name + ".beta", inputs.front(), 0)) {}

void LayerNormLayer::forward(LayerInputs x, MatrixView<float> y, const Pass&) {
  const auto rows = positions(x[0], input_shape());
  const std::size_t channels = rows.columns;
  mean_.resize(rows.rows);
  inverse_.resize(rows.rows);
  parallel_chunks(rows.rows, rows_per_task(channels), [&](std::size_t begin, std::size_t end) {
    const float *gamma = gamma_.values.data(), *beta = beta_.values.data();
    const auto count = static_cast<double>(channels);
    for (std::size_t r = begin; r < end; ++r) {
      const float* in = rows.data + r * channels;
      float* out = y.data + r * channels;
      const double middle = lane_sum(channels, [=](std::size_t c) { return static_cast<double>(in[c]); }) / count;
      const auto square = [=](std::size_t c) {
        const double d = static_cast<double>(in[c]) - middle;
        return d * d;
      };
      const float inverse = inverse_root(lane_sum(channels, square) / count + epsilon_);
      const auto mean = static_cast<float>(middle);
      for (std::size_t c = 0; c < channels; ++c) out[c] = (in[c] - mean) * inverse * gamma[c] + beta[c];
      mean_[r] = mean;
      inverse_[r] = inverse;
    }
  });
}

void LayerNormLayer::backward(LayerInputs x, MatrixView<const float>, MatrixView<const float> dy, InputGradients dx,
                              const Pass&) {
  const auto rows = positions(x[0], input_shape());
  const std::size_t channels = rows.columns;
  const float* gamma = gamma_.values.data();
  const auto sums = sums_over_rows(rows.rows, channels, 2 * channels, [&](auto begin, auto end, float* part) {
    float *to_gamma = part, *to_beta = part + channels;
    for (auto r = begin; r < end; ++r) {
      const float *in = rows.data + r * channels, *d = dy.data + r * channels;
      const float mean = mean_[r], inverse = inverse_[r];
      for (std::size_t c = 0; c < channels; ++c) {
        to_gamma[c] += d[c] * ((in[c] - mean) * inverse);
        to_beta[c] += d[c];
      }
      if (dx[0].data == nullptr) continue;
      const auto direct = [=](std::size_t c) { return static_cast<double>(d[c] * gamma[c]); };
      const auto along = [=](std::size_t c) {
        return static_cast<double>(d[c] * gamma[c] * ((in[c] - mean) * inverse));
      };
      const auto offset = static_cast<float>(lane_sum(channels, direct) / static_cast<double>(channels));
      const auto slope = static_cast<float>(lane_sum(channels, along) / static_cast<double>(channels));
      float* to = dx[0].data + r * channels;
      for (std::size_t c = 0; c < channels; ++c) {
        to[c] = inverse * (d[c] * gamma[c] - offset - (in[c] - mean) * inverse * slope);
      }
    }
  });
  for (std::size_t c = 0; c < channels; ++c) {
    gamma_.gradient[c] = static_cast<float>(sums[c]);
    beta_.gradient[c] = static_cast<float>(sums[channels + c]);
  }
}

LayerWork BatchNormLayer::work(Phase phase) const {
  const std::uint64_t numbers = output_shape().size();
  if (phase == Phase::backward) return {5 * numbers, 5 * numbers};
  if (phase == Phase::forward) return {3 * numbers, 3 * numbers};
  return {numbers, 2 * numbers};
}

LayerWork LayerNormLayer::work(Phase phase) const {
  const std::uint64_t numbers = output_shape().size();
  if (phase == Phase::backward) return {5 * numbers, 5 * numbers};
  return {3 * numbers, 3 * numbers};
}

}  // namespace ohmic
