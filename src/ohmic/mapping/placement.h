#pragma once

// Places of cores on a fabric: a search for little traffic, and how little is possible at all.

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "ohmic/mapping/fabric.h"

namespace ohmic {

/// How cores get their places.
enum class Placement {
  snake,   ///< in the order of the stages: along a snake over a mesh, in the order of the prism's search, else in a row
  search,  ///< from there by a search for fewer bits x hops
};
inline constexpr std::array<std::string_view, 2> kPlacements = {"snake", "search"};

/// The most cores whose places are searched for; on larger fabrics they stay.
inline constexpr int kMostSearchedCores = 4096;

struct PlacedCores {
  std::vector<int> places;    ///< of the cores 0 ... fabric.cores() - 1, which stood in the places of their numbers
  double bit_hops = 0;        ///< per sample: bits times links on their way
  double least_bit_hops = 0;  ///< that no places can be below; equal where these are proven to be the best
};

/// Without `search` the cores stay where they are. Else they get those places with the fewest bits x hops that a search
/// by exchanges of two cores finds with a fixed budget of work, and the busiest link not busier than before; small
/// plans are searched completely. Deterministic.
///
/// The bound is what the best placement takes where that search came to its end, else it follows from distances alone
/// (derived in placement_bound.cc): a core with many partners has only few of them at one hop, and groups of cores that
/// all send to each other cannot all be compact and near.
PlacedCores place_cores(const Fabric& fabric, std::span<const Flow> flows, Placement placement);

}  // namespace ohmic
