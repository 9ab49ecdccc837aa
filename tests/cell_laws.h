#pragma once

// What the cells should do, written a second time from the papers and the constants of the presets: the twin that the
// cell models are tested against.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "ohmic/device/preset.h"

namespace ohmic::test {

using Constants = std::map<std::string, double>;

inline Constants constants_of(const std::string& cell) {
  Constants constants;
  for (const CellConstant& c : cell_constants(DeviceSpec(cell))) constants[c.name] = c.value;
  return constants;
}

inline std::string model_of(const std::string& cell) { return std::string(DeviceSpec(cell).parameters().model()); }

/// A Gaussian that is clipped: what lies beyond the bounds is found on them.
struct ClippedNormal {
  double mean = 0, stddev = 0;
  double low = 0, high = 1e9;

  double below(double x) const {
    if (x < low) return 0;
    if (x >= high) return 1;
    return 0.5 * std::erfc((mean - x) / (stddev * std::sqrt(2.0)));
  }
};

inline ClippedNormal pulse_memory_set(const Constants& c, double g, double n, double square_mean = 0,
                                      double square_stddev = 0) {
  const double memory = std::exp(-(n + 1) / c.at("memory_decay_pulses"));
  const double mu = c.at("step_mean_slope") * g + c.at("step_mean_offset_us") + c.at("step_mean_memory_us") * memory +
                    square_mean * g * g;
  const double sigma = c.at("step_stddev_slope") * g + c.at("step_stddev_offset_us") +
                       c.at("step_stddev_memory_us") * memory + square_stddev * g * g;
  return {g + mu, std::hypot(std::max(0.0, sigma), mu * c.at("step_spread")), c.at("conductance_min_us"),
          c.at("conductance_max_us")};
}

inline ClippedNormal exponential_set(const Constants& c, double g) {
  const double unit = c.at("conductance_per_unit_us"), w = g / unit;
  const double dw = c.at("step") * (1 + c.at("step_growth") * std::exp(-c.at("step_decay") * w));
  const double std = c.at("step_stddev") * (std::abs(dw) + c.at("step_stddev_offset") + c.at("step_stddev_slope") * w);
  return {unit * (w + dw), unit * std, 0, unit * c.at("unit_max")};
}

inline ClippedNormal rram_set(const Constants& c, double g) {
  const double low = c.at("conductance_min_us"), high = c.at("conductance_max_us");
  const double w = (g - low) / (high - low);
  const double step = c.at("step_up_us") * std::pow(1 - c.at("saturation") * w, c.at("power"));
  return {g + step, step * std::hypot(c.at("step_spread"), c.at("step_stddev")), low, high};
}

/// The conductance after a SET pulse on a cell of unknown step spread at `g` that has seen `n` pulses.
inline ClippedNormal expected_set(const std::string& cell, double g, double n) {
  const Constants c = constants_of(cell);
  const std::string model = model_of(cell);
  if (model == "pcm") return pulse_memory_set(c, g, n);
  if (model == "fitted") {
    return pulse_memory_set(c, g, n, c.at("step_mean_curvature_per_us"), c.at("step_stddev_curvature_per_us"));
  }
  if (model == "exponential_step") return exponential_set(c, g);
  if (model == "rram") return rram_set(c, g);
  if (model == "ideal") return {g + c.at("step_us"), c.at("step_stddev_us"), 0, c.at("conductance_max_us")};
  if (model == "binary_pcm") return {c.at("high_us"), c.at("high_stddev_us"), 0, c.at("conductance_max_us")};
  if (model == "pcm_inference") {
    return {g + c.at("pulse_step_us"), c.at("pulse_stddev_us"), 0, c.at("conductance_max_us")};
  }
  ADD_FAILURE() << "tests/cell_laws.h knows no law for the SET pulse of the model " << model << "; add it";
  return {};
}

/// The conductance after a whole programming procedure, for models that know it.
inline ClippedNormal expected_program(const std::string& cell, double target) {
  const Constants c = constants_of(cell);
  const double most = c.at("conductance_max_us");
  if (model_of(cell) == "ideal") return {target, c.at("step_stddev_us"), 0, most};
  const double g = target / most;
  const double sigma = c.at("programming_stddev_us") + c.at("programming_stddev_linear_us") * g +
                       c.at("programming_stddev_square_us") * g * g;
  return {target, std::max(0.0, sigma) * most / c.at("programming_reference_us"), 0, most};
}

/// Mean and spread of the drift exponent before the absolute value is taken.
struct ExponentLaw {
  double mean = 0, stddev = 0;
};

inline ExponentLaw expected_exponent(const std::string& cell, double conductance) {
  const Constants c = constants_of(cell);
  if (c.contains("drift_exponent")) return {c.at("drift_exponent"), c.at("drift_exponent_spread")};
  if (!c.contains("drift_exponent_log_slope")) return {};
  const double log_g = std::log(conductance / c.at("conductance_max_us"));
  return {std::clamp(c.at("drift_exponent_log_slope") * log_g + c.at("drift_exponent_offset"),
                     c.at("drift_exponent_min"), c.at("drift_exponent_max")),
          std::clamp(c.at("drift_spread_log_slope") * log_g + c.at("drift_spread_offset"), c.at("drift_spread_min"),
                     c.at("drift_spread_max"))};
}

/// Standard deviation of one read of a cell that was programmed to `conductance` and has drifted.
inline double expected_read_noise(const std::string& cell, double conductance, double drifted, double age) {
  const Constants c = constants_of(cell);
  if (c.contains("flicker")) {
    const double g = conductance / c.at("conductance_max_us"), t_r = c.at("read_duration_s");
    const double q = std::min(c.at("flicker") / std::pow(g, c.at("flicker_power")), c.at("flicker_max"));
    return drifted * q * std::sqrt(std::log((age + t_r) / (2 * t_r)));
  }
  if (!c.contains("read_noise_slope")) return 0;
  return c.at("read_noise_slope") * drifted + c.at("read_noise_offset_us");
}

/// Names for parameterised tests over the catalogue.
struct CellName {
  std::string operator()(const testing::TestParamInfo<std::string>& info) const { return info.param; }
};

}  // namespace ohmic::test
