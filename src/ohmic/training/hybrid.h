#pragma once

#include <vector>

#include "ohmic/crossbar/register_array.h"
#include "ohmic/training/accumulating_rule.h"

namespace ohmic {

/// Hybrid in-memory training (Joshi et al., arXiv 2102.05271, 2021): a weight is an MSB in the pair of cells that
/// forward and backward read, and an LSB in binary cells beside it, which accumulates what the optimiser wants and is
/// never read by a product. With b_M and b_L bits:
///
///     epsilon_M = weight_max / 2^(b_M - 1);   epsilon_L = epsilon_M / 2^(b_L - 1)
///     q = round(DeltaW / epsilon_L);   l <- l + q;   carry = trunc(l / 2^(b_L - 1) + 1 - theta), at most most_pulses
///     l <- l - carry 2^(b_L - 1), or 0 after a carry with on_overflow = clear
///
/// and |carry| blind SET pulses go to G+ or G- (AccumulatingRule with epsilon = epsilon_M). The LSB lives in a
/// RegisterArray: each changed bit is a noisy, counted write. theta is `threshold`: 1 truncates, 1/2 rounds. Registers
/// start at 0, or with `dither` evenly spread up to the threshold [not in the paper]. A carry beyond most_pulses is
/// lost but for what the register holds. What a refresh with verify misses is rounded to epsilon_L and added without a
/// carry. [skeleton: the paper; the arithmetic: assumed]
///
/// A change of a single sample is rounded row by row, without a gradient matrix.
class HybridRule final : public AccumulatingRule {
 public:
  HybridRule(const HybridSpec& spec, const OptimizerSpec& optimizer, std::size_t inputs, std::size_t outputs,
             std::uint64_t seed, std::uint32_t unit);

  const RegisterArray& registers() const { return registers_; }

  PhaseCounters phase_counters() const override {
    PhaseCounters counters;
    counters[Phase::update] = registers_.counters();
    return counters;
  }
  void add_wear(WearRecord& wear) const override;
  void save(const std::string& prefix, SafetensorsWriter& out) const override;
  void load(const std::string& prefix, const SafetensorsFile& in) override;
  std::size_t bytes() const override { return registers_.bytes() + AccumulatingRule::bytes(); }

 private:
  void accumulate(WeightMatrix& matrix, const Tile& tile, const UpdateStep& step) override;
  void give_back(std::uint32_t crossing, float weight, const Tile& tile, const UpdateStep& step) override;
  float register_step() const;
  void dither(const Tile& tile);
  void add_outer_product(const WeightMatrix& matrix, const UpdateStep& step, const RegisterUpdate& update);
  void ask_for_pulses(std::size_t chunk);

  HybridSpec spec_;
  RegisterArray registers_;
  std::vector<std::vector<RegisterCarry>> carries_;  ///< scratch: per chunk
};

}  // namespace ohmic
