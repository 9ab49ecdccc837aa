#pragma once

#include "ohmic/device/cell.h"

namespace ohmic {

/// Constants of the ideal cell; presets/cells/ideal.toml.
struct IdealParameters final : CellParameters {
  double step_us = 0;
  double step_stddev_us = 0;
  double resolution_us = 0;
  double conductance_max_us = 0;

  std::string_view model() const override { return "ideal"; }
  void describe_fields(FieldVisitor& v) override;
  std::unique_ptr<CellParameters> clone() const override { return std::make_unique<IdealParameters>(*this); }
  std::unique_ptr<CellModel> make() const override;
};

/// A linear cell: each SET pulse adds the same step, each depression pulse takes it off, RESET returns to zero; no read
/// noise, no drift. Two departures can be switched on by themselves: a stochastic step, and a finite resolution for
/// conductances that are programmed. So the gap to a real cell can be taken apart.
class IdealCell final : public CellModel {
 public:
  explicit IdealCell(const IdealParameters& parameters) : p_(parameters) {}

  double conductance_max_us() const override { return p_.conductance_max_us; }
  float set(float conductance_us, std::uint32_t pulses, PulseNoise noise) const override;
  float reset(float gaussian) const override;
  bool has_depression() const override { return true; }
  float depress(float conductance_us, PulseNoise noise) const override;
  bool has_adjustable_pulses() const override { return true; }
  float adjust(float conductance_us, std::uint32_t pulses, float change_us, PulseNoise noise) const override;
  bool has_target_programming() const override { return true; }
  float program(float target_us, PulseNoise noise) const override;

 private:
  float bounded(double conductance_us) const;

  IdealParameters p_;
};

}  // namespace ohmic
