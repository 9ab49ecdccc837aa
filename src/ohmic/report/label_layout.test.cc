#include "ohmic/report/label_layout.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace ohmic::report {
namespace {

TEST(SpreadLabels, LeavesDistantLabelsAlone) {
  EXPECT_EQ(spread_labels({50, 10, 90}, 15, 0, 100), (std::vector<double>{50, 10, 90}));
}

TEST(SpreadLabels, CentresTouchingLabels) {
  EXPECT_EQ(spread_labels({50, 52}, 10, 0, 100), (std::vector<double>{46, 56}));
}

TEST(SpreadLabels, KeepsOrderSpacingAndBounds) {
  const std::vector<double> wanted = {99, 98, 98.5, 3, 2, 97, 50, 1};
  const std::vector<double> placed = spread_labels(wanted, 12, 0, 100);
  for (std::size_t a = 0; a < wanted.size(); ++a) {
    EXPECT_GE(placed[a], 0);
    EXPECT_LE(placed[a], 100);
    for (std::size_t b = 0; b < wanted.size(); ++b) {
      if (wanted[a] >= wanted[b]) continue;
      EXPECT_GE(placed[b] - placed[a], 12 - 1e-9);
    }
  }
}

TEST(SpreadLabels, SqueezesWhatCannotFit) {
  const std::vector<double> placed = spread_labels({5, 5, 5, 5, 5}, 50, 0, 100);
  EXPECT_EQ(placed, (std::vector<double>{0, 25, 50, 75, 100}));
}

TEST(SpreadLabels, AcceptsNone) { EXPECT_TRUE(spread_labels({}, 10, 0, 100).empty()); }

}  // namespace
}  // namespace ohmic::report
