#include "ohmic/device/pcm.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/error.h"

namespace ohmic {

void PcmParameters::describe_fields(FieldVisitor& v) {
  v.field({"memory_decay_pulses", "pulses", "SET pulses over which the pulse memory decays by 1/e", 1e-3, 1e6},
          memory_decay_pulses);
  v.field({"step_mean_slope", "", "mean step per conductance", -10, 10}, step_mean_slope);
  v.field({"step_mean_offset_us", "uS", "mean step at zero conductance, memory faded", -100, 100}, step_mean_offset_us);
  v.field({"step_mean_memory_us", "uS", "mean step added by a fresh pulse memory", -100, 100}, step_mean_memory_us);
  v.field({"step_stddev_slope", "", "step noise per conductance", -10, 10}, step_stddev_slope);
  v.field({"step_stddev_offset_us", "uS", "step noise at zero conductance, memory faded", 0, 100},
          step_stddev_offset_us);
  v.field({"step_stddev_memory_us", "uS", "step noise added by a fresh pulse memory", -100, 100},
          step_stddev_memory_us);
  v.field({"step_spread", "", "relative spread of the mean step from cell to cell", 0, 1}, step_spread);
  v.field({"conductance_min_us", "uS", "lowest conductance a SET pulse can leave", 0, 1e4}, conductance_min_us);
  v.field({"conductance_max_us", "uS", "highest conductance", 1e-3, 1e4}, conductance_max_us);
  v.field({"reset_mean_us", "uS", "mean conductance after RESET", 0, 1e4}, reset_mean_us);
  v.field({"reset_stddev_us", "uS", "spread of the conductance after RESET", 0, 1e4}, reset_stddev_us);
  v.field({"reset_min_us", "uS", "lowest conductance after RESET", 0, 1e4}, reset_min_us);
  v.field({"drift_exponent", "", "mean drift exponent", 0, 1}, drift_exponent);
  v.field({"drift_exponent_spread", "", "spread of the drift exponent from cell to cell", 0, 1}, drift_exponent_spread);
  v.field({"drift_reference_age_s", "s", "time after a pulse at which conductances are stated", 1e-9, 1e9},
          drift_reference_age_s);
  v.field({"drift_min_age_s", "s", "younger cells read as at this age", 1e-9, 1e9}, drift_min_age_s);
  v.field({"read_noise_slope", "", "read noise per conductance", 0, 10}, read_noise_slope);
  v.field({"read_noise_offset_us", "uS", "read noise at zero conductance", 0, 100}, read_noise_offset_us);
}

std::unique_ptr<CellModel> PcmParameters::make() const { return std::make_unique<PcmCell>(*this); }

PcmCell::PcmCell(const PcmParameters& parameters) : p_(parameters) {
  if (p_.conductance_max_us <= p_.conductance_min_us) {
    fail(
        "device.parameters.conductance_max_us = {} must exceed conductance_min_us = {}; raise the one or lower the "
        "other",
        p_.conductance_max_us, p_.conductance_min_us);
  }
  for (std::size_t n = 0; n < memory_after_.size(); ++n) {
    memory_after_[n] = static_cast<float>(std::exp(-static_cast<double>(n + 1) / p_.memory_decay_pulses));
  }
}

DriftLaw PcmCell::drift() const {
  return {{p_.drift_exponent}, {p_.drift_exponent_spread}, 1, p_.drift_reference_age_s, p_.drift_min_age_s};
}

StepLaw PcmCell::step(float conductance_us, std::uint32_t pulses) const {
  const double memory = memory_after_[std::min<std::size_t>(pulses, memory_after_.size() - 1)];
  return {p_.step_mean_slope * conductance_us + p_.step_mean_offset_us + p_.step_mean_memory_us * memory,
          p_.step_stddev_slope * conductance_us + p_.step_stddev_offset_us + p_.step_stddev_memory_us * memory};
}

float PcmCell::stepped(float conductance_us, const StepLaw& step, PulseNoise noise) const {
  const double mean = step.mean_us * std::max(0.0, 1 + p_.step_spread * noise.cell);
  const double next = conductance_us + mean + std::max(0.0, step.stddev_us) * noise.gaussian;
  return static_cast<float>(std::clamp(next, p_.conductance_min_us, p_.conductance_max_us));
}

float PcmCell::set(float conductance_us, std::uint32_t pulses, PulseNoise noise) const {
  return stepped(conductance_us, step(conductance_us, pulses), noise);
}

float PcmCell::reset(float gaussian) const {
  return static_cast<float>(std::max(p_.reset_min_us, p_.reset_mean_us + p_.reset_stddev_us * gaussian));
}

}  // namespace ohmic
