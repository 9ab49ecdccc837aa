#pragma once

#include <span>
#include <vector>

#include "ohmic/core/matrix.h"
#include "ohmic/crossbar/wires.h"

namespace ohmic::reference {

/// Currents out of the terminals of an array, in uA, both ends of a line added up.
struct WireCurrents {
  std::vector<double> word, bit;
};

/// Solves an array with wires the slow, obvious way: all nodes in one dense matrix, Kirchhoff's current law at each,
/// Gaussian elimination with pivots. word_volt (rows) and bit_volt (columns) are applied to the terminals.
WireCurrents slow_wire_currents(const WireSpec& spec, MatrixView<const double> conductance_us,
                                std::span<const double> word_volt, std::span<const double> bit_volt);

/// M (rows x columns, row-major, uS), one word line at a time.
std::vector<double> slow_wire_map(const WireSpec& spec, MatrixView<const double> conductance_us);

}  // namespace ohmic::reference
