#pragma once

// What tests of the fit have in common: sampled measurements, and constants looked up in a fit.

#include <cmath>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/device/fit.h"
#include "ohmic/device/preset.h"
#include "ohmic/device/sampling.h"

namespace ohmic::test {

inline Measurements sampled(const CellModel& model, const SamplingPlan& plan) {
  Measurements m = sample_cells(model, plan);
  m.source = "sampled";
  return m;
}

inline Measurements sampled(const std::string& cell, const SamplingPlan& plan) {
  return sampled(*load_cell_preset(cell)->make(), plan);
}

inline PcmParameters pcm_constants() { return dynamic_cast<const PcmParameters&>(*load_cell_preset("pcm")); }

inline const FittedConstant& constant(const CellFit& fit, std::string_view name) {
  for (const FittedConstant& c : fit.constants) {
    if (c.name == name) return c;
  }
  throw std::logic_error("no such constant");
}

inline double value(const CellFit& fit, std::string_view name) { return constant(fit, name).value; }

inline bool warns(const CellFit& fit, const std::string& part) {
  for (const std::string& warning : fit.warnings) {
    if (warning.find(part) != std::string::npos) return true;
  }
  return false;
}

/// Whether a constant is within 5 % or its own interval holds the true one.
inline bool is_recovered(const FittedConstant& c, double truth) {
  if (std::abs(c.value - truth) <= 0.05 * std::abs(truth)) return true;
  return c.low <= truth && !(truth > c.high);
}

/// Half of the interval, in standard errors of a normal law.
inline double standard_error(const FittedConstant& c) { return (c.high - c.low) / (2 * 1.96); }

struct Truth {
  const char* name;
  double value;
};

inline std::vector<Truth> truths() {
  const PcmParameters p = pcm_constants();
  return {{"memory_decay_pulses", p.memory_decay_pulses},
          {"step_mean_slope", p.step_mean_slope},
          {"step_mean_offset_us", p.step_mean_offset_us},
          {"step_mean_memory_us", p.step_mean_memory_us},
          {"step_stddev_slope", p.step_stddev_slope},
          {"step_stddev_offset_us", p.step_stddev_offset_us},
          {"step_stddev_memory_us", p.step_stddev_memory_us},
          {"conductance_min_us", p.conductance_min_us},
          {"reset_mean_us", p.reset_mean_us},
          {"read_noise_slope", p.read_noise_slope},
          {"read_noise_offset_us", p.read_noise_offset_us}};
}

}  // namespace ohmic::test
