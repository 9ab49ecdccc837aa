#pragma once

#include "ohmic/device/cell.h"

namespace ohmic {

/// Constants of the binary phase-change cell; presets/cells/binary_pcm.toml.
struct BinaryPcmParameters final : CellParameters {
  double high_us = 0;
  double high_stddev_us = 0;
  double low_us = 0;
  double low_stddev_us = 0;
  double conductance_max_us = 0;
  double drift_exponent = 0;
  double drift_exponent_spread = 0;
  double drift_reference_age_s = 1;
  double drift_min_age_s = 1;
  double read_noise_slope = 0;
  double read_noise_offset_us = 0;

  std::string_view model() const override { return "binary_pcm"; }
  void describe_fields(FieldVisitor& v) override;
  std::unique_ptr<CellParameters> clone() const override { return std::make_unique<BinaryPcmParameters>(*this); }
  std::unique_ptr<CellModel> make() const override;
};

/// A cell that is written to one of two states and compared with a threshold half way when read as a bit: SET leaves
/// the crystalline, RESET the amorphous one, each with its spread, whatever was before.
class BinaryPcmCell final : public CellModel {
 public:
  explicit BinaryPcmCell(const BinaryPcmParameters& parameters);

  double conductance_max_us() const override { return p_.conductance_max_us; }
  DriftLaw drift() const override;
  ReadNoiseLaw read_noise() const override { return {p_.read_noise_slope, p_.read_noise_offset_us}; }
  float set(float conductance_us, std::uint32_t pulses, PulseNoise noise) const override;
  float reset(float gaussian) const override;

  /// Half way between the two states: above it a cell reads as 1.
  double threshold_us() const { return 0.5 * (p_.high_us + p_.low_us); }

 private:
  BinaryPcmParameters p_;
};

}  // namespace ohmic
