#include "ohmic/device/pcm_inference.h"

#include <algorithm>

namespace ohmic {

void PcmInferenceParameters::describe_fields(FieldVisitor& v) {
  v.field({"conductance_max_us", "uS", "highest conductance; g = 1", 1e-3, 1e4}, conductance_max_us);
  v.field({"programming_reference_us", "uS", "highest conductance that the programming constants were measured with",
           1e-3, 1e4},
          programming_reference_us);
  v.field({"programming_stddev_us", "uS", "programming error at g = 0", 0, 100}, programming_stddev_us);
  v.field({"programming_stddev_linear_us", "uS", "its change per g", -100, 100}, programming_stddev_linear_us);
  v.field({"programming_stddev_square_us", "uS", "its change per g^2", -100, 100}, programming_stddev_square_us);
  v.field({"pulse_step_us", "uS", "mean step of a blind SET pulse", 1e-6, 1e3}, pulse_step_us);
  v.field({"pulse_stddev_us", "uS", "error of one pulse", 0, 100}, pulse_stddev_us);
  v.field({"reset_mean_us", "uS", "mean conductance after RESET", 0, 1e4}, reset_mean_us);
  v.field({"reset_stddev_us", "uS", "its spread", 0, 1e4}, reset_stddev_us);
  v.field({"drift_exponent_log_slope", "", "mean drift exponent per ln(g)", -1, 1}, drift_exponent_log_slope);
  v.field({"drift_exponent_offset", "", "mean drift exponent at g = 1 before bounds", -1, 1}, drift_exponent_offset);
  v.field({"drift_exponent_min", "", "lower bound of the mean exponent", 0, 1}, drift_exponent_min);
  v.field({"drift_exponent_max", "", "upper bound of the mean exponent", 0, 1}, drift_exponent_max);
  v.field({"drift_spread_log_slope", "", "spread of the exponent per ln(g)", -1, 1}, drift_spread_log_slope);
  v.field({"drift_spread_offset", "", "spread of the exponent at g = 1 before bounds", -1, 1}, drift_spread_offset);
  v.field({"drift_spread_min", "", "lower bound of the spread", 0, 1}, drift_spread_min);
  v.field({"drift_spread_max", "", "upper bound of the spread", 0, 1}, drift_spread_max);
  v.field({"drift_reference_age_s", "s", "time after programming at which conductances are stated", 1e-9, 1e9},
          drift_reference_age_s);
  v.field({"drift_min_age_s", "s", "younger cells read as at this age", 1e-9, 1e9}, drift_min_age_s);
  v.field({"flicker", "", "relative 1/f noise at g = 1", 0, 10}, flicker);
  v.field({"flicker_power", "", "it grows as g^-power", 0, 10}, flicker_power);
  v.field({"flicker_max", "", "and is at most this", 0, 10}, flicker_max);
  v.field({"read_duration_s", "s", "duration of a read", 1e-12, 1}, read_duration_s);
}

std::unique_ptr<CellModel> PcmInferenceParameters::make() const { return std::make_unique<PcmInferenceCell>(*this); }

DriftLaw PcmInferenceCell::drift() const {
  return {{p_.drift_exponent_offset, p_.drift_exponent_log_slope, p_.drift_exponent_min, p_.drift_exponent_max},
          {p_.drift_spread_offset, p_.drift_spread_log_slope, p_.drift_spread_min, p_.drift_spread_max},
          p_.conductance_max_us,
          p_.drift_reference_age_s,
          p_.drift_min_age_s};
}

ReadNoiseLaw PcmInferenceCell::read_noise() const {
  return {0, 0, p_.flicker, p_.flicker_power, p_.flicker_max, p_.read_duration_s, p_.conductance_max_us};
}

double PcmInferenceCell::programming_stddev_us(double target_us) const {
  const double g = target_us * per_us_;
  const double stddev =
      p_.programming_stddev_us + g * (p_.programming_stddev_linear_us + g * p_.programming_stddev_square_us);
  return std::max(0.0, stddev) * programming_scale_;
}

float PcmInferenceCell::bounded(double conductance_us) const {
  return static_cast<float>(std::clamp(conductance_us, 0.0, p_.conductance_max_us));
}

float PcmInferenceCell::set(float conductance_us, std::uint32_t pulses, PulseNoise noise) const {
  return adjust(conductance_us, pulses, static_cast<float>(p_.pulse_step_us), noise);
}

float PcmInferenceCell::reset(float gaussian) const {
  return bounded(p_.reset_mean_us + p_.reset_stddev_us * gaussian);
}

float PcmInferenceCell::adjust(float conductance_us, std::uint32_t, float change_us, PulseNoise noise) const {
  return bounded(conductance_us + change_us + p_.pulse_stddev_us * noise.gaussian);
}

float PcmInferenceCell::program(float target_us, PulseNoise noise) const {
  return bounded(target_us + programming_stddev_us(target_us) * noise.gaussian);
}

void PcmInferenceCell::program_all(std::span<const float> targets_us, std::span<const float> gaussians,
                                   std::span<float> conductances_us) const {
  // `program` of this very class, so that it is no call and the loop is made of vectors.
  const PcmInferenceCell cell = *this;
  for (std::size_t i = 0; i < targets_us.size(); ++i) {
    conductances_us[i] = cell.PcmInferenceCell::program(targets_us[i], {gaussians[i], 0});
  }
}

}  // namespace ohmic
