#include "ohmic/mapping/fabric_study.h"

#include <algorithm>
#include <numeric>

namespace ohmic {
namespace {

// Each stage in one place of its own: along a snake over a mesh, in the prism's order, else one after the other; from
// there by the search, if that is the plan's way.
Traffic stage_traffic(const Plan& plan, Topology topology, const PrismOrder& prism) {
  Plan stages = plan;
  stages.chip.topology = topology;
  stages.chip.constants.cores = 0;
  stages.cores = static_cast<int>(plan.stages.size()) - 1;
  std::vector<int> order(plan.stages.size());
  std::iota(order.begin(), order.end(), 0);
  if (topology == Topology::prism) order = prism.order;
  std::erase(order, 0);  // the input stands outside
  const Fabric fabric = plan_fabric(stages);
  for (std::size_t i = 0; i < order.size(); ++i) {
    stages.stages[static_cast<std::size_t>(order[i])].cores = {
        topology == Topology::mesh ? snake_core(static_cast<int>(i), fabric) : static_cast<int>(i)};
  }
  stages = weigh_places(std::move(stages), plan.placement);
  return plan_traffic(stages, fabric);
}

}  // namespace

FabricStudy study_fabrics(const Plan& plan, CoreTraffic cores) {
  FabricStudy study;
  const auto edges = placed_edges(plan);
  study.edges = static_cast<int>(edges.size());
  study.prism =
      find_prism_order(static_cast<int>(plan.stages.size()), edges, static_cast<int>(plan.chip.constants.reach));
  for (const Topology topology : {Topology::mesh, Topology::ring, Topology::full, Topology::prism}) {
    study.rows.push_back({topology, {}, stage_traffic(plan, topology, study.prism)});
    if (cores == CoreTraffic::left_out) continue;
    Plan there = plan;
    there.chip.topology = topology;
    there = place(std::move(there), plan.placement);
    study.rows.back().cores = plan_traffic(there, plan_fabric(there));
  }
  return study;
}

}  // namespace ohmic
