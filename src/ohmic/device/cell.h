#pragma once

// One memory cell. A CellModel is stateless and immutable: it says what a pulse, time and a read do to the numbers of a
// cell; the array that contains the cell owns those numbers. Conductances are in microsiemens (uS), times in seconds.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/core/config.h"

namespace ohmic {

/// G(age) = G (max(age, min_age) / reference_age)^-nu, where G is the conductance as read `reference_age` after the
/// last pulse and nu differs from cell to cell: nu = exponent + exponent_spread xi.
struct DriftLaw {
  double exponent = 0;
  double exponent_spread = 0;
  double reference_age_s = 1;
  double min_age_s = 1;  ///< younger cells read as at this age
};

/// Standard deviation of one read of a cell at (drifted) conductance G: slope G + offset, fresh at every read.
struct ReadNoiseLaw {
  double slope = 0;
  double offset_us = 0;
};

/// The random numbers of one pulse.
struct PulseNoise {
  float gaussian;  ///< of this pulse
  float cell;      ///< of this cell, the same at each of its pulses (cell-to-cell spread)
};

class CellModel {
 public:
  virtual ~CellModel() = default;

  virtual double conductance_max_us() const = 0;
  virtual DriftLaw drift() const { return {}; }
  virtual ReadNoiseLaw read_noise() const { return {}; }

  /// The conductance after one SET pulse on a cell at `conductance_us` that has seen `pulses` SET pulses since its last
  /// RESET.
  virtual float set(float conductance_us, std::uint32_t pulses, PulseNoise noise) const = 0;
  /// The conductance after a RESET.
  virtual float reset(float gaussian) const = 0;
  /// The conductance after `pulses` SET pulses from RESET without any noise.
  double mean_conductance_us(std::uint32_t pulses) const;
  /// The number of SET pulses from RESET whose noise-free result is nearest to `target_us`.
  std::uint32_t pulses_for(double target_us) const;
};

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
