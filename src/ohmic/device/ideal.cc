#include "ohmic/device/ideal.h"

#include <algorithm>
#include <cmath>

namespace ohmic {

void IdealParameters::describe_fields(FieldVisitor& v) {
  v.field({"step_us", "uS", "conductance added by one SET pulse", 1e-6, 1e4}, step_us);
  v.field({"step_stddev_us", "uS", "noise of one step; 0: deterministic", 0, 1e4}, step_stddev_us);
  v.field({"resolution_us", "uS", "distance of the conductances that can be programmed; 0: any", 0, 1e4},
          resolution_us);
  v.field({"conductance_max_us", "uS", "highest conductance", 1e-3, 1e6}, conductance_max_us);
}

std::unique_ptr<CellModel> IdealParameters::make() const { return std::make_unique<IdealCell>(*this); }

float IdealCell::bounded(double conductance_us) const {
  return static_cast<float>(std::clamp(conductance_us, 0.0, p_.conductance_max_us));
}

float IdealCell::set(float conductance_us, std::uint32_t, PulseNoise noise) const {
  return bounded(conductance_us + p_.step_us + p_.step_stddev_us * noise.gaussian);
}

float IdealCell::reset(float) const { return 0; }

float IdealCell::depress(float conductance_us, PulseNoise noise) const {
  return bounded(conductance_us - p_.step_us + p_.step_stddev_us * noise.gaussian);
}

float IdealCell::adjust(float conductance_us, std::uint32_t, float change_us, PulseNoise noise) const {
  return program(conductance_us + change_us, noise);
}

float IdealCell::program(float target_us, PulseNoise noise) const {
  const double target = target_us + p_.step_stddev_us * noise.gaussian;
  return bounded(p_.resolution_us > 0 ? std::nearbyint(target / p_.resolution_us) * p_.resolution_us : target);
}

}  // namespace ohmic
