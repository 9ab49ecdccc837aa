#pragma once

#include "ohmic/device/cell.h"

namespace ohmic {

/// Constants of the ideal cell; presets/cells/ideal.toml.
struct IdealParameters final : CellParameters {
  double step_us = 0;
  double conductance_max_us = 0;

  std::string_view model() const override { return "ideal"; }
  void describe_fields(FieldVisitor& v) override;
  std::unique_ptr<CellParameters> clone() const override { return std::make_unique<IdealParameters>(*this); }
  std::unique_ptr<CellModel> make() const override;
};

/// A linear cell: each SET pulse adds the same step, RESET returns to zero, no noise, no drift. What remains is the
/// granularity of the step, so the gap to a real cell shows the physics alone.
class IdealCell final : public CellModel {
 public:
  explicit IdealCell(const IdealParameters& parameters) : p_(parameters) {}

  double conductance_max_us() const override { return p_.conductance_max_us; }
  float set(float conductance_us, std::uint32_t pulses, PulseNoise noise) const override;
  float reset(float gaussian) const override;

 private:
  IdealParameters p_;
};

}  // namespace ohmic
