// Several small layers on one array.

#include <algorithm>

#include "ohmic/mapping/plan.h"

namespace ohmic {
namespace {

struct SharedArray {
  std::vector<std::size_t> stages;
  std::int64_t rows = 0, columns = 0;
  std::int64_t most_iterations = 0;
};

bool can_share(const Plan& plan, std::size_t s) {
  const StagePlan& p = plan.stages[s];
  return p.arrays_per_copy == 1 && p.copies == 1 && p.interval == 1 && plan.graph.stages[s].kind != StageKind::lstm;
}

bool has_room_for(const SharedArray& array, const Plan& plan, std::int64_t rows, std::int64_t columns) {
  const auto sharers = static_cast<Tick>(array.stages.size()) + 1;
  return array.rows + rows <= plan.chip.array_rows() && array.columns + columns <= plan.chip.array_columns() &&
         array.most_iterations * sharers <= plan.ticks_per_sample;
}

}  // namespace

Plan share_arrays(Plan plan) {
  std::vector<std::size_t> candidates;
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    if (can_share(plan, s)) candidates.push_back(s);
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [&](std::size_t a, std::size_t b) { return plan.stages[a].iterations > plan.stages[b].iterations; });
  std::vector<SharedArray> arrays;
  for (const std::size_t s : candidates) {
    const auto block = block_of(plan.graph.stages[s], plan.stages[s].packing);
    auto array = std::find_if(arrays.begin(), arrays.end(),
                              [&](const SharedArray& a) { return has_room_for(a, plan, block.first, block.second); });
    if (array == arrays.end()) array = arrays.emplace(arrays.end());
    array->stages.push_back(s);
    array->rows += block.first;
    array->columns += block.second;
    array->most_iterations = std::max(array->most_iterations, plan.stages[s].iterations);
  }
  for (const SharedArray& array : arrays) {
    for (std::size_t k = 0; k < array.stages.size(); ++k) {
      StagePlan& p = plan.stages[array.stages[k]];
      p.leader = k == 0 ? -1 : static_cast<int>(array.stages[0]);
      p.slots = static_cast<Tick>(array.stages.size());
      p.slot = static_cast<Tick>(k);
    }
  }
  return derive(std::move(plan));
}

}  // namespace ohmic
