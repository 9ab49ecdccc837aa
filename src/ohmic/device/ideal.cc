#include "ohmic/device/ideal.h"

#include <algorithm>

namespace ohmic {

void IdealParameters::describe_fields(FieldVisitor& v) {
  v.field({"step_us", "uS", "conductance added by one SET pulse", 1e-6, 1e4}, step_us);
  v.field({"conductance_max_us", "uS", "highest conductance", 1e-3, 1e6}, conductance_max_us);
}

std::unique_ptr<CellModel> IdealParameters::make() const { return std::make_unique<IdealCell>(*this); }

float IdealCell::set(float conductance_us, std::uint32_t, PulseNoise) const {
  return static_cast<float>(std::min(conductance_us + p_.step_us, p_.conductance_max_us));
}

float IdealCell::reset(float) const { return 0; }

}  // namespace ohmic
