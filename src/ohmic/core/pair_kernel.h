#pragma once

// From the state of differential pairs to the digits that products use: drift to the present, difference, read-noise
// variance, fixed point. The most frequent walk over whole arrays, hence a vector kernel.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "ohmic/core/digit_panels.h"

namespace ohmic {

/// A step function of age: each entry of `class_of`, at (bits of the age >> kAgeShift) - first_index, names a class of
/// ages, and all ages of a class have the same factor. Both tables stay in the first-level cache.
struct AgeTable {
  static constexpr int kAgeShift = 15;  ///< 256 entries per octave

  const std::uint16_t* class_of;
  const float* factor;  ///< per class
  std::uint32_t first_index;
  float min_age_s, oldest_s;

  std::uint32_t age_class(float age_s) const {
    const float age = std::min(std::max(age_s, min_age_s), oldest_s);
    return class_of[(std::bit_cast<std::uint32_t>(age) >> kAgeShift) - first_index];
  }
};

/// Which age counts for a cell: its present one up to `young_limit`, from there on the one at the last sweep.
struct AgeRule {
  float now_s, last_sweep_s, young_limit_s;

  float age(float last_pulse_s) const {
    return std::max(last_sweep_s - last_pulse_s, std::min(now_s - last_pulse_s, young_limit_s));
  }
};

/// How conductances become digits.
struct DigitRule {
  float per_weight;  ///< weight per uS
  float noise_slope, noise_offset_us;
  float inverse_weight_step;
  float most_steps;
  float variance_middle, inverse_variance_step;
};

struct PairDigits {
  std::int8_t high, low, variance;
};

/// The digits of a weight and the variance of one read of it.
inline PairDigits digits_of_weight(float weight, float variance, const DigitRule& r) {
  const float steps_exact = std::min(std::max(weight * r.inverse_weight_step, -r.most_steps), r.most_steps);
  const auto steps = static_cast<int>(std::lrint(steps_exact));
  const int high = (steps + 128) >> 8;
  const float digit = (variance - r.variance_middle) * r.inverse_variance_step;
  return {static_cast<std::int8_t>(high), static_cast<std::int8_t>(steps - 256 * high),
          static_cast<std::int8_t>(std::lrint(std::min(std::max(digit, -128.0f), 127.0f)))};
}

/// One pair, from its drifted conductances in uS. The vector kernel computes the same bits.
inline PairDigits digits_of_pair(float plus_us, float minus_us, const DigitRule& r) {
  const float plus_noise = r.noise_slope * plus_us + r.noise_offset_us;
  const float minus_noise = r.noise_slope * minus_us + r.noise_offset_us;
  const float variance = (plus_noise * plus_noise + minus_noise * minus_noise) * (r.per_weight * r.per_weight);
  return digits_of_weight((plus_us - minus_us) * r.per_weight, variance, r);
}

/// The drifted conductance.
inline float drifted(float conductance_us, float last_pulse_s, const AgeTable& table, const AgeRule& rule) {
  return conductance_us * table.factor[table.age_class(rule.age(last_pulse_s))];
}

/// Four rows of pairs (each pair: G+, G-, time of the last pulse of +, of -) to four-row groups of digits. `rows[k]`
/// null: a row of zeros. columns pairs per row.
void evaluate_pairs(const float* const (&rows)[4], int columns, const AgeTable& table, const AgeRule& age,
                    const DigitRule& digits, const DigitGroup& to);

}  // namespace ohmic
