#pragma once

#include "ohmic/device/cell.h"

namespace ohmic {

/// Constants of the exponential-step cell; presets/cells/pcm_exponential.toml.
struct ExponentialStepParameters final : CellParameters {
  double conductance_per_unit_us = 0;
  double unit_max = 0;
  double step = 0;
  double step_growth = 0;
  double step_decay = 0;
  double step_stddev = 0;
  double step_stddev_offset = 0;
  double step_stddev_slope = 0;
  double read_noise_slope = 0;
  double read_noise_offset_us = 0;

  std::string_view model() const override { return "exponential_step"; }
  void describe_fields(FieldVisitor& v) override;
  std::unique_ptr<CellParameters> clone() const override { return std::make_unique<ExponentialStepParameters>(*this); }
  std::unique_ptr<CellModel> make() const override;
};

/// A cell whose SET step falls exponentially with its state, without a memory of pulses: a second, independent
/// description of phase-change memory that results can be checked against. In units of w, where G = w
/// conductance_per_unit:
///
///     dw = step (1 + growth exp(-decay w)),   std = s (|dw| + offset + slope |w|)
class ExponentialStepCell final : public CellModel {
 public:
  explicit ExponentialStepCell(const ExponentialStepParameters& parameters) : p_(parameters) {}

  double conductance_max_us() const override { return p_.unit_max * p_.conductance_per_unit_us; }
  ReadNoiseLaw read_noise() const override { return {p_.read_noise_slope, p_.read_noise_offset_us}; }
  float set(float conductance_us, std::uint32_t pulses, PulseNoise noise) const override;
  float reset(float gaussian) const override;

 private:
  ExponentialStepParameters p_;
};

}  // namespace ohmic
