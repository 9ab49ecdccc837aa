#pragma once

// The same plan on each topology.

#include <vector>

#include "ohmic/mapping/plan.h"

namespace ohmic {

struct FabricStudy {
  struct Row {
    Topology topology;
    Traffic cores;   ///< between the plan's cores
    Traffic stages;  ///< between stages, each in one place: the granularity of the homomorphism
  };
  std::vector<Row> rows;
  int edges = 0;     ///< of the stage graph, but for those from the input
  PrismOrder prism;  ///< of the stages
};

FabricStudy study_fabrics(const Plan& plan);

}  // namespace ohmic
