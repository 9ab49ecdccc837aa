#include "ohmic/chip/explore.h"

#include <algorithm>

#include "ohmic/chip/simulator.h"
#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr int kSamplesToSettle = 4;

ExploredPlan explored(const Plan& sized, WindowPacking packing) {
  ExploredPlan point;
  point.array_size = sized.chip.array_rows();
  point.packing = packing;
  point.scheme = sized.scheme;
  point.arrays = sized.arrays();
  point.sram_bytes = sized.sram_bytes();
  const Pipeline pipeline = make_pipeline(sized, BufferBounds::bounded);
  if (sized.scheme != BufferScheme::least) {  // nothing waits
    point.ticks_per_sample = sized.ticks_per_sample;
    point.latency = unbounded_schedule(pipeline, 1).latency(0);
    return point;
  }
  const SimulationResult result = simulate(pipeline, kSamplesToSettle);
  OHMIC_EXPECT(result.deadlock.empty());
  point.ticks_per_sample = result.ticks_per_sample();
  point.latency = result.latency(0);
  return point;
}

bool is_at_least_as_good(const ExploredPlan& a, const ExploredPlan& b) {
  return a.cells() <= b.cells() && a.sram_bytes <= b.sram_bytes && a.ticks_per_sample <= b.ticks_per_sample &&
         a.latency <= b.latency;
}

bool is_equally_good(const ExploredPlan& a, const ExploredPlan& b) {
  return is_at_least_as_good(a, b) && is_at_least_as_good(b, a);
}

void mark_best(std::vector<ExploredPlan>& points) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    points[i].is_best = true;
    for (std::size_t j = 0; j < points.size() && points[i].is_best; ++j) {
      const bool is_beaten = is_at_least_as_good(points[j], points[i]) && !is_equally_good(points[i], points[j]);
      const bool is_repeated = j < i && is_equally_good(points[i], points[j]);
      if (is_beaten || is_repeated) points[i].is_best = false;
    }
  }
}

// The plan with one copy of each layer, then with half the ticks, and so on while that is possible.
void explore_rates(const Plan& split_plan, const ExploreRequest& request, WindowPacking packing,
                   std::vector<ExploredPlan>& points) {
  Tick ticks = split_plan.ticks_per_sample;
  for (int h = 0; h <= request.halvings && ticks >= 1; ++h, ticks /= 2) {
    Plan plan;
    try {
      // Places matter to none of the results unless ways take time.
      plan = place(replicate_to_ticks(split_plan, ticks),
                   split_plan.chip.constants.hop_ns > 0 ? Placement::search : Placement::snake);
    } catch (const Error&) {
      return;  // a recurrent layer cannot be faster
    }
    for (std::size_t scheme = 0; scheme < kBufferSchemes.size(); ++scheme) {
      points.push_back(explored(size_buffers(plan, static_cast<BufferScheme>(scheme), LeastBuffers::enough), packing));
    }
  }
}

}  // namespace

std::vector<ExploredPlan> explore(const std::string& network, const StageGraph& graph, ChipSpec chip,
                                  const ExploreRequest& request) {
  std::vector<ExploredPlan> points;
  chip.constants.cores = 0;
  chip.constants.sram_kib = 0;
  for (const std::int64_t size : request.array_sizes) {
    chip.constants.array_rows = chip.constants.array_columns = static_cast<double>(size);
    const Plan plain = split(network, graph, chip, request.depthwise);
    explore_rates(plain, request, WindowPacking::off, points);
    explore_rates(pack_windows(plain), request, WindowPacking::on, points);
  }
  mark_best(points);
  return points;
}

}  // namespace ohmic
