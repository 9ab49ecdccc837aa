#pragma once

// A cell together with its figures: what `ohmic device` prints and draws.

#include <span>
#include <string>
#include <vector>

#include "ohmic/device/characterise.h"
#include "ohmic/device/preset.h"

namespace ohmic {

struct DeviceStudy {
  std::string name;   ///< as the user gave it: a preset's name or a path
  std::string label;  ///< without folder and ending
  std::string description;
  std::string model;
  std::uint64_t seed = 1;
  ProgrammingSpec programming;
  std::vector<CellConstant> constants;
  Characterisation figures;
};

/// What a user asked for.
struct StudyRequest {
  std::vector<std::string>
      settings;             ///< "parameters.drift_exponent=0.06", "variation.read_to_read=0", "programming..."
  std::int64_t pulses = 0;  ///< 0: as many as the slowest of the cells needs
  std::int64_t cells = 10000;
  std::uint64_t seed = 1;
};

/// Error unless `name` is a shipped preset or ends in ".toml"; it lists what there is, the subcommands too.
void require_cell(const std::string& name, std::span<const std::string> subcommands);

/// One study per name, each with equally many pulses. Error names the cell if it is unknown or a setting does not suit.
std::vector<DeviceStudy> study_devices(std::span<const std::string> names, const StudyRequest& request);

/// The pulse numbers that a table shows of 0 .. last: 0, 1, 2, 5, 10, ... and the last.
std::vector<std::size_t> tabled_pulses(std::size_t last);

/// The ages that a table shows, with their names ("1 s", ... "1 y"); all are among studied_ages_s().
struct NamedAge {
  double age_s;
  std::string_view name;
};
std::span<const NamedAge> tabled_ages();

/// The point of a curve at one of its ages.
const AgedConductance& at_age(const DriftCurve& curve, double age_s);

/// The share of all cells, over all targets, that were programmed within the tolerance; the same for root mean square
/// error and so on.
struct ProgrammingSummary {
  double share_converged = 0;
  double rms_error_us = 0;
  double pulses = 0;
  double resets = 0;
  double reads = 0;
};
ProgrammingSummary summary_of(const std::vector<TargetOutcome>& targets);

/// Where the fewest cells came within the tolerance.
const TargetOutcome& hardest_target(const std::vector<TargetOutcome>& targets);

/// The mean share of steps down among the first 10 SET pulses.
double early_share_negative(const Characterisation& figures);

/// "program and verify, within 0.5 uS, at most 55 rounds".
std::string programming_text(const DeviceStudy& study);

/// "" if nearly all cells converged at each target, else where most did not and which settings decide.
std::string convergence_note(const DeviceStudy& study);

}  // namespace ohmic
