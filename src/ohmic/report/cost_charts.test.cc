#include "ohmic/report/cost_charts.h"

#include <gtest/gtest.h>

#include <string>

namespace ohmic::report {
namespace {

std::size_t times_in(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(CostCharts, StackedBarsShowEachPartAndTheLegend) {
  StackedBars chart;
  chart.label = {"bars", "Energy <by> layer", "bars"};
  chart.axis = "nJ";
  chart.legend = {{0, "array"}, {2, "ADC"}};
  for (int b = 0; b < 3; ++b) {
    chart.bars.push_back(
        {"layer " + std::to_string(b), "3 nJ", {{1, 0, "array"}, {2, 2, "ADC: 2 nJ"}, {0, 1, "none"}}});
  }
  const std::string svg = render_stacked_bars(chart);
  EXPECT_EQ(times_in(svg, "class=\"mark k0\""), 4u);  // three bars and the legend
  EXPECT_EQ(times_in(svg, "class=\"mark k1\""), 0u);
  EXPECT_EQ(times_in(svg, "<title>ADC: 2 nJ</title>"), 3u);
  EXPECT_NE(svg.find(">layer 2<"), std::string::npos);
  EXPECT_EQ(svg.find("<by>"), std::string::npos);
}

TEST(CostCharts, FlowDrawsABandWhereSomethingFlows) {
  FlowChart chart;
  chart.label = {"flow", "flow", "flow"};
  chart.from = {{"array", "1 nJ", 0}, {"ADC", "3 nJ", 2}};
  chart.to = {{"forward", "3 nJ", 6}, {"update", "1 nJ", 6}};
  chart.bands = {
      {0, 0, 1, "array, forward"}, {1, 0, 2, "ADC, forward"}, {1, 1, 1, "ADC, update"}, {0, 1, 0, "nothing"}};
  const std::string svg = render_flow(chart);
  EXPECT_EQ(times_in(svg, "class=\"fill k"), 3u);
  EXPECT_EQ(times_in(svg, "class=\"mark k"), 4u);
  EXPECT_EQ(svg.find("nothing"), std::string::npos);
  EXPECT_NE(svg.find("ADC  3 nJ"), std::string::npos);
}

TEST(CostCharts, TornadoHasTwoSidesAndReferences) {
  TornadoChart chart;
  chart.label = {"tornado", "tornado", "tornado"};
  chart.axis = "ratio";
  chart.middle = 50;
  chart.bars = {{"adc", 80, 20, "adc"}, {"mac", 40, 60, "mac"}};
  chart.references = {{172, "published 172"}};
  const std::string svg = render_tornado(chart);
  // Two bars and the legend.
  EXPECT_EQ(times_in(svg, "class=\"mark k0\""), 3u);
  EXPECT_EQ(times_in(svg, "class=\"mark k1\""), 3u);
  EXPECT_NE(svg.find("published 172"), std::string::npos);
}

}  // namespace
}  // namespace ohmic::report
