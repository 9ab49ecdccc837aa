#include "ohmic/chip/link_buffers.h"

#include <algorithm>

#include "ohmic/chip/simulator.h"

namespace ohmic {
namespace {

// The most pixels that a run without bounds holds in each buffer. With these bounds the same run finds room whenever it
// looks for some.
bool note_most(const Pipeline& pipeline, int samples, Plan& plan) {
  const SimulationResult run = simulate(pipeline, samples);
  bool is_same = true;
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    for (std::size_t k = 0; k < plan.stages[s].buffers.size(); ++k) {
      std::int64_t& pixels = plan.stages[s].buffers[k].needs.full_rate;
      is_same = is_same && run.buffers[s][k].most <= pixels;
      pixels = std::max(pixels, run.buffers[s][k].most);
    }
  }
  return is_same;
}

}  // namespace

Plan find_link_needs(Plan plan) {
  constexpr int kMostSamples = 16;
  plan.links = LinkWidth::of_chip;
  const Pipeline pipeline = with_links(make_pipeline(plan, BufferBounds::unbounded), plan);
  for (int samples = 1; samples <= kMostSamples; samples *= 2) {
    if (note_most(pipeline, samples, plan) && samples >= 4) break;
  }
  return plan;
}

Plan size_buffers_for_links(Plan plan) { return apply_scheme(find_link_needs(std::move(plan))); }

}  // namespace ohmic
