#pragma once

#include <vector>

#include "ohmic/training/update_rule.h"

namespace ohmic {

/// What the rules have in common that add up what the optimiser wants of each weight outside the cells that are read,
/// and send blind pulses to those cells when enough has come together:
///
///     accumulator <- accumulator + DeltaW;   whole multiples of epsilon leave it as pulses on G+ or G-
///
/// Where a weight has several cells on one bit line, one pulse moves it less, and epsilon is scaled down; where a
/// stored weight of 1 stands for another number, epsilon is scaled by it. Every `refresh.every_samples` samples
/// saturated pairs are rewritten; what a rewriting with verify misses goes back to the accumulator.
class AccumulatingRule : public UpdateRule {
 public:
  void update(WeightMatrix& matrix, const UpdateStep& step) final;
  int maintain(WeightMatrix& matrix, const UpdateStep& step) final;
  void save(const std::string& prefix, SafetensorsWriter& out) const override { optimizer_.save(prefix, out); }
  void load(const std::string& prefix, const SafetensorsFile& in) override { optimizer_.load(prefix, in); }
  std::size_t bytes() const override { return optimizer_.bytes(); }

 protected:
  /// Weights from `inputs` times `outputs` on are accumulated in `chunks` chunks, at the same time.
  AccumulatingRule(double epsilon, const OuterProductSpec& outer_product, const RefreshSpec& refresh,
                   const OptimizerSpec& optimizer, std::size_t inputs, std::size_t outputs, std::size_t chunks);

  /// Adds what the step wants and asks for pulses: `pulses(chunk)`, chunks in the order of the weights.
  virtual void accumulate(WeightMatrix& matrix, const Tile& tile, const UpdateStep& step) = 0;
  /// Adds to one weight what a refresh missed.
  virtual void give_back(std::uint32_t crossing, float weight, const Tile& tile, const UpdateStep& step) = 0;

  std::size_t inputs() const { return inputs_; }
  std::size_t outputs() const { return outputs_; }
  std::size_t size() const { return inputs_ * outputs_; }
  const Optimizer& optimizer() const { return optimizer_; }
  /// The weight change that one pulse stands for, on this tile.
  float epsilon() const { return epsilon_; }
  std::vector<PulseRequest>& pulses(std::size_t chunk) { return pulses_[chunk]; }
  /// The change that the optimiser wants of each weight.
  std::span<const float> change(WeightMatrix& matrix, const Tile& tile, const UpdateStep& step);

 private:
  double nominal_epsilon_;
  OuterProductSpec outer_product_;
  RefreshSpec refresh_;
  Optimizer optimizer_;
  std::size_t inputs_, outputs_;
  float epsilon_ = 0;
  std::vector<std::vector<PulseRequest>> pulses_;  ///< scratch: per chunk
  std::vector<PulseRequest> requests_;             ///< scratch
  std::vector<float> change_, weights_;            ///< scratch
};

}  // namespace ohmic
