#pragma once

#include <string>
#include <vector>

#include "ohmic/core/channel_kernels.h"
#include "ohmic/network/layer.h"

namespace ohmic {

/// Batch normalisation (Ioffe and Szegedy 2015): y = gamma (x - mean) / sqrt(variance + epsilon) + beta in each
/// channel, with `relu` max(that, 0). In training, mean and variance are those of the batch and all positions, and
///
///     running = (1 - momentum) running + momentum batch
///
/// with the unbiased variance, as PyTorch does it; otherwise the running ones are used. Gamma starts at 1, beta at 0.
/// Sums are in double precision, in an order that depends on sizes only.
class BatchNormLayer final : public Layer {
 public:
  /// epsilon: at least 0; momentum: 0 .. 1.
  BatchNormLayer(const std::string& name, const std::vector<Shape>& inputs, double epsilon, double momentum,
                 bool relu = false);

  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  bool can_finish() const override { return true; }
  void forward_and_finish(LayerInputs x, MatrixView<float> y, const Pass& pass, const FinishRows& finish) override;
  /// After a pass with running statistics these count as constants.
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  FinishRows in_place(LayerInputs x, std::size_t place) override;
  bool can_wait() const override { return true; }
  FinishRows forward_later(LayerInputs x, const Pass& pass) override;
  FinishRows backward_later(LayerInputs x, MatrixView<const float> dy, const Pass& pass) override;
  /// Forward in training a sum, a sum of squares, and scale and offset, over numbers that are read twice; back two sums
  /// and dx = a dy + b (x - mean) + c; in evaluation scale and offset.
  LayerWork work(Phase phase) const override;
  bool reads_whole_batches() const override { return reestimating_; }
  Needs needs() const override { return {true, false}; }
  std::vector<Parameter*> parameters() override { return {&gamma_, &beta_}; }
  void save(SafetensorsWriter& out) const override;
  void load(const SafetensorsFile& in) override;
  void copy_state(const Layer& from) override;

  double epsilon() const { return epsilon_; }
  const std::vector<float>& running_mean() const { return running_mean_; }
  const std::vector<float>& running_variance() const { return running_variance_; }
  void set_running_statistics(std::vector<float> mean, std::vector<float> variance);

  /// Estimates the running statistics anew from calibration data (adaptive batch normalisation statistics, AdaBS: Joshi
  /// et al. 2020, section "AdaBS technique"). Between the two calls each forward pass, training or not, normalises by
  /// the statistics of its batch, as those that come after it will meet it, and counts into the estimate: the mean and
  /// unbiased variance of all data passed. end_reestimation is an Error if there were fewer than two values per
  /// channel.
  void begin_reestimation();
  void end_reestimation();

 private:
  /// Sums of one batch in each channel.
  struct Statistics {
    double count = 0;
    std::vector<double> mean, squares;  ///< squares: sum of (x - mean)^2
  };
  Statistics statistics_of(MatrixView<const float> rows) const;
  void learn(const Statistics& batch);
  void collect(const Statistics& batch);
  void use(const Statistics& batch);
  void use_running();
  void find_scale();
  ChannelScales scales() const;

  double epsilon_, momentum_;
  bool relu_;
  Parameter gamma_, beta_;
  std::vector<float> running_mean_, running_variance_;
  std::vector<float> mean_, inverse_, scale_;  ///< of the last pass: 1 / stddev, gamma / stddev
  bool batch_statistics_ = false;              ///< whether these came from the batch
  bool reestimating_ = false;
  Statistics collected_;
};

/// Layer normalisation (Ba et al. 2016): the same over the channels of each position, with no statistics to remember.
class LayerNormLayer final : public Layer {
 public:
  LayerNormLayer(const std::string& name, const std::vector<Shape>& inputs, double epsilon);

  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  /// As batch normalisation in training, in evaluation as well.
  LayerWork work(Phase phase) const override;
  Needs needs() const override { return {true, false}; }
  std::vector<Parameter*> parameters() override { return {&gamma_, &beta_}; }

 private:
  double epsilon_;
  Parameter gamma_, beta_;
  std::vector<float> mean_, inverse_;  ///< per position of the last batch
};

}  // namespace ohmic
