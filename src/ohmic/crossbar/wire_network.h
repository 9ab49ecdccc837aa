#pragma once

#include <vector>

#include "ohmic/core/matrix.h"

namespace ohmic {

/// Where the lines of one direction are connected to the periphery: before the first cell, behind the last, or both.
struct LineEnds {
  bool first = false;
  bool last = false;
};

/// Lines of one direction. The piece of line l between the cells k - 1 and k has `line_ohm[l] * length[k]` ohm, and all
/// must be above 0; length[0] leads from the terminal to the first cell, the last one behind the last cell.
struct LineFamily {
  std::vector<double> line_ohm;  ///< one per line
  std::vector<double> length;    ///< one more than a line has cells
  LineEnds ends;
};

/// A grid of linear cells between word lines (rows) and bit lines (columns).
struct WireNetwork {
  MatrixView<const double> conductance_us;  ///< rows x columns, 0 or more
  LineFamily word;
  LineFamily bit;
};

/// Solves the network exactly: the map M (rows x columns, row-major, uS) with I_j = sum_i M_ij V_i, where V_i is
/// applied to all terminals of word line i and I_j is the sum of the currents out of those of bit line j, which are at
/// 0 V.
///
/// DERIVATION: a part of the grid is known, for what is outside, by the admittance matrix Y of the line ends that it
/// has cut (I = Y V). Two neighbouring parts are put together by adding their matrices at the common ends, where no
/// current leaves, and eliminating those (Schur complement, Kron 1939; the order is that of nested dissection, George
/// 1973). A cell is a part with four ends. For an n x n array the last steps cost most, O(n^3) in all instead of the
/// O(n^4) of a sweep over columns. Off-diagonal elements only ever add up numbers of one sign, and a pivot is never
/// much smaller than what it is made of, because one of its two parts leads on to a terminal; so M is accurate relative
/// to its own elements, however well the lines conduct.
std::vector<double> solve_wire_network(const WireNetwork& network);

}  // namespace ohmic
