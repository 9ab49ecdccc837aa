#pragma once

// How energies and areas carry over from one technology node to another: presets/scaling/*.toml.

#include <string>
#include <vector>

#include "ohmic/core/config.h"

namespace ohmic {

/// Coefficients at one node.
struct ScalingNode {
  double node_nm = 0;
  double a2 = 0, a1 = 0, a0 = 0;  ///< of the energy a2 V^2 + a1 V + a0
  double area = 0;                ///< relative to 45 nm
};
void describe(FieldVisitor& v, ScalingNode& s);

/// A named rule. Between two nodes coefficients are interpolated in the node's length.
struct ScalingRule {
  std::string name, description, source, status;
  std::vector<ScalingNode> nodes;  ///< from the largest to the smallest

  /// Energy at `to` over energy at `from`, each node with its supply voltage.
  double energy_factor(double from_nm, double from_v, double to_nm, double to_v) const;
  double area_factor(double from_nm, double to_nm) const;
};

void describe(FieldVisitor& v, ScalingRule& r);

/// The rules that ship with the program; the first gives values, all of them intervals. Error where a file has no
/// source, or where energy or area grow towards smaller nodes.
const std::vector<ScalingRule>& scaling_rules();

}  // namespace ohmic
