#pragma once

#include <array>

#include "ohmic/device/cell.h"

namespace ohmic {

/// Constants of the phase-change cell under blind SET pulses; presets/cells/pcm.toml holds the published values and
/// their sources.
struct PcmParameters final : CellParameters {
  double memory_decay_pulses = 0;
  double step_mean_slope = 0;
  double step_mean_offset_us = 0;
  double step_mean_memory_us = 0;
  double step_stddev_slope = 0;
  double step_stddev_offset_us = 0;
  double step_stddev_memory_us = 0;
  double step_spread = 0;
  double conductance_min_us = 0;
  double conductance_max_us = 0;
  double reset_mean_us = 0;
  double reset_stddev_us = 0;
  double reset_min_us = 0;
  double drift_exponent = 0;
  double drift_exponent_spread = 0;
  double drift_reference_age_s = 1;
  double drift_min_age_s = 1;
  double read_noise_slope = 0;
  double read_noise_offset_us = 0;

  std::string_view model() const override { return "pcm"; }
  void describe_fields(FieldVisitor& v) override;
  std::unique_ptr<CellParameters> clone() const override { return std::make_unique<PcmParameters>(*this); }
  std::unique_ptr<CellModel> make() const override;
};

/// Mean and standard deviation of one step, in uS.
struct StepLaw {
  double mean_us, stddev_us;
};

/// Phase-change memory under blind SET pulses (Nandakumar et al., J. Appl. Phys. 124, 152135, 2018).
///
/// A SET pulse crystallises a little more of the amorphous volume. How much depends on the conductance reached and on
/// how many pulses the cell has seen since RESET, kept as a memory P = exp(-n / decay) after n pulses:
///
///     mean   mu    = slope_mu G + offset_mu + memory_mu P
///     spread sigma = slope_s  G + offset_s  + memory_s  P
///     G <- clip(G + mu max(0, 1 + spread xi_cell) + sigma xi, G_min, G_max)
///
/// with P taken after the pulse's own decay. RESET melts the volume: P = 1 and a small, slightly random G. Valid for
/// conductances up to about 12 uS, where the measurements end; G_max only bounds the tail.
class PcmCell final : public CellModel {
 public:
  explicit PcmCell(const PcmParameters& parameters);

  double conductance_min_us() const override { return p_.conductance_min_us; }
  double conductance_max_us() const override { return p_.conductance_max_us; }
  DriftLaw drift() const override;
  ReadNoiseLaw read_noise() const override { return {p_.read_noise_slope, p_.read_noise_offset_us}; }
  float set(float conductance_us, std::uint32_t pulses, PulseNoise noise) const override;
  float reset(float gaussian) const override;

  /// The step of the next SET pulse, before the spread from cell to cell.
  StepLaw step(float conductance_us, std::uint32_t pulses) const;
  /// The conductance after a step of this law, within the cell's bounds.
  float stepped(float conductance_us, const StepLaw& step, PulseNoise noise) const;

 private:
  PcmParameters p_;
  std::array<float, 64> memory_after_{};  ///< P after pulse n + 1; beyond the table it is below 1e-10
};

}  // namespace ohmic
