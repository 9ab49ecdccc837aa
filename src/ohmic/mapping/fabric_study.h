#pragma once

// The same plan on each topology.

#include <vector>

#include "ohmic/mapping/plan.h"

namespace ohmic {

struct FabricStudy {
  struct Row {
    Topology topology;
    Traffic cores;   ///< between the plan's cores, if included
    Traffic stages;  ///< between stages, each in one place: the granularity of the homomorphism
  };
  std::vector<Row> rows;
  int edges = 0;     ///< of the stage graph, but for those from the input
  PrismOrder prism;  ///< of the stages
};

/// Whether the cores' traffic is wanted too; for large networks on a ring it takes a second.
enum class CoreTraffic { left_out, included };
FabricStudy study_fabrics(const Plan& plan, CoreTraffic cores);

}  // namespace ohmic
