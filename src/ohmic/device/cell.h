#pragma once

// One memory cell. A CellModel is stateless and immutable: it says what a pulse, time and a read do to the numbers of a
// cell; the array that contains the cell owns those numbers. Conductances are in microsiemens (uS), times in seconds.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/core/config.h"

namespace ohmic {

/// offset + log_slope ln(g), between `least` and `most`.
struct LogLine {
  double offset = 0;
  double log_slope = 0;
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();

  double at(double log_g) const { return std::clamp(log_slope * log_g + offset, least, most); }
};

/// G(age) = G (max(age, min_age) / reference_age)^-nu, where G is the conductance as read `reference_age` after the
/// last pulse and nu = |exponent(g) + spread(g) xi| with one xi per cell and g = G / conductance_scale.
struct DriftLaw {
  LogLine exponent;
  LogLine spread;
  double conductance_scale_us = 1;
  double reference_age_s = 1;
  double min_age_s = 1;  ///< younger cells read as at this age

  /// Whether cells differ in their exponent, so that no common table of factors serves.
  bool is_individual() const;
  double exponent_of(double conductance_us, double gaussian) const;
  /// G(age) / G of a cell with this exponent.
  double factor(double age_s, double exponent_of_cell) const;
  /// No exponent exceeds this, but for one cell in 10^4.
  double steepest() const;
};

/// Standard deviation of one read, fresh at every read, of a cell that was programmed to G and has drifted to G_d:
///
///     slope G_d + offset + G_d min(flicker / g^flicker_power, flicker_most) sqrt(ln((age + t_r) / (2 t_r)))
///
/// with g = G / conductance_scale. The last term is 1/f noise seen through a read of duration t_r; it grows with time.
struct ReadNoiseLaw {
  double slope = 0;
  double offset_us = 0;
  double flicker = 0;
  double flicker_power = 0;
  double flicker_most = 0;
  double read_duration_s = 1;
  double conductance_scale_us = 1;

  bool is_noisy() const { return slope > 0 || offset_us > 0 || flicker > 0; }
  bool has_flicker() const { return flicker > 0; }
  double stddev_us(double conductance_us, double drifted_us, double age_s) const;
};

/// The random numbers of one pulse, standard normal.
struct PulseNoise {
  float gaussian = 0;  ///< of this pulse
  float cell = 0;      ///< of this cell, the same at each of its pulses (cell-to-cell spread)
};

class CellModel {
 public:
  virtual ~CellModel() = default;

  virtual double conductance_min_us() const { return 0; }
  virtual double conductance_max_us() const = 0;
  virtual DriftLaw drift() const { return {}; }
  virtual ReadNoiseLaw read_noise() const { return {}; }

  /// The conductance after one SET (potentiation) pulse on a cell at `conductance_us` that has seen `pulses` SET pulses
  /// since its last RESET.
  virtual float set(float conductance_us, std::uint32_t pulses, PulseNoise noise) const = 0;
  /// The conductance after a full RESET.
  virtual float reset(float gaussian) const = 0;

  /// Whether pulses exist that take the conductance down by a small step. Without them a full RESET is the only way
  /// down.
  virtual bool has_depression() const { return false; }
  /// The conductance after one depression pulse; a full RESET unless has_depression().
  virtual float depress(float conductance_us, PulseNoise noise) const;

  /// Whether the amplitude of a pulse can be chosen for a wanted change.
  virtual bool has_adjustable_pulses() const { return false; }
  /// The conductance after the pulse that suits a wanted change best: of chosen amplitude where the cell
  /// has_adjustable_pulses(), else a SET pulse if `change_us` is positive and `depress` if not.
  virtual float adjust(float conductance_us, std::uint32_t pulses, float change_us, PulseNoise noise) const;

  /// Whether the model knows the outcome of a whole programming procedure by its statistics.
  virtual bool has_target_programming() const { return false; }
  /// The conductance that such a procedure leaves when it aims at `target_us`. Only if has_target_programming().
  virtual float program(float target_us, PulseNoise noise) const;

  /// conductances[i] = program(targets_us[i], {gaussians[i], 0}): many cells at once.
  virtual void program_all(std::span<const float> targets_us, std::span<const float> gaussians,
                           std::span<float> conductances_us) const;

  /// The conductance after `pulses` SET pulses from RESET without any noise.
  double mean_conductance_us(std::uint32_t pulses) const;
  /// The number of SET pulses from RESET whose noise-free result is nearest to `target_us`.
  std::uint32_t pulses_for(double target_us) const;
};

/// How much of a cell's variations is simulated: 1 as its constants say, 0 none.
struct VariationSpec {
  double cell_to_cell = 1;
  double pulse_to_pulse = 1;
  double read_to_read = 1;
};

inline void describe(FieldVisitor& v, VariationSpec& s) {
  v.field({"cell_to_cell", "", "factor on all spreads from cell to cell (step, drift exponent); 0: all alike", 0, 10},
          s.cell_to_cell);
  v.field({"pulse_to_pulse", "", "factor on the noise of programming pulses; 0: exact pulses", 0, 10},
          s.pulse_to_pulse);
  v.field({"read_to_read", "", "factor on the read noise; 0: exact reads", 0, 10}, s.read_to_read);
}

/// The same cell with its variations scaled.
std::unique_ptr<CellModel> with_variation(std::unique_ptr<CellModel> cell, const VariationSpec& variation);

/// A cell's named constants: read from a preset, overridable, able to make the model.
class CellParameters {
 public:
  virtual ~CellParameters() = default;
  virtual std::string_view model() const = 0;
  virtual void describe_fields(FieldVisitor& visitor) = 0;
  virtual std::unique_ptr<CellParameters> clone() const = 0;
  virtual std::unique_ptr<CellModel> make() const = 0;
};

inline void describe(FieldVisitor& visitor, CellParameters& parameters) { parameters.describe_fields(visitor); }

/// The cell models that exist, each with the parameters at their type's defaults.
std::unique_ptr<CellParameters> cell_parameters(std::string_view model);
std::vector<std::string> cell_model_names();

}  // namespace ohmic
