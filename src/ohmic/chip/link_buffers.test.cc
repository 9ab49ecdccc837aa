#include "ohmic/chip/link_buffers.h"

#include <gtest/gtest.h>

#include "ohmic/chip/simulator.h"
#include "ohmic/mapping/test_support.h"

namespace ohmic {
namespace {

constexpr int kLinkedGraphs = 40;

// A random network whose busiest link takes 0.3 to 3 times as long for a sample as its arrays, and ways some ticks.
Plan linked_random(std::uint64_t seed, BufferScheme scheme) {
  RandomNetwork network(seed);
  Choices c(seed + 2000);
  const NetworkSpec spec = network.spec();
  const std::vector<std::string> settings = {"array_rows=64", "array_columns=32",
                                             fmt::format("hop_ns={}", 70 * c.between(0, 3)),
                                             fmt::format("topology={}", c.flip() ? "mesh" : "ring")};
  Plan plan =
      split("random", make_stage_graph(spec, network.input(), 4), load_chip("paper", settings), DepthwisePlace::arrays);
  for (StagePlan& p : plan.stages) p.copies = c.between(1, 3);
  plan = place(derive(std::move(plan)), Placement::snake);
  const double once = link_ticks(plan, plan_traffic(plan, plan_fabric(plan))) * plan.chip.constants.link_bits;
  const double wanted = 0.3 * c.between(1, 10) * static_cast<double>(plan.ticks_per_sample);
  if (once > 0) plan.chip.constants.link_bits = once / wanted;
  return size_buffers(std::move(plan), scheme);
}

Pipeline linked_pipeline(const Plan& plan) { return with_links(make_pipeline(plan, BufferBounds::bounded), plan); }

Tick waited_for_room(const SimulationResult& run) {
  Tick sum = 0;
  for (const StageRun& stage : run.stages) sum += stage.waited_for_room;
  return sum;
}

TEST(LinkBuffers, FullRateNeverWaitsForRoom) {
  Tick waited_before = 0;
  int larger = 0;
  for (int seed = 0; seed < kLinkedGraphs; ++seed) {
    const Plan wide = linked_random(seed, BufferScheme::full_rate), plan = size_buffers_for_links(wide);
    const Pipeline pipeline = linked_pipeline(plan);
    for (const int samples : {1, 3, 8, 11}) {
      const auto run = simulate(pipeline, samples);
      ASSERT_TRUE(run.deadlock.empty()) << "seed " << seed << ": " << explain(pipeline, run.deadlock[0]);
      EXPECT_EQ(waited_for_room(run), 0) << "seed " << seed << ", " << samples << " samples";
      const Pipeline free = with_links(make_pipeline(plan, BufferBounds::unbounded), plan);
      EXPECT_EQ(run.last_output, simulate(free, samples).last_output) << "seed " << seed;
    }
    waited_before += waited_for_room(simulate(linked_pipeline(wide), 8));
    larger += plan.sram_bytes() > wide.sram_bytes();
  }
  // Buffers for wide links would not have been enough.
  EXPECT_GT(waited_before, 100);
  EXPECT_GT(larger, kLinkedGraphs / 4);
}

// Getting through does not depend on time. One pixel less in any buffer and everything stands still.
TEST(LinkBuffers, LeastGetsThroughAndOnePixelLessDoesNot) {
  for (int seed = 0; seed < kLinkedGraphs; ++seed) {
    const Plan plan = size_buffers_for_links(linked_random(seed, BufferScheme::least));
    const Pipeline pipeline = linked_pipeline(plan);
    const auto through = simulate(pipeline, 3);
    ASSERT_TRUE(through.deadlock.empty()) << "seed " << seed << ": " << explain(pipeline, through.deadlock[0]);
    Pipeline smaller = pipeline;
    for (std::size_t s = 1; s < pipeline.stages.size(); ++s) {
      for (std::size_t k = 0; k < pipeline.stages[s].inputs.size(); ++k) {
        --smaller.stages[s].inputs[k].capacity;
        const auto run = simulate(smaller, 2);
        ++smaller.stages[s].inputs[k].capacity;
        ASSERT_EQ(run.deadlock.size(), 1u) << "seed " << seed << ", " << smaller.stages[s].name;
        const std::string buffer = fmt::format("in the buffer from it to {}: {} pixels, full", smaller.stages[s].name,
                                               pipeline.stages[s].inputs[k].capacity - 1);
        --smaller.stages[s].inputs[k].capacity;
        EXPECT_NE(explain(smaller, run.deadlock[0]).find(buffer), std::string::npos)
            << explain(smaller, run.deadlock[0]);
        ++smaller.stages[s].inputs[k].capacity;
      }
    }
  }
}

// Samples come as fast as the busiest link carries them.
TEST(LinkBuffers, TheBusiestLinkSetsThePace) {
  MapRequest request;
  request.placement = Placement::snake;
  const ChipSpec chip = load_chip("paper", std::vector<std::string>{"link_bits=1"});
  Plan plan = map_network("small_dense_block", stages_of("small_dense_block"), chip, request);
  const double ticks = link_ticks(plan, plan_traffic(plan, plan_fabric(plan)));
  ASSERT_GT(ticks, static_cast<double>(plan.ticks_per_sample));
  plan = size_buffers_for_links(std::move(plan));
  const Pipeline pipeline = linked_pipeline(plan);
  EXPECT_NEAR(static_cast<double>(pipeline.ticks_per_sample), ticks, 0.02 * ticks);
  const auto run = simulate(pipeline, 6);
  EXPECT_EQ(waited_for_room(run), 0);
  EXPECT_EQ(run.ticks_per_sample(), pipeline.ticks_per_sample);
}

}  // namespace
}  // namespace ohmic
