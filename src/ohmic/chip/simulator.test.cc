#include "ohmic/chip/simulator.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "ohmic/core/test_support.h"
#include "ohmic/mapping/test_support.h"

namespace ohmic {
namespace {

constexpr int kRandomGraphs = test::tries(60, 20);

ChipSpec small_chip() { return load_chip("paper", std::vector<std::string>{"array_rows=64", "array_columns=32"}); }

Plan map_random(std::uint64_t seed, BufferScheme scheme, bool varied = true) {
  RandomNetwork network(seed);
  Choices c(seed + 1000);
  const NetworkSpec spec = network.spec();
  MapRequest request;
  request.scheme = scheme;
  Plan plan = split("random", make_stage_graph(spec, network.input(), 4), small_chip(), DepthwisePlace::arrays);
  if (varied && c.flip()) plan = pack_windows(std::move(plan));
  if (varied) {
    for (StagePlan& p : plan.stages) p.copies = c.between(1, 4);
    plan = derive(std::move(plan));
    if (c.flip()) plan = share_arrays(std::move(plan));
  }
  return size_buffers(place(std::move(plan), Placement::snake), scheme);
}

Plan map_named(const std::string& network, Tick ticks, BufferScheme scheme) {
  MapRequest request;
  if (ticks > 0) request.ticks = ticks;
  request.scheme = scheme;
  return map_network(network, stages_of(network), load_chip("paper"), request);
}

std::vector<std::vector<Tick>> starts_of(const Pipeline& pipeline, int samples) {
  std::vector<std::vector<Tick>> starts(pipeline.stages.size());
  const auto result =
      simulate(pipeline, samples, [&](std::size_t s, const IterationCursor&, Tick t) { starts[s].push_back(t); });
  EXPECT_TRUE(result.deadlock.empty()) << explain(pipeline, result.deadlock[0]);
  return starts;
}

TEST(Simulator, WithoutBoundsFollowsTheRecurrence) {
  for (int seed = 0; seed < kRandomGraphs; ++seed) {
    const Pipeline pipeline = make_pipeline(map_random(seed, BufferScheme::full_rate), BufferBounds::unbounded);
    EXPECT_EQ(starts_of(pipeline, 3), unbounded_schedule(pipeline, 3).starts) << "seed " << seed;
  }
}

TEST(Simulator, FullRateBuffersNeverMakeAnythingWait) {
  for (int seed = 0; seed < kRandomGraphs; ++seed) {
    const Plan plan = map_random(seed, BufferScheme::full_rate);
    const Pipeline free = make_pipeline(plan, BufferBounds::unbounded);
    const Pipeline bounded = make_pipeline(plan, BufferBounds::bounded);
    const auto result = simulate(bounded, 4);
    ASSERT_TRUE(result.deadlock.empty()) << "seed " << seed << explain(bounded, result.deadlock[0]);
    for (const StageRun& run : result.stages) EXPECT_EQ(run.waited_for_room, 0) << "seed " << seed;
    EXPECT_EQ(starts_of(bounded, 4), unbounded_schedule(free, 4).starts) << "seed " << seed;
  }
}

TEST(Simulator, LeastBuffersGetThrough) {
  for (int seed = 0; seed < kRandomGraphs; ++seed) {
    const Pipeline pipeline = make_pipeline(map_random(seed, BufferScheme::least), BufferBounds::bounded);
    const auto result = simulate(pipeline, 4);
    EXPECT_TRUE(result.deadlock.empty()) << "seed " << seed << ": " << explain(pipeline, result.deadlock[0]);
  }
}

// Wide links change nothing. On narrow ones samples take at least as long as the busiest link needs for one, in a chain
// just as long.
TEST(Simulator, TheBusiestLinkBoundsTheRate) {
  // Of many samples more: backlogs move through the pipeline, so that the last samples of one run say little.
  constexpr int kMore = test::tries(20, 10);
  const auto mean_ticks = [](const Pipeline& pipeline) {
    const auto some = simulate(pipeline, kMore), more = simulate(pipeline, 2 * kMore);
    EXPECT_TRUE(more.deadlock.empty());
    return static_cast<double>(more.ticks - some.ticks) / kMore;
  };
  for (const std::string name : {"vgg9", "resnet32", "small_inception", "small_dense_block"}) {
    const Plan plan = map_named(name, 0, BufferScheme::full_rate);
    const Pipeline bounded = make_pipeline(plan, BufferBounds::bounded);
    EXPECT_EQ(simulate(with_links(bounded, plan), 4).last_output, simulate(bounded, 4).last_output) << name;
    Plan narrow = plan;
    const double once = link_ticks(plan, plan_traffic(plan, plan_fabric(plan))) * plan.chip.constants.link_bits;
    for (const double factor : {1.5, 4.0}) {
      const double wanted = factor * static_cast<double>(plan.ticks_per_sample);
      narrow.chip.constants.link_bits = once / wanted;
      const Pipeline free = make_pipeline(plan, BufferBounds::unbounded);
      const double ticks = mean_ticks(with_links(free, narrow));
      EXPECT_GE(ticks, 0.99 * wanted) << name;
      // In a chain nothing but the link holds the samples up.
      if (name == "vgg9") {
        EXPECT_LE(ticks, 1.01 * wanted);
      }
      EXPECT_GE(mean_ticks(with_links(bounded, narrow)), 0.99 * wanted) << name;
    }
  }
}

TEST(Simulator, StagesOnOneArrayTakeTurns) {
  std::int64_t saved = 0;
  for (int seed = 0; seed < kRandomGraphs; ++seed) {
    RandomNetwork network(seed);
    const NetworkSpec spec = network.spec();
    Plan plan = split("random", make_stage_graph(spec, network.input(), 4), load_chip("paper"), DepthwisePlace::arrays);
    const std::int64_t apart = plan.arrays();
    const Tick ticks = plan.ticks_per_sample;
    plan = size_buffers(place(share_arrays(std::move(plan)), Placement::snake), BufferScheme::full_rate);
    EXPECT_TRUE(check(plan).empty()) << fmt::format("{}", fmt::join(check(plan), "; "));
    EXPECT_EQ(plan.ticks_per_sample, ticks) << "seed " << seed;
    saved += apart - plan.arrays();
    std::set<std::pair<std::size_t, Tick>> taken;
    const auto result =
        simulate(make_pipeline(plan, BufferBounds::bounded), 9, [&](std::size_t s, const IterationCursor&, Tick tick) {
          const StagePlan& p = plan.stages[s];
          if (p.slots == 1) return;
          const std::size_t leader = p.leader < 0 ? s : static_cast<std::size_t>(p.leader);
          EXPECT_TRUE(taken.emplace(leader, tick).second) << "seed " << seed;
        });
    EXPECT_TRUE(result.deadlock.empty());
    // Turns that do not divide the ticks of a sample shift it by a turn at most.
    const Tick turns = std::max_element(plan.stages.begin(), plan.stages.end(), [](const auto& x, const auto& y) {
                         return x.slots < y.slots;
                       })->slots;
    EXPECT_LE(result.last_output[8] - result.last_output[0], 8 * ticks + turns) << "seed " << seed;
  }
  EXPECT_GT(saved, kRandomGraphs / 3);
}

// Every stage reads each pixel of its window when it lies in the buffer, as places of a ring that are written over
// would hold it; every pixel is written once and in order.
TEST(Simulator, NoPixelIsLostDoubledOverwrittenOrOutOfOrder) {
  for (int seed = 0; seed < kRandomGraphs; ++seed) {
    const Plan plan = map_random(seed, seed % 2 == 0 ? BufferScheme::least : BufferScheme::full_rate);
    const Pipeline pipeline = make_pipeline(plan, BufferBounds::bounded);
    struct Slot {
      std::int64_t pixel = -1;
      Tick written = -1;
    };
    std::vector<std::vector<std::vector<Slot>>> rings;
    std::vector<std::vector<std::pair<int, int>>> readers(pipeline.stages.size());
    for (std::size_t s = 0; s < pipeline.stages.size(); ++s) {
      rings.emplace_back();
      for (std::size_t k = 0; k < pipeline.stages[s].inputs.size(); ++k) {
        const PipelineBuffer& b = pipeline.stages[s].inputs[k];
        rings[s].emplace_back(static_cast<std::size_t>(b.capacity));
        readers[static_cast<std::size_t>(b.from)].emplace_back(s, k);
      }
    }
    std::vector<std::int64_t> started(pipeline.stages.size(), 0), complete(pipeline.stages.size(), 0);
    const auto result = simulate(pipeline, 3, [&](std::size_t s, const IterationCursor& at, Tick tick) {
      const PipelineStage& stage = pipeline.stages[s];
      ASSERT_EQ(started[s]++, (at.sample * stage.rows + at.row) * stage.columns + at.column);
      for (std::size_t k = 0; k < stage.inputs.size(); ++k) {
        const InputAccess& access = stage.inputs[k].access;
        access.each_pixel(at.row, at.column, [&](std::int64_t p) {
          const std::int64_t pixel = at.sample * access.pixels() + p;
          const Slot& slot = rings[s][k][static_cast<std::size_t>(pixel % stage.inputs[k].capacity)];
          ASSERT_EQ(slot.pixel, pixel) << "seed " << seed << ", " << stage.name;
          ASSERT_LE(slot.written + stage.latency, tick);
        });
      }
      const std::int64_t now = complete_after(stage, at);
      ASSERT_GE(now, complete[s]);
      for (; complete[s] < now; ++complete[s]) {
        for (const auto& [r, k] : readers[s]) {
          auto& ring = rings[static_cast<std::size_t>(r)][static_cast<std::size_t>(k)];
          ring[static_cast<std::size_t>(complete[s]) % ring.size()] = {complete[s], tick};
        }
      }
    });
    ASSERT_TRUE(result.deadlock.empty());
    for (std::size_t s = 0; s < pipeline.stages.size(); ++s) {
      EXPECT_EQ(complete[s], 3 * pipeline.stages[s].output.pixels()) << "seed " << seed;
    }
  }
}

// A chain of one 3x3 convolution: (K - 1) W + K pixels, which is both the least and what full rate needs.
TEST(Simulator, LineBufferIsAtItsAnalyticMinimum) {
  for (const int width : {8, 11, 32}) {
    for (const int kernel : {1, 3, 5}) {
      NetworkWriter w(3);
      w.convolution("conv2", w.convolution("conv1", "input", 4, 3, 1), 4, kernel, 1);
      Plan plan = split("chain", stages_of(w, {1, 9, width, 3}), load_chip("paper"), DepthwisePlace::arrays);
      plan = size_buffers(place(std::move(plan)), BufferScheme::full_rate);
      const std::int64_t minimum = (kernel - 1) * width + kernel;
      EXPECT_EQ(plan.stages[2].buffers[0].needs.least, minimum);
      EXPECT_EQ(plan.stages[2].buffers[0].needs.full_rate, minimum);
      Pipeline pipeline = make_pipeline(plan, BufferBounds::bounded);
      EXPECT_TRUE(simulate(pipeline, 3).deadlock.empty());
      pipeline.stages[2].inputs[0].capacity = minimum - 1;
      const auto result = simulate(pipeline, 3);
      ASSERT_EQ(result.deadlock.size(), 1u);
      const std::string text = explain(pipeline, result.deadlock[0]);
      EXPECT_NE(text.find("conv1 (sample 0, iteration"), std::string::npos) << text;
      EXPECT_NE(text.find(fmt::format("in the buffer from it to conv2: {} pixels, full", minimum - 1)),
                std::string::npos)
          << text;
    }
  }
}

// A shortcut over two 3x3 convolutions holds pixels o ... o + 2 (W + 1): 2 W + 3 of them, and two more arrive while the
// two convolutions work; the one that the addition takes in the same tick makes room, which leaves 2 W + 4.
TEST(Simulator, ShortcutIsAtItsAnalyticMinimum) {
  for (const int width : {8, 32}) {
    NetworkWriter w(3);
    const std::string stem = w.convolution("stem", "input", 4, 3, 1);
    w.add("sum", w.convolution("conv2", w.convolution("conv1", stem, 4, 3, 1), 4, 3, 1), stem);
    Plan plan = split("block", stages_of(w, {1, 9, width, 3}), load_chip("paper"), DepthwisePlace::arrays);
    plan = size_buffers(place(std::move(plan)), BufferScheme::full_rate);
    const Stage& joined = plan.graph.stages[3];
    ASSERT_EQ(joined.name, "conv2");
    ASSERT_TRUE(joined.inputs[1].is_added);
    EXPECT_EQ(plan.stages[3].buffers[1].needs.least, 2 * width + 3);
    EXPECT_EQ(plan.stages[3].buffers[1].needs.full_rate, 2 * width + 4);
    Pipeline pipeline = make_pipeline(plan, BufferBounds::bounded);
    const Tick unhindered = simulate(pipeline, 3).ticks;
    pipeline.stages[3].inputs[1].capacity = 2 * width + 3;
    const auto slower = simulate(pipeline, 3);
    EXPECT_TRUE(slower.deadlock.empty());
    EXPECT_GT(slower.ticks, unhindered);
    pipeline.stages[3].inputs[1].capacity = 2 * width + 2;
    const auto stuck = simulate(pipeline, 3);
    ASSERT_EQ(stuck.deadlock.size(), 1u);
    const std::string text = explain(pipeline, stuck.deadlock[0]);
    EXPECT_NE(text.find("stem (sample 0, iteration"), std::string::npos) << text;
    EXPECT_NE(text.find("in the buffer from it to conv2"), std::string::npos) << text;
  }
}

// Over random graphs: with every other buffer at its least size, one pixel less in any buffer deadlocks, and the report
// names that buffer.
TEST(Simulator, OnePixelBelowTheLeastDeadlocks) {
  int buffers = 0, tight = 0;
  for (int seed = 0; seed < kRandomGraphs; ++seed) {
    const Plan plan = map_random(seed, BufferScheme::least, false);
    const Pipeline pipeline = make_pipeline(plan, BufferBounds::bounded);
    for (std::size_t s = 1; s < pipeline.stages.size(); ++s) {
      for (std::size_t k = 0; k < pipeline.stages[s].inputs.size(); ++k) {
        Pipeline smaller = pipeline;
        --smaller.stages[s].inputs[k].capacity;
        const auto result = simulate(smaller, 2);
        ++buffers;
        if (result.deadlock.empty()) {
          ADD_FAILURE() << "seed " << seed << ": " << smaller.stages[s].name << " input " << k << " of "
                        << smaller.stages[s].inputs.size() << " runs with " << smaller.stages[s].inputs[k].capacity;
          continue;
        }
        ++tight;
        const bool is_named =
            std::any_of(result.deadlock[0].circle.begin(), result.deadlock[0].circle.end(), [&](const Waiting& w) {
              return w.for_room && w.other == static_cast<int>(s) && w.buffer == static_cast<int>(k);
            });
        EXPECT_TRUE(is_named) << "seed " << seed << ": " << explain(smaller, result.deadlock[0]);
      }
    }
  }
  std::printf("%d of %d buffers are tight\n", tight, buffers);
}

TEST(Simulator, Resnet32RunsAtTheReferenceTable) {
  for (const auto& [ticks, latency] : {std::pair<Tick, Tick>{1024, 1653}, {256, 621}, {64, 244}}) {
    const Pipeline pipeline =
        make_pipeline(map_named("resnet32", ticks, BufferScheme::full_rate), BufferBounds::bounded);
    const auto result = simulate(pipeline, 6);
    EXPECT_EQ(result.latency(0), latency);
    EXPECT_EQ(result.ticks_per_sample(), ticks);
    for (const StageRun& run : result.stages) EXPECT_EQ(run.waited_for_room, 0);
  }
}

}  // namespace
}  // namespace ohmic
