#include "ohmic/device/exponential_step.h"

#include <algorithm>
#include <cmath>

namespace ohmic {

void ExponentialStepParameters::describe_fields(FieldVisitor& v) {
  v.field({"conductance_per_unit_us", "uS", "conductance of w = 1", 1e-6, 1e4}, conductance_per_unit_us);
  v.field({"unit_max", "", "highest w", 1e-6, 1e4}, unit_max);
  v.field({"step", "", "step of w far up", 0, 100}, step);
  v.field({"step_growth", "", "relative growth of the step towards w = 0", 0, 1e6}, step_growth);
  v.field({"step_decay", "", "per w", 0, 1e3}, step_decay);
  v.field({"step_stddev", "", "noise of a step relative to its terms", 0, 100}, step_stddev);
  v.field({"step_stddev_offset", "", "constant term of the noise, in w", 0, 100}, step_stddev_offset);
  v.field({"step_stddev_slope", "", "term of the noise per w", 0, 100}, step_stddev_slope);
  v.field({"read_noise_slope", "", "read noise per conductance", 0, 10}, read_noise_slope);
  v.field({"read_noise_offset_us", "uS", "read noise at zero conductance", 0, 100}, read_noise_offset_us);
}

std::unique_ptr<CellModel> ExponentialStepParameters::make() const {
  return std::make_unique<ExponentialStepCell>(*this);
}

float ExponentialStepCell::set(float conductance_us, std::uint32_t, PulseNoise noise) const {
  const double w = conductance_us / p_.conductance_per_unit_us;
  const double mean = p_.step * (1 + p_.step_growth * std::exp(-p_.step_decay * w));
  const double stddev = p_.step_stddev * (std::abs(mean) + p_.step_stddev_offset + p_.step_stddev_slope * std::abs(w));
  return static_cast<float>(std::clamp(w + mean + stddev * noise.gaussian, 0.0, p_.unit_max) *
                            p_.conductance_per_unit_us);
}

float ExponentialStepCell::reset(float) const { return 0; }

}  // namespace ohmic
