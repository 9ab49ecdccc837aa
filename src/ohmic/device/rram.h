#pragma once

#include "ohmic/device/cell.h"

namespace ohmic {

/// Constants of the resistive cell; presets/cells/rram_*.toml.
struct RramParameters final : CellParameters {
  double conductance_min_us = 0;
  double conductance_max_us = 0;
  double step_up_us = 0;
  double step_down_us = 0;
  double saturation = 0;
  double power = 0;
  double step_stddev = 0;
  double step_spread = 0;
  double reset_stddev_us = 0;
  double read_noise_slope = 0;
  double read_noise_offset_us = 0;

  std::string_view model() const override { return "rram"; }
  void describe_fields(FieldVisitor& v) override;
  std::unique_ptr<CellParameters> clone() const override { return std::make_unique<RramParameters>(*this); }
  std::unique_ptr<CellModel> make() const override;
};

/// Filamentary resistive memory with pulses in both directions. With w = (G - G_min) / (G_max - G_min):
///
///     potentiation  dG =  up   (1 - saturation w)^power
///     depression    dG = -down (1 - saturation (1 - w))^power
///
/// times (max(0, 1 + spread xi_cell) + stddev xi), within hard bounds. power 1 and saturation 1 are the soft bounds,
/// power 1 and saturation below 1 the linear step, any power with saturation 1 the power step, saturation 0 the
/// constant step.
class RramCell final : public CellModel {
 public:
  explicit RramCell(const RramParameters& parameters);

  double conductance_min_us() const override { return p_.conductance_min_us; }
  double conductance_max_us() const override { return p_.conductance_max_us; }
  ReadNoiseLaw read_noise() const override { return {p_.read_noise_slope, p_.read_noise_offset_us}; }
  float set(float conductance_us, std::uint32_t pulses, PulseNoise noise) const override;
  float reset(float gaussian) const override;
  bool has_depression() const override { return true; }
  float depress(float conductance_us, PulseNoise noise) const override;

 private:
  double filling(double conductance_us) const;
  float moved(double conductance_us, double step_us, double room, PulseNoise noise) const;

  RramParameters p_;
};

}  // namespace ohmic
