#pragma once

// Cores by what they send each other.

#include <span>
#include <vector>

#include "ohmic/mapping/fabric.h"

namespace ohmic {

/// Cores of a kind take part in the same flows, so that they can change places without any change of traffic.
struct CoreKinds {
  struct Partner {
    int kind = 0;
    double sent = 0, received = 0;  ///< bits per sample, from one core of this kind to one of that and back
  };

  std::vector<int> kind_of;                    ///< of each core; -1: it neither sends nor receives
  std::vector<int> sizes;                      ///< cores of each kind
  std::vector<std::vector<Partner>> partners;  ///< of each kind, itself among them

  int kinds() const { return static_cast<int>(sizes.size()); }
};

CoreKinds core_kinds(int cores, std::span<const Flow> flows);

/// Bits x hops that no placement of the cores can be below, from distances alone; see placement_bound.cc.
double bound_from_distances(const Fabric& fabric, const CoreKinds& kinds);

/// Whether ways back are as long as ways there.
inline bool has_equal_ways_back(const Fabric& fabric) { return fabric.topology() != Topology::prism; }

}  // namespace ohmic
