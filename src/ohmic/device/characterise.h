#pragma once

// What a cell does, in figures: how it answers to pulses, how it drifts, how noisily it is read, how well it is
// programmed. All by simulation of many cells or from the cell's laws; conductances in uS, times in s.

#include <array>
#include <cstdint>
#include <vector>

#include "ohmic/device/cell.h"
#include "ohmic/device/programming.h"

namespace ohmic {

inline constexpr std::array<double, 5> kQuantiles = {0.05, 0.25, 0.5, 0.75, 0.95};
inline constexpr std::int64_t kMostStudiedPulses = 1000;
inline constexpr double kYearSeconds = 365 * 86400.0;

/// What to simulate. Two equal requests give equal figures, whatever the number of threads.
struct CharacterisationRequest {
  std::int64_t pulses = 0;  ///< SET pulses per cell, at most kMostStudiedPulses; 0: as saturation_pulses says
  std::int64_t cells = 10000;
  std::uint64_t seed = 1;
  ProgrammingSpec programming;
};

/// The distribution of a conductance over the cells.
struct ConductanceSpread {
  double mean_us = 0;
  double stddev_us = 0;
  std::array<double, kQuantiles.size()> quantiles_us{};
};

/// The cells after their pulse number `pulse`; 0 is the state before the first one.
struct PulseOutcome {
  std::int64_t pulse = 0;
  ConductanceSpread conductance;
  double noise_free_us = 0;  ///< the same pulses on a cell without any noise
  double mean_step_us = 0;   ///< of this pulse
  double step_stddev_us = 0;
  double share_negative = 0;  ///< of cells that this pulse took down, or left at the lowest conductance
};

/// Cells per bin of conductance after `pulses` SET pulses: counts[k] lie in [edges_us[k], edges_us[k + 1]).
struct ConductanceHistogram {
  std::int64_t pulses = 0;
  std::vector<double> edges_us;
  std::vector<std::uint64_t> counts;
};

struct AgedConductance {
  double age_s = 0;
  double mean_us = 0;
  double stddev_us = 0;      ///< from cell to cell
  double read_noise_us = 0;  ///< standard deviation of one read of the mean cell
};

/// Cells that had `level_us` at the reference age of the drift law, as time passes.
struct DriftCurve {
  double level_us = 0;
  double exponent_mean = 0;
  double exponent_stddev = 0;
  std::vector<AgedConductance> ages;
};

/// Standard deviation of one read at the reference age.
struct ReadNoisePoint {
  double conductance_us = 0;
  double stddev_us = 0;
};

/// Cells programmed to one target. Counts are per cell.
struct TargetOutcome {
  double target_us = 0;
  ConductanceSpread achieved;
  double rms_error_us = 0;
  double share_converged = 0;  ///< whose last read (without verification: whose conductance) is within the tolerance
  double pulses = 0;           ///< up, down and of chosen amplitude
  double resets = 0;
  double reads = 0;
};

/// The figures of one cell model.
struct Characterisation {
  std::int64_t pulses = 0;
  std::int64_t cells = 0;
  double lowest_us = 0;
  double usable_us = 0;      ///< the highest conductance that serves as a target (usable_conductance_us)
  double saturation_us = 0;  ///< what kMostStudiedPulses SET pulses give the noise-free cell
  double highest_us = 0;     ///< the model's bound
  double drift_reference_age_s = 1;
  double drift_min_age_s = 1;
  bool drifts = false;
  bool is_noisy = false;
  bool has_flicker = false;
  ProgrammingMethod programming_method = ProgrammingMethod::verify;  ///< never automatic
  std::vector<PulseOutcome> potentiation;
  std::vector<PulseOutcome> depression;      ///< goes on from the last potentiation; empty without small steps down
  std::vector<std::vector<float>> examples;  ///< single cells, conductance after each pulse of both
  std::vector<ConductanceHistogram> histograms;
  std::vector<DriftCurve> drift;
  std::vector<ReadNoisePoint> read_noise;
  std::vector<TargetOutcome> targets;
};

/// The conductance up to which targets make sense: the model's bound where the cell can be programmed to it, else what
/// the noise-free cell reaches by kMostStudiedPulses SET pulses.
double usable_conductance_us(const CellModel& cell);

/// SET pulses that bring the noise-free cell over 95 % of the way to where it saturates; at least 10.
std::int64_t saturation_pulses(const CellModel& cell);

/// Ages from 1 s to a year in rising order: four per decade, and 1 s, 1 min, 1 h, 1 d, 1 mo (30 d), 1 y exactly.
std::vector<double> studied_ages_s();

/// Simulates `request.cells` cells. Error if the request is out of range or the programming settings do not suit.
Characterisation characterise(const CellModel& cell, const CharacterisationRequest& request);

}  // namespace ohmic
