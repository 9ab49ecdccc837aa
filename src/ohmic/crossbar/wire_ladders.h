#pragma once

#include "ohmic/core/matrix.h"
#include "ohmic/crossbar/wire_network.h"

namespace ohmic {

/// Lines that each stand alone: cell k of line l loads it with `load_us` to ground.
template <class Real>
struct Ladders {
  MatrixView<const Real> load_us;  ///< cells x lines
  const LineFamily& lines;
};

/// The voltage at every cell for 1 V at the terminals; by reciprocity also the share of a current fed in at the cell
/// that leaves by the terminals. `share`: cells x lines. Real is float or double.
///
/// DERIVATION: what lies on one side of a cell is a conductance p to ground and a source of current q (Norton); a cell
/// adds its load to p, a piece of resistance r divides both by 1 + r p. The voltage is (q + q') / (p + p' + load) with
/// both sides. There are no differences, hence every share is accurate relative to itself, also in single precision.
template <class Real>
void ladder_shares(const Ladders<Real>& ladders, MatrixView<Real> share);

}  // namespace ohmic
