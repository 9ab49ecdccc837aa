#include "ohmic/report/axis.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ohmic::report {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

std::vector<std::string> labels(const Axis& axis) {
  std::vector<std::string> texts;
  for (const Tick& tick : axis.ticks) texts.push_back(tick.label);
  return texts;
}

/// 1, 2, 2.5 or 5 times a power of ten.
bool is_nice(double step) {
  const double mantissa = step / std::pow(10.0, std::floor(std::log10(step) + 1e-9));
  for (const double nice : {1.0, 2.0, 2.5, 5.0}) {
    if (std::abs(mantissa - nice) < 1e-6) return true;
  }
  return false;
}

TEST(NiceTicks, AreKnownOnes) {
  EXPECT_EQ(nice_ticks(0, 10, 6), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(nice_ticks(96.2, 98.4, 6), (std::vector<double>{96.5, 97, 97.5, 98}));
  EXPECT_EQ(nice_ticks(-1, 1, 5), (std::vector<double>{-1, -0.5, 0, 0.5, 1}));
}

TEST(NiceTicks, AreNiceWithinTheRangeAndFewEnough) {
  for (double low = -1e6; low < 1e6; low += 1.37e5) {
    for (double span = 1e-3; span < 1e7; span *= 7.3) {
      const std::vector<double> ticks = nice_ticks(low, low + span, 8);
      ASSERT_GE(ticks.size(), 2u);
      EXPECT_LE(ticks.size(), 8u);
      EXPECT_GE(ticks.front(), low - 1e-5 * span);
      EXPECT_LE(ticks.back(), low + span + 1e-5 * span);
      const double step = (ticks.back() - ticks.front()) / static_cast<double>(ticks.size() - 1);
      EXPECT_TRUE(is_nice(step)) << "step " << step << " from " << low << " over " << span;
    }
  }
}

TEST(NiceTicks, SurviveEveryRange) {
  for (const auto& [low, high] : {std::pair{5.0, 5.0},
                                  {0.0, 0.0},
                                  {3.0, 1.0},
                                  {kNan, 1.0},
                                  {0.0, kInf},
                                  {-kInf, kInf},
                                  {1e17, 1e17 + 16},
                                  {1e-308, 2e-308},
                                  {-1e308, 1e308},
                                  {0.0, 5e-324}}) {
    const std::vector<double> ticks = nice_ticks(low, high, 6);
    EXPECT_GE(ticks.size(), 2u) << low << " to " << high;
    EXPECT_LE(ticks.size(), 12u) << low << " to " << high;
  }
}

TEST(LogTicks, AreDecadesOverWideRanges) {
  EXPECT_EQ(log_ticks(1, 10000), (std::vector<double>{1, 10, 100, 1000, 10000}));
}

TEST(LogTicks, AreFinerOverNarrowRanges) { EXPECT_EQ(log_ticks(1, 20), (std::vector<double>{1, 2, 5, 10, 20})); }

TEST(LogTicks, SurviveEveryRange) {
  for (const auto& [low, high] :
       {std::pair{0.0, 10.0}, {-1.0, 1.0}, {kNan, 1.0}, {2.0, 2.0}, {1e-200, 1e200}, {3.0, 4.0}}) {
    EXPECT_GE(log_ticks(low, high).size(), 2u) << low << " to " << high;
    EXPECT_LE(log_ticks(low, high).size(), 25u) << low << " to " << high;
  }
}

TEST(LinearAxis, EndsAtTicks) {
  const Axis axis = linear_axis("accuracy, %", 96.13, 98.31, 6);
  EXPECT_DOUBLE_EQ(axis.low, axis.ticks.front().value);
  EXPECT_DOUBLE_EQ(axis.high, axis.ticks.back().value);
  EXPECT_LE(axis.low, 96.13);
  EXPECT_GE(axis.high, 98.31);
  EXPECT_DOUBLE_EQ(axis.fraction(axis.low), 0);
  EXPECT_DOUBLE_EQ(axis.fraction(axis.high), 1);
  EXPECT_TRUE(std::isnan(axis.fraction(kNan)));
}

TEST(IntegerAxis, HasWholeTicksOnly) {
  EXPECT_EQ(labels(integer_axis("epoch", 1, 5, 10)), (std::vector<std::string>{"1", "2", "3", "4", "5"}));
  EXPECT_EQ(labels(integer_axis("epoch", 1, 30, 7)), (std::vector<std::string>{"5", "10", "15", "20", "25", "30"}));
  EXPECT_EQ(labels(integer_axis("epoch", 1, 1, 10)), (std::vector<std::string>{"1"}));
}

TEST(LogAxis, HoldsItsData) {
  const Axis axis = log_axis("pulses", 3, 420);
  EXPECT_LE(axis.low, 3);
  EXPECT_GE(axis.high, 420);
  EXPECT_NEAR(axis.fraction(std::sqrt(axis.low * axis.high)), 0.5, 1e-12);
  EXPECT_TRUE(std::isnan(axis.fraction(0)));
}

TEST(TimeAxis, SpeaksInUnitsOfTime) {
  EXPECT_EQ(labels(time_axis("age", 1, 31536000)),
            (std::vector<std::string>{"1 s", "1 min", "1 h", "1 d", "1 mo", "1 y"}));
  EXPECT_EQ(labels(time_axis("age", 25, 3e6)), (std::vector<std::string>{"1 min", "1 h", "1 d", "1 mo"}));
}

TEST(TimeAxis, IsFinerOverShortRanges) {
  EXPECT_EQ(labels(time_axis("age", 10, 3600)), (std::vector<std::string>{"10 s", "30 s", "1 min", "10 min", "1 h"}));
  EXPECT_FALSE(time_axis("age", 7000, 7000).ticks.empty());
  EXPECT_FALSE(time_axis("age", 7000, 7100).ticks.empty());
}

}  // namespace
}  // namespace ohmic::report
