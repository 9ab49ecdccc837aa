#include "ohmic/report/chip_charts.h"

#include <gtest/gtest.h>

#include <string>

namespace ohmic::report {
namespace {

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(ChipCharts, GanttHasABarPerStageAndSample) {
  GanttChart chart;
  chart.label = {"gantt", "What <when>", "stages"};
  chart.end = 100;
  for (int r = 0; r < 3; ++r) {
    GanttRow row{"stage " + std::to_string(r), {}};
    for (int s = 0; s < 4; ++s) row.bars.push_back({10.0 * s, 10.0 * s + 30, s, "sample " + std::to_string(s)});
    chart.rows.push_back(row);
  }
  const std::string svg = render_gantt(chart);
  EXPECT_EQ(occurrences(svg, "class=\"mark k"), 12u);
  EXPECT_EQ(occurrences(svg, "<title>sample 2</title>"), 3u);
  EXPECT_NE(svg.find(">stage 2<"), std::string::npos);
  EXPECT_EQ(svg.find("<when>"), std::string::npos);
}

TEST(ChipCharts, FloorPlanHasEveryCoreAndLink) {
  FloorPlan plan;
  plan.label = {"floor", "Where", "cores"};
  plan.columns = 3;
  for (int c = 0; c < 7; ++c) plan.cores.push_back({c < 6 ? c : -1, "core " + std::to_string(c)});
  plan.links = {{0, 1, 1.0, "busiest"}, {1, 4, 0.2, "quiet"}};
  const std::string svg = render_floor_plan(plan);
  EXPECT_EQ(occurrences(svg, "class=\"mark k"), 6u);  // the seventh is not in use
  EXPECT_EQ(occurrences(svg, "class=\"grid\""), 1u);
  EXPECT_EQ(occurrences(svg, "class=\"fill k0\""), 2u);
  EXPECT_NE(svg.find("<title>busiest</title>"), std::string::npos);
}

}  // namespace
}  // namespace ohmic::report
