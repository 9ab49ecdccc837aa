#pragma once

#include <vector>

#include "ohmic/training/accumulating_rule.h"

namespace ohmic {

/// Mixed-precision training (Nandakumar et al., Front. Neurosci. 14:406, 2020): the wanted change is accumulated in a
/// digital matrix chi; where |chi| reaches a threshold of theta epsilon, blind SET pulses on G+ or G- go to the cells
/// and epsilon per pulse leaves chi (AccumulatingRule). DeltaW is any optimiser's step.
///
///     chi <- chi + DeltaW;   p = sign(chi) trunc(|chi| / epsilon + 1 - theta), at most most_pulses_per_crossing;
///     chi <- chi - p epsilon
///
/// theta = 1 truncates, as the paper does; theta = 1/2 rounds. Chi starts at 0, or with `dither` evenly spread over
/// +-theta epsilon: with theta = 1/2 a change too small for any weight's pulse then moves as many weights by a whole
/// pulse as sum up to it, where chi = 0 would keep it back. [dither: not in the paper]
class MixedPrecisionRule final : public AccumulatingRule {
 public:
  MixedPrecisionRule(const MixedPrecisionSpec& spec, const OptimizerSpec& optimizer, std::size_t inputs,
                     std::size_t outputs);

  void save(const std::string& prefix, SafetensorsWriter& out) const override;
  void load(const std::string& prefix, const SafetensorsFile& in) override;
  std::size_t bytes() const override {
    return accumulated_.values().size() * sizeof(float) + AccumulatingRule::bytes();
  }

  const Matrix& accumulated() const { return accumulated_; }

 private:
  void accumulate(WeightMatrix& matrix, const Tile& tile, const UpdateStep& step) override;
  void give_back(std::uint32_t crossing, float weight, const Tile&, const UpdateStep&) override {
    accumulated_.values()[crossing] += weight;
  }
  void dither(const Tile& tile);
  void add_outer_products(const WeightMatrix& matrix, const UpdateStep& step);
  void add_change(std::span<const float> change);
  void find_crossings(std::size_t chunk);
  void take_pulses(std::size_t chunk, std::uint32_t crossing);

  MixedPrecisionSpec spec_;
  float threshold_ = 0;                 ///< the accumulated change from which a weight is pulsed
  Matrix accumulated_;                  ///< chi
  std::vector<std::uint32_t> crossed_;  ///< scratch
};

}  // namespace ohmic
