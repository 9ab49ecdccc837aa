#include "ohmic/device/rram.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/error.h"

namespace ohmic {

void RramParameters::describe_fields(FieldVisitor& v) {
  v.field({"conductance_min_us", "uS", "lowest conductance", 0, 1e4}, conductance_min_us);
  v.field({"conductance_max_us", "uS", "highest conductance", 1e-3, 1e4}, conductance_max_us);
  v.field({"step_up_us", "uS", "potentiation step from the lowest conductance", 1e-6, 1e4}, step_up_us);
  v.field({"step_down_us", "uS", "depression step from the highest conductance", 1e-6, 1e4}, step_down_us);
  v.field({"saturation", "", "how much of the step is lost at the far end: 0 none, 1 all", 0, 1}, saturation);
  v.field({"power", "", "exponent of the saturation", 0, 20}, power);
  v.field({"step_stddev", "", "noise of a step, relative to it", 0, 10}, step_stddev);
  v.field({"step_spread", "", "spread of the step from cell to cell, relative to it", 0, 1}, step_spread);
  v.field({"reset_stddev_us", "uS", "spread of the conductance after RESET, above the lowest", 0, 1e3},
          reset_stddev_us);
  v.field({"read_noise_slope", "", "read noise per conductance", 0, 10}, read_noise_slope);
  v.field({"read_noise_offset_us", "uS", "read noise at zero conductance", 0, 100}, read_noise_offset_us);
}

std::unique_ptr<CellModel> RramParameters::make() const { return std::make_unique<RramCell>(*this); }

RramCell::RramCell(const RramParameters& parameters) : p_(parameters) {
  if (p_.conductance_max_us > p_.conductance_min_us) return;
  fail(
      "device.parameters.conductance_max_us = {} must exceed conductance_min_us = {}; raise the one or lower the other",
      p_.conductance_max_us, p_.conductance_min_us);
}

double RramCell::filling(double conductance_us) const {
  return (conductance_us - p_.conductance_min_us) / (p_.conductance_max_us - p_.conductance_min_us);
}

float RramCell::moved(double conductance_us, double step_us, double room, PulseNoise noise) const {
  const double law = std::pow(std::max(0.0, room), p_.power);
  const double of_cell = std::max(0.0, 1 + p_.step_spread * noise.cell);  // a dead cell, never a reversed one
  const double step = step_us * law * (of_cell + p_.step_stddev * noise.gaussian);
  return static_cast<float>(std::clamp(conductance_us + step, p_.conductance_min_us, p_.conductance_max_us));
}

float RramCell::set(float conductance_us, std::uint32_t, PulseNoise noise) const {
  return moved(conductance_us, p_.step_up_us, 1 - p_.saturation * filling(conductance_us), noise);
}

float RramCell::depress(float conductance_us, PulseNoise noise) const {
  return moved(conductance_us, -p_.step_down_us, 1 - p_.saturation * (1 - filling(conductance_us)), noise);
}

float RramCell::reset(float gaussian) const {
  return static_cast<float>(std::clamp(p_.conductance_min_us + std::abs(p_.reset_stddev_us * gaussian),
                                       p_.conductance_min_us, p_.conductance_max_us));
}

}  // namespace ohmic
