#include "ohmic/mapping/fabric.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>

#include "ohmic/mapping/test_support.h"

namespace ohmic {
namespace {

// Every way ends where it should, over links that are there, and no way between linked cores is longer than the link.
TEST(Fabric, WaysLeadWhereTheyShould) {
  for (const Topology topology : {Topology::mesh, Topology::ring, Topology::full, Topology::prism}) {
    for (const int cores : {1, 2, 7, 16, 23}) {
      const Fabric fabric(topology, cores, 5);
      std::map<std::size_t, Link> numbers;
      for (int a = 0; a < cores; ++a) {
        for (int b = 0; b < cores; ++b) {
          int at = a, count = 0;
          fabric.each_link(a, b, [&](const Link& link) {
            EXPECT_EQ(link.from, at);
            EXPECT_EQ(fabric.hops(link.from, link.to), 1);
            EXPECT_GE(link.to, 0);
            EXPECT_LT(link.to, cores);
            at = link.to;
            ++count;
            EXPECT_LT(fabric.link_number(link), fabric.link_numbers());
            EXPECT_EQ(numbers.emplace(fabric.link_number(link), link).first->second, link);
          });
          EXPECT_EQ(at, b);
          EXPECT_EQ(fabric.hops(a, b), count);
        }
      }
    }
  }
}

TEST(Fabric, HopsAreThoseOfTheTopology) {
  EXPECT_EQ(Fabric(Topology::mesh, 16, 5).hops(0, 15), 6);
  EXPECT_EQ(Fabric(Topology::mesh, 16, 5).hops(5, 10), 2);
  EXPECT_EQ(Fabric(Topology::ring, 16, 5).hops(1, 14), 3);
  EXPECT_EQ(Fabric(Topology::full, 16, 5).hops(1, 14), 1);
  EXPECT_EQ(Fabric(Topology::prism, 16, 5).hops(1, 14), 3);
  EXPECT_EQ(Fabric(Topology::prism, 16, 5).hops(1, 6), 1);
}

// What goes over all links is what flows times the hops of its ways.
TEST(Fabric, LoadsAddUpToFlowsTimesHops) {
  const std::vector<int> a = {0, 1}, b = {5, 6, 7}, c = {15};
  const std::vector<Flow> flows = {{a, b, 600}, {b, c, 30}};
  for (const Topology topology : {Topology::mesh, Topology::ring, Topology::full, Topology::prism}) {
    const Fabric fabric(topology, 16, 5);
    const Traffic traffic = route(fabric, flows);
    double expected = 0, loads = 0;
    for (const int from : a) {
      for (const int to : b) expected += 100 * fabric.hops(from, to);
    }
    for (const int from : b) expected += 10 * fabric.hops(from, 15);
    for (const Traffic::Load& load : traffic.loads) loads += load.bits;
    EXPECT_NEAR(loads, expected, 1e-9);
    EXPECT_NEAR(traffic.bit_hops, expected, 1e-9);
    EXPECT_NEAR(traffic.bits, 630, 1e-9);
  }
}

using Edges = std::vector<std::pair<int, int>>;

void expect_order(int stages, const Edges& edges, const PrismOrder& found) {
  ASSERT_EQ(found.order.size(), static_cast<std::size_t>(stages));
  std::vector<int> place(static_cast<std::size_t>(stages), -1);
  for (int p = 0; p < stages; ++p) place[static_cast<std::size_t>(found.order[static_cast<std::size_t>(p)])] = p;
  for (const auto& [from, to] : edges) {
    const int ahead = place[static_cast<std::size_t>(to)] - place[static_cast<std::size_t>(from)];
    EXPECT_GE(ahead, 1);
    EXPECT_LE(ahead, found.reach);
  }
}

// The smallest reach over all orders, by trying them all.
int reach_by_trying(int stages, const Edges& edges) {
  std::vector<int> place(static_cast<std::size_t>(stages));
  std::iota(place.begin(), place.end(), 0);
  int best = stages;
  do {
    int reach = 1;
    for (const auto& [from, to] : edges) {
      const int ahead = place[static_cast<std::size_t>(to)] - place[static_cast<std::size_t>(from)];
      reach = ahead < 1 ? stages + 1 : std::max(reach, ahead);
      if (reach > best) break;
    }
    best = std::min(best, reach);
  } while (std::next_permutation(place.begin(), place.end()));
  return best;
}

TEST(PrismOrder, IsTheShortestOverAllOrders) {
  for (int seed = 0; seed < 40; ++seed) {
    Choices c(seed);
    const int stages = c.between(2, 7);
    Edges edges;
    for (int to = 1; to < stages; ++to) {
      for (int from = 0; from < to; ++from) {
        if (c.between(0, 2) == 0) edges.emplace_back(from, to);
      }
    }
    const PrismOrder found = find_prism_order(stages, edges, 5);
    EXPECT_TRUE(found.is_exact);
    EXPECT_EQ(found.reach, edges.empty() ? 1 : reach_by_trying(stages, edges)) << "seed " << seed;
    expect_order(stages, edges, found);
  }
}

// A stage with six readers, each in a place of its own, is out of reach of five.
TEST(PrismOrder, NamesTheStageWithTooManyReaders) {
  const Edges edges = {{0, 1}, {1, 2}, {1, 3}, {1, 4}, {1, 5}, {1, 6}, {1, 7}};
  const PrismOrder found = find_prism_order(8, edges, 5);
  EXPECT_EQ(found.blocking_stage, 1);
  EXPECT_EQ(found.reach, 6);
}

TEST(PrismOrder, FiveCarriesThePublishedNetworks) {
  for (const std::string name : {"resnet32", "resnet50", "googlenet", "densenet121"}) {
    const Plan plan = split(name, stages_of(name), load_chip("paper"), DepthwisePlace::arrays);
    const Edges edges = placed_edges(plan);
    const PrismOrder found = find_prism_order(static_cast<int>(plan.stages.size()), edges, 5);
    EXPECT_LE(found.reach, 5) << name;
    EXPECT_EQ(found.blocking_stage, -1) << name;
    expect_order(static_cast<int>(plan.stages.size()), edges, found);
    std::printf("%s: reach %d, %s, %lld states\n", name.c_str(), found.reach, found.is_exact ? "exact" : "cut",
                static_cast<long long>(found.states));
  }
}

}  // namespace
}  // namespace ohmic
