#include "ohmic/chip/explore.h"

#include <gtest/gtest.h>

#include <set>

#include "ohmic/mapping/test_support.h"

namespace ohmic {
namespace {

TEST(Explore, FindsTheFront) {
  ExploreRequest request;
  request.array_sizes = {128, 256};
  request.halvings = 4;
  const auto points = explore("resnet32", stages_of("resnet32"), load_chip("paper"), request);
  EXPECT_EQ(points.size(), 2u * 2 * 5 * kBufferSchemes.size());
  std::set<BufferScheme> schemes;
  for (const ExploredPlan& p : points) {
    bool is_beaten = false;
    for (const ExploredPlan& q : points) {
      const bool as_good = q.cells() <= p.cells() && q.sram_bytes <= p.sram_bytes &&
                           q.ticks_per_sample <= p.ticks_per_sample && q.latency <= p.latency;
      const bool better = q.cells() < p.cells() || q.sram_bytes < p.sram_bytes ||
                          q.ticks_per_sample < p.ticks_per_sample || q.latency < p.latency;
      is_beaten = is_beaten || (as_good && better);
    }
    if (p.is_best) {
      EXPECT_FALSE(is_beaten);
      schemes.insert(p.scheme);
    }
    if (!p.is_best && !is_beaten) {
      const auto equals = std::count_if(points.begin(), points.end(), [&](const ExploredPlan& q) {
        return q.is_best && q.cells() == p.cells() && q.sram_bytes == p.sram_bytes &&
               q.ticks_per_sample == p.ticks_per_sample && q.latency == p.latency;
      });
      EXPECT_EQ(equals, 1);
    }
  }
  // Smaller buffers against waiting: both are on the front.
  EXPECT_TRUE(schemes.contains(BufferScheme::least));
  EXPECT_TRUE(schemes.contains(BufferScheme::full_rate));
  // What the reference table says of 256 x 256 arrays is among them.
  EXPECT_TRUE(std::any_of(points.begin(), points.end(), [](const ExploredPlan& p) {
    return p.array_size == 256 && p.arrays == 287 && p.ticks_per_sample == 64 && p.latency == 244;
  }));
}

}  // namespace
}  // namespace ohmic
