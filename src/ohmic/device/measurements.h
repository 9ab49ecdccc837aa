#pragma once

// Measured conductances of cells under SET pulses, as a table: one row per read.

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ohmic {

/// One read of a cell.
struct CellRead {
  double conductance_us = 0;
  double time_s = std::numeric_limits<double>::quiet_NaN();  ///< since the last pulse; NaN if unknown
};

/// All reads of a cell after its n-th SET pulse, n its place in MeasuredCell::pulses; none where nothing was measured.
using PulseReads = std::vector<CellRead>;

struct MeasuredCell {
  std::string name;
  std::vector<PulseReads> pulses;  ///< index 0: after RESET
};

struct Measurements {
  std::string source;  ///< where the numbers come from: a file's name
  std::vector<MeasuredCell> cells;
  bool has_times = false;
  std::vector<std::string> warnings;  ///< what was found odd, with file and line

  std::size_t read_count() const;
  /// Of the cell with most.
  std::size_t pulse_count() const;
};

enum class ConductanceUnit { nanosiemens, microsiemens, millisiemens, siemens };

/// "nS", "uS", "mS" or "S", as in --unit (µS is understood). Error lists them.
ConductanceUnit parse_conductance_unit(std::string_view text);

/// Reads a table with the columns `cell`, `pulse` (SET pulses since RESET; 0 is after RESET), `conductance` and, where
/// they were recorded, `time` (seconds since that pulse) and `read` (number of a repeated read).
///
/// Plurals, device, G and t are understood too; a decimal comma is read as a point, with a warning.
///
/// The unit of the conductance stands in its heading (conductance_us, conductance_nS, "conductance (mS)", ...) or in
/// `unit`, else it is uS. Empty fields, nan, NA, N/A, null and - are missing values and left out. Several rows of one
/// cell and pulse are repeated reads; a row that repeats another in everything is left out with a warning.
/// Conductances further from the middle 90 % of all than five times their range are left out with a warning.
/// Errors name file and line: unknown, missing or doubled columns, two units that differ, a number that is none, a
/// pulse that is no whole number, a negative or infinite time, numbers that look like another unit or another sign,
/// more than a hundred pulses of a cell without a read between, fewer than two cells or three pulses.
Measurements read_measurements(std::string_view text, std::string_view source,
                               std::optional<ConductanceUnit> unit = std::nullopt);

/// The table as CSV with the conductance in uS.
std::string to_csv(const Measurements& measurements);

}  // namespace ohmic
