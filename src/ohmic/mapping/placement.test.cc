#include "ohmic/mapping/placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "ohmic/core/test_support.h"
#include "ohmic/mapping/core_kinds.h"
#include "ohmic/mapping/plan_file.h"
#include "ohmic/mapping/test_support.h"

namespace ohmic {
namespace {

constexpr std::array kFabrics = {Topology::mesh, Topology::ring, Topology::full, Topology::prism};

// Flows between random groups of cores.
struct RandomFlows {
  RandomFlows(Choices& c, int cores, int most_flows, int most_in_group) {
    const int count = c.between(1, most_flows);
    for (int g = 0; g < 2 * count; ++g) {
      std::vector<int> group(static_cast<std::size_t>(cores));
      std::iota(group.begin(), group.end(), 0);
      for (std::size_t i = group.size(); i-- > 1;) {
        std::swap(group[i], group[static_cast<std::size_t>(c.between(0, static_cast<int>(i)))]);
      }
      group.resize(static_cast<std::size_t>(c.between(1, std::min(cores, most_in_group))));
      groups.push_back(group);
    }
    for (int f = 0; f < count; ++f) {
      flows.push_back({groups[static_cast<std::size_t>(2 * f)], groups[static_cast<std::size_t>(2 * f + 1)],
                       static_cast<double>(c.between(1, 1000))});
    }
  }

  // With the cores in other places.
  double bit_hops(const Fabric& fabric, const std::vector<int>& places) const {
    return traffic(fabric, places).bit_hops;
  }
  Traffic traffic(const Fabric& fabric, const std::vector<int>& places) const {
    std::vector<std::vector<int>> moved = groups;
    for (auto& group : moved) {
      for (int& core : group) core = places[static_cast<std::size_t>(core)];
    }
    std::vector<Flow> there;
    for (std::size_t f = 0; f < flows.size(); ++f) there.push_back({moved[2 * f], moved[2 * f + 1], flows[f].bits});
    return route(fabric, there);
  }

  std::vector<std::vector<int>> groups;
  std::vector<Flow> flows;
};

double least_by_trying(const Fabric& fabric, const RandomFlows& random) {
  std::vector<int> places(static_cast<std::size_t>(fabric.cores()));
  std::iota(places.begin(), places.end(), 0);
  double least = random.bit_hops(fabric, places);
  while (std::next_permutation(places.begin(), places.end())) {
    least = std::min(least, random.bit_hops(fabric, places));
  }
  return least;
}

TEST(Placement, SmallPlansGetTheBestOfAllPlaces) {
  for (int seed = 0; seed < test::tries(24, 10); ++seed) {
    Choices c(seed);
    const int cores = c.between(2, 6);
    const RandomFlows random(c, cores, 5, 3);
    for (const Topology topology : kFabrics) {
      const Fabric fabric(topology, cores, 2);
      const double least = least_by_trying(fabric, random);
      const PlacedCores placed = place_cores(fabric, random.flows, Placement::search);
      const PlacedCores stays = place_cores(fabric, random.flows, Placement::snake);
      EXPECT_NEAR(placed.least_bit_hops, least, 1e-6 * least) << "seed " << seed;
      EXPECT_NEAR(stays.least_bit_hops, least, 1e-6 * least) << "seed " << seed;
      // What follows from distances alone is below, also for kinds of several cores.
      EXPECT_LE(bound_from_distances(fabric, core_kinds(cores, random.flows)), least * (1 + 1e-9)) << "seed " << seed;
    }
  }
}

TEST(Placement, IsNeverWorseAndNeverBelowItsBound) {
  double saved = 0;
  constexpr int kSeeds = test::tries(8, 4);
  for (int seed = 0; seed < kSeeds; ++seed) {
    Choices c(seed + 500);
    const int cores = c.between(5, 25);
    const RandomFlows random(c, cores, 12, c.flip() ? 1 : 12);
    for (const Topology topology : kFabrics) {
      const Fabric fabric(topology, cores, 5);
      const Traffic before = route(fabric, random.flows);
      const PlacedCores placed = place_cores(fabric, random.flows, Placement::search);
      std::vector<int> sorted = placed.places;
      std::sort(sorted.begin(), sorted.end());
      for (int p = 0; p < cores; ++p) ASSERT_EQ(sorted[static_cast<std::size_t>(p)], p);
      const Traffic after = random.traffic(fabric, placed.places);
      EXPECT_NEAR(placed.bit_hops, after.bit_hops, 1e-6 * before.bit_hops) << "seed " << seed;
      EXPECT_LE(after.bit_hops, before.bit_hops * (1 + 1e-9)) << "seed " << seed;
      EXPECT_LE(after.busiest_bits, before.busiest_bits * (1 + 1e-8)) << "seed " << seed;
      EXPECT_LE(placed.least_bit_hops, placed.bit_hops) << "seed " << seed;
      EXPECT_LE(bound_from_distances(fabric, core_kinds(cores, random.flows)), placed.bit_hops * (1 + 1e-9))
          << "seed " << seed << ", " << kTopologies[static_cast<std::size_t>(topology)];
      if (topology == Topology::mesh) {
        EXPECT_EQ(place_cores(fabric, random.flows, Placement::search).places, placed.places);
      }
      saved += 1 - after.bit_hops / before.bit_hops;
    }
  }
  EXPECT_GT(saved, 0.15 * 4 * kSeeds);
}

// Two groups that fill a square send to each other: a bound by single hops alone would be far below.
TEST(Placement, BoundOfLargeGroupsIsNear) {
  std::vector<int> some(32), others(32);
  for (int i = 0; i < 32; ++i) {
    some[static_cast<std::size_t>(i)] = 2 * i;
    others[static_cast<std::size_t>(i)] = 2 * i + 1;
  }
  const std::vector<Flow> flows = {{some, others, 1000}};
  const Fabric mesh(Topology::mesh, 64, 5), ring(Topology::ring, 64, 5);
  for (const Fabric& fabric : {mesh, ring}) {
    const PlacedCores placed = place_cores(fabric, flows, Placement::search);
    EXPECT_GT(placed.least_bit_hops, 0.93 * placed.bit_hops);
  }
}

TEST(Placement, FilesWithoutAChoiceStayAsTheyAre) {
  MapRequest request;
  request.placement = Placement::snake;
  const Plan plan = map_network("small_inception", stages_of("small_inception"), load_chip("paper"), request);
  request.placement = Placement::search;
  const Plan better = map_network("small_inception", stages_of("small_inception"), load_chip("paper"), request);
  EXPECT_LT(better.bit_hops, 0.7 * plan.bit_hops);
  const auto source = [](const std::string& name, const std::vector<std::string>&) { return stages_of(name); };
  std::string text = plan_text(plan, {});
  const std::string choice = " \"placement\": \"snake\",\n";
  ASSERT_NE(text.find(choice), std::string::npos);
  text.erase(text.find(choice), choice.size());
  const Plan again = read_plan(text, "plan.json", source);
  EXPECT_EQ(again.placement, Placement::snake);
  EXPECT_EQ(again.bit_hops, plan.bit_hops);
  EXPECT_EQ(again.least_bit_hops, plan.least_bit_hops);
  const Plan searched = read_plan(plan_text(better, {}), "plan.json", source);
  EXPECT_EQ(searched.placement, Placement::search);
  for (std::size_t s = 1; s < plan.stages.size(); ++s) {
    EXPECT_EQ(again.stages[s].cores, plan.stages[s].cores);
    EXPECT_EQ(searched.stages[s].cores, better.stages[s].cores);
  }
}

}  // namespace
}  // namespace ohmic
