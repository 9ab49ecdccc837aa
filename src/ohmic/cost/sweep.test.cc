#include "ohmic/cost/sweep.h"

#include <gtest/gtest.h>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

using Values = std::vector<std::int64_t>;

TEST(SweepAxis, IsARangeOrAList) {
  const SweepAxis bits = parse_sweep_axis("tile.adc_bits=4..9");
  EXPECT_EQ(bits.key, "adc_bits");
  EXPECT_EQ(bits.values, (Values{4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(parse_sweep_axis("array=64,128,512").values, (Values{64, 128, 512}));
  EXPECT_EQ(parse_sweep_axis("periphery.dac_bits=8").values, (Values{8}));
}

TEST(SweepAxis, MistakesAreRefused) {
  for (const char* text : {"tile.adc_bits", "adc=4", "tile.adc_bits=", "array=64,", "array=9..4", "array=0..3",
                           "array=1..9000", "array=64;128"}) {
    EXPECT_THROW(parse_sweep_axis(text), Error) << text;
  }
}

SweepPoint point(double accuracy, double joules) {
  SweepPoint p;
  p.accuracy = accuracy;
  p.energy_j.value = joules;
  return p;
}

TEST(MarkBest, LeavesOutWhatAnotherPointBeats) {
  std::vector<SweepPoint> points = {point(0.9, 1), point(0.9, 2), point(0.95, 2), point(0.8, 0.5), point(0.7, 0.6)};
  mark_best(points);
  EXPECT_TRUE(points[0].is_best);
  EXPECT_FALSE(points[1].is_best);
  EXPECT_TRUE(points[2].is_best);
  EXPECT_TRUE(points[3].is_best);
  EXPECT_FALSE(points[4].is_best);
}

}  // namespace
}  // namespace ohmic
