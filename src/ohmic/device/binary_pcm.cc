#include "ohmic/device/binary_pcm.h"

#include <algorithm>

#include "ohmic/core/error.h"

namespace ohmic {

void BinaryPcmParameters::describe_fields(FieldVisitor& v) {
  v.field({"high_us", "uS", "mean conductance after SET", 0, 1e4}, high_us);
  v.field({"high_stddev_us", "uS", "its spread from write to write", 0, 1e4}, high_stddev_us);
  v.field({"low_us", "uS", "mean conductance after RESET", 0, 1e4}, low_us);
  v.field({"low_stddev_us", "uS", "its spread from write to write", 0, 1e4}, low_stddev_us);
  v.field({"conductance_max_us", "uS", "highest conductance", 1e-3, 1e4}, conductance_max_us);
  v.field({"drift_exponent", "", "mean drift exponent", 0, 1}, drift_exponent);
  v.field({"drift_exponent_spread", "", "its spread from cell to cell", 0, 1}, drift_exponent_spread);
  v.field({"drift_reference_age_s", "s", "time after a write at which conductances are stated", 1e-9, 1e9},
          drift_reference_age_s);
  v.field({"drift_min_age_s", "s", "younger cells read as at this age", 1e-9, 1e9}, drift_min_age_s);
  v.field({"read_noise_slope", "", "read noise per conductance", 0, 10}, read_noise_slope);
  v.field({"read_noise_offset_us", "uS", "read noise at zero conductance", 0, 100}, read_noise_offset_us);
}

std::unique_ptr<CellModel> BinaryPcmParameters::make() const { return std::make_unique<BinaryPcmCell>(*this); }

BinaryPcmCell::BinaryPcmCell(const BinaryPcmParameters& parameters) : p_(parameters) {
  if (p_.high_us > p_.low_us && p_.conductance_max_us >= p_.high_us) return;
  fail("device.parameters: low_us = {}, high_us = {} and conductance_max_us = {} must ascend; change one of them",
       p_.low_us, p_.high_us, p_.conductance_max_us);
}

DriftLaw BinaryPcmCell::drift() const {
  return {{p_.drift_exponent}, {p_.drift_exponent_spread}, 1, p_.drift_reference_age_s, p_.drift_min_age_s};
}

float BinaryPcmCell::set(float, std::uint32_t, PulseNoise noise) const {
  return static_cast<float>(std::clamp(p_.high_us + p_.high_stddev_us * noise.gaussian, 0.0, p_.conductance_max_us));
}

float BinaryPcmCell::reset(float gaussian) const {
  return static_cast<float>(std::clamp(p_.low_us + p_.low_stddev_us * gaussian, 0.0, p_.conductance_max_us));
}

}  // namespace ohmic
