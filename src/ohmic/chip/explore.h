#pragma once

#include <string>
#include <vector>

#include "ohmic/mapping/plan.h"

namespace ohmic {

/// One plan of an exploration and what it comes to.
struct ExploredPlan {
  std::int64_t array_size = 0;  ///< rows, and columns
  WindowPacking packing = WindowPacking::off;
  BufferScheme scheme = BufferScheme::full_rate;
  std::int64_t arrays = 0;
  double sram_bytes = 0;
  Tick ticks_per_sample = 0;
  Tick latency = 0;      ///< of the first sample
  bool is_best = false;  ///< no other plan is as good in cells, memory, rate and latency and better in one of them

  std::int64_t cells() const { return arrays * array_size * array_size; }
};

struct ExploreRequest {
  std::vector<std::int64_t> array_sizes = {128, 256, 512};
  int halvings = 6;  ///< of the ticks per sample, from one copy of each layer on
  DepthwisePlace depthwise = DepthwisePlace::arrays;
};

/// Every combination of array size, packing, rate and kind of buffers. Where buffers make stages wait, the rate and the
/// latency are those of a simulated run. The chip has as many cores as a plan needs.
std::vector<ExploredPlan> explore(const std::string& network, const StageGraph& graph, ChipSpec chip,
                                  const ExploreRequest& request);

}  // namespace ohmic
