#pragma once

#include "ohmic/device/cell.h"

namespace ohmic {

/// Constants of the phase-change cell for inference; presets/cells/pcm_inference.toml holds the published values and
/// their sources. Conductances relative to the highest one are called g.
struct PcmInferenceParameters final : CellParameters {
  double conductance_max_us = 0;
  double programming_reference_us = 0;
  double programming_stddev_us = 0;
  double programming_stddev_linear_us = 0;
  double programming_stddev_square_us = 0;
  double pulse_step_us = 0;
  double pulse_stddev_us = 0;
  double reset_mean_us = 0;
  double reset_stddev_us = 0;
  double drift_exponent_log_slope = 0;
  double drift_exponent_offset = 0;
  double drift_exponent_min = 0;
  double drift_exponent_max = 0;
  double drift_spread_log_slope = 0;
  double drift_spread_offset = 0;
  double drift_spread_min = 0;
  double drift_spread_max = 0;
  double drift_reference_age_s = 1;
  double drift_min_age_s = 1;
  double flicker = 0;
  double flicker_power = 0;
  double flicker_max = 0;
  double read_duration_s = 1;

  std::string_view model() const override { return "pcm_inference"; }
  void describe_fields(FieldVisitor& v) override;
  std::unique_ptr<CellParameters> clone() const override { return std::make_unique<PcmInferenceParameters>(*this); }
  std::unique_ptr<CellModel> make() const override;
};

/// Phase-change memory that is programmed to a target once and then read for years (Joshi et al., Nat. Commun. 11:2473,
/// 2020). With g = G / G_max:
///
///     programming  G = G_T + sigma xi,  sigma = (c0 + c1 g - c2 g^2) G_max / 25 uS, not below 0
///     drift        nu = |mu_nu(g) + sigma_nu(g) xi|, both logarithmic in g between bounds
///     1/f noise    sigma_read = G(t) min(Q / g^p, Q_max) sqrt(ln((t + t_r) / (2 t_r)))
///
/// The exponents follow the programmed conductance. Pulses of chosen amplitude, for program-and-verify, leave the
/// wanted change and a Gaussian error of `pulse_stddev_us` [assumed: the paper gives only the outcome].
class PcmInferenceCell final : public CellModel {
 public:
  explicit PcmInferenceCell(const PcmInferenceParameters& parameters)
      : p_(parameters),
        per_us_(1 / parameters.conductance_max_us),
        programming_scale_(parameters.conductance_max_us / parameters.programming_reference_us) {}

  double conductance_max_us() const override { return p_.conductance_max_us; }
  DriftLaw drift() const override;
  ReadNoiseLaw read_noise() const override;
  float set(float conductance_us, std::uint32_t pulses, PulseNoise noise) const override;
  float reset(float gaussian) const override;
  bool has_adjustable_pulses() const override { return true; }
  float adjust(float conductance_us, std::uint32_t pulses, float change_us, PulseNoise noise) const override;
  bool has_target_programming() const override { return true; }
  float program(float target_us, PulseNoise noise) const override;
  void program_all(std::span<const float> targets_us, std::span<const float> gaussians,
                   std::span<float> conductances_us) const override;

  /// Standard deviation of the programmed conductance around the target.
  double programming_stddev_us(double target_us) const;

 private:
  float bounded(double conductance_us) const;

  PcmInferenceParameters p_;
  double per_us_;             ///< g per uS
  double programming_scale_;  ///< of the programming error against the cells that were measured
};

}  // namespace ohmic
