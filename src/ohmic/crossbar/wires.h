#pragma once

// Wire resistance of one array of linear cells. Word line i (row) is driven by a voltage source and bit line j (column)
// ends in a virtual ground; between two cells, and between a terminal and its next cell, a line has one piece of
// resistance. Drivers and virtual grounds themselves are perfect, so are vias and selectors.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ohmic/core/config.h"
#include "ohmic/core/matrix.h"

namespace ohmic {

enum class WireModel {
  none,         ///< perfect lines
  exact,        ///< the resistor network, solved
  approximate,  ///< its approximation, at a small cost per cell
};
inline constexpr std::array<std::string_view, 3> kWireModels = {"none", "exact", "approximate"};

/// Ends of the word lines that the drivers are at. Column 0 is the leftmost.
enum class DriveSide { left, right, both };
inline constexpr std::array<std::string_view, 3> kDriveSides = {"left", "right", "both"};

/// Ends of the bit lines that the virtual grounds are at. Row 0 is the topmost.
enum class SenseSide { bottom, top, both };
inline constexpr std::array<std::string_view, 3> kSenseSides = {"bottom", "top", "both"};

struct WireSpec {
  WireModel model = WireModel::none;
  double row_ohm = 1;     ///< [assumed]
  double column_ohm = 1;  ///< [assumed]
  DriveSide drive = DriveSide::left;
  SenseSide sense = SenseSide::bottom;
  std::int64_t renew_every_samples = 100;  ///< [assumed: pulses hardly change what the lines carry]
};

inline void describe(FieldVisitor& v, WireSpec& s) {
  v.choice({"model", "", "how wire resistance is treated"}, kWireModels, s.model);
  v.field({"row_ohm", "ohm", "word line from one cell to the next, and from a driver to its first cell; 0: perfect", 0,
           1e6},
          s.row_ohm);
  v.field({"column_ohm", "ohm", "bit line from one cell to the next, and to its virtual ground; 0: perfect", 0, 1e6},
          s.column_ohm);
  v.choice({"drive", "", "ends of the word lines that are driven"}, kDriveSides, s.drive);
  v.choice({"sense", "", "ends of the bit lines that are read"}, kSenseSides, s.sense);
  v.field({"renew_every_samples", "samples",
           "training samples between two solutions; in between, pulses count to first order", 1, 1e12},
          s.renew_every_samples);
}

/// The map of an array with wires: M (rows x columns, row-major, uS) with I_j = sum_i M_ij V_i, where I_j is the sum of
/// the currents into the virtual grounds of bit line j. By reciprocity the way back, with V_j at the terminals of the
/// bit lines and virtual grounds at those of the word lines, is exactly its transpose. conductance_us: rows x columns,
/// 0 or more. `spec.model` is not looked at; resistances of 0 are exact limits.
std::vector<double> exact_wire_map(const WireSpec& spec, MatrixView<const double> conductance_us);

/// What the wires make of the conductances G of one array: the effective ones are
///
///   M_ij = G_ij through_ij + around_ij.
///
/// `through` is what the cell itself contributes: the share of V_i that reaches it along its word line times the share
/// of its current that reaches the terminal along its bit line, each with all other cells as loads to ground. `around`
/// is the rest, currents that go from word line i to bit line j by other cells. Neither changes much with a single
/// cell, so that after a pulse M_ij follows from the new G_ij at once; `renew` from time to time.
///
/// `through` is that of the two ladders in both models. `around` is
///
/// - exact: the difference to exact_wire_map, so that M is exact for the conductances of the last `renew`;
/// - approximate: taken from a coarse array of at most kGroups x kGroups groups of cells, for which it is computed
///   exactly, interpolated bilinearly between the middles of the groups, and scaled by what the cell's row and column
///   conduct compared with the groups around them. To first order in the resistances `through` alone is exact, and
///   `around`, of second order, is a sum over all cells of the row and the column, which is why it is smooth.
///
/// MEASURED (wires.test.cc): 256 x 256 cells at 0.5 and 2 ohm, uniform, trained and uneven conductances, dense and
/// sparse inputs of one or both signs. |y - y_exact| of the approximate outputs is at most 0.4 % of |y_ideal - y_exact|
/// (Euclidean norms over outputs and vectors) for one array, 0.6 % for the difference of two as in pairs; with
/// `through` alone it would be up to 10 %. After a pulse the change of M_ij is right within 12 % even where wires take
/// 45 % of the current.
class WireMap {
 public:
  static constexpr std::size_t kGroups = 8;

  /// From new conductances (rows x columns, uS, 0 or more; the shape may change). For 256 x 256 cells the exact model
  /// takes about 0.1 s (both ends: 0.2 s), the approximate one 0.4 ms. Runs on the calling thread only.
  void renew(const WireSpec& spec, MatrixView<const float> conductance_us);

  std::size_t rows() const { return through_.rows(); }
  std::size_t columns() const { return through_.columns(); }
  MatrixView<const float> through() const { return through_.view(); }
  MatrixView<const float> around_us() const { return around_us_.view(); }

  /// M_ij if the cell's conductance is `conductance_us` now.
  float effective_us(std::size_t row, std::size_t column, float conductance_us) const {
    return conductance_us * through_.row(row)[column] + around_us_.row(row)[column];
  }
  /// M for all cells; both rows x columns, may be the same storage.
  void apply(MatrixView<const float> conductance_us, MatrixView<float> effective_us) const;

  /// What the variance of the cell's conductance is to be multiplied by to give that of M_ij: (dM_ij/dG_ij)^2 to first
  /// order, which is `through` squared. (M_ij / G_ij would count currents around the cell as noise of the cell, and has
  /// no value for G = 0.) Left out: that the cell also shakes the other elements of its row and column. With rows of
  /// one sign this matters, for they raise the bit line and so lower the voltage at each cell. Measured by finite
  /// differences (wires.test.cc), the variance of the outputs comes out too high by 3 % for a single row, 4 % for all
  /// rows with both signs and 14 % for all rows with one sign at a mean drop of 18 %; by 4, 9 and 36 % at one of 45 %.
  float noise_variance_scale(std::size_t row, std::size_t column) const {
    const float through = through_.row(row)[column];
    return through * through;
  }

 private:
  struct Loads {
    std::vector<float> word_us, bit_us;  ///< current of each line alone at 1 V
  };

  Loads renew_through(const WireSpec& spec, MatrixView<const float> conductance_us);
  void renew_around_exactly(const WireSpec& spec, MatrixView<const float> conductance_us);

  Matrix through_, around_us_;
};

}  // namespace ohmic
