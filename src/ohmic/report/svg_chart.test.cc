#include "ohmic/report/svg_chart.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ohmic/report/svg_histogram.h"
#include "ohmic/report/test_support.h"

namespace ohmic::report {
namespace {

constexpr double kNoY = std::numeric_limits<double>::quiet_NaN();

LineChart sample_chart() {
  Series series;
  series.label = "PCM & <co>";
  series.value = "97.80";
  series.points = {{1, 96, 95, 97, "epoch 1"}, {2, kNoY}, {3, 98}, {4, 97}};
  return {{"chart", "Accuracy <by> epoch", "Ends at 97"},
          integer_axis("epoch", 1, 4, 8),
          linear_axis("accuracy, %", 95, 98, 6),
          {series}};
}

TEST(RenderLineChart, IsWellFormedAndEscaped) {
  for (const ChartSize size : {ChartSize::wide, ChartSize::narrow}) {
    const std::string svg = render_line_chart(sample_chart(), size);
    EXPECT_EQ(tag_imbalance(svg), "");
    EXPECT_NE(svg.find("PCM &amp; &lt;co&gt;"), std::string::npos);
    EXPECT_NE(svg.find("role=\"img\""), std::string::npos);
    EXPECT_NE(svg.find("Accuracy &lt;by&gt; epoch</title>"), std::string::npos);
    EXPECT_NE(svg.find("accuracy, %"), std::string::npos);
  }
}

TEST(RenderLineChart, BreaksTheLineAtNotANumber) {
  const std::string svg = render_line_chart(sample_chart(), ChartSize::wide);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
  const std::size_t line = svg.find("class=\"line\"");
  const std::string path = svg.substr(line, svg.find("/>", line) - line);
  EXPECT_EQ(occurrences(path, "M"), 2u) << path;
  EXPECT_EQ(occurrences(svg, "class=\"mark\""), 3u);
}

TEST(RenderLineChart, ShowsTooltipsBandsAndBars) {
  LineChart chart = sample_chart();
  chart.series[0].points[3].low = 96;
  chart.series[0].points[3].high = 98;
  chart.series[0].extent = Extent::band;
  EXPECT_EQ(occurrences(render_line_chart(chart, ChartSize::wide), "class=\"band\""), 1u);
  chart.series[0].extent = Extent::error_bars;
  const std::string svg = render_line_chart(chart, ChartSize::wide);
  EXPECT_EQ(occurrences(svg, "class=\"bar\""), 6u) << "a stem and two caps for each of two points";
  EXPECT_NE(svg.find("<title>epoch 1</title>"), std::string::npos);
}

TEST(RenderLineChart, LeavesOutMarkersBeyondTheFrame) {
  LineChart chart = sample_chart();
  chart.series[0].points.push_back({4, 12});
  EXPECT_EQ(occurrences(render_line_chart(chart, ChartSize::wide), "class=\"mark\""), 3u);
}

TEST(RenderLineChart, GrowsWithTheNumberOfSeries) {
  LineChart chart = sample_chart();
  chart.series.resize(40, chart.series[0]);
  const std::string svg = render_line_chart(chart, ChartSize::wide);
  EXPECT_NE(svg.find("viewBox=\"0 0 960 830\""), std::string::npos) << "18 px for each of 40 labels, and 110";
}

HistogramPanel sample_panel() {
  return {"dense_1", "785 × 250", {0, 1, 2, 3}, {"G⁺", ", mean 1.4 µS", 0, {5, 10, 1}}, {"G⁻", "", 1, {4, 9, 0}}};
}

TEST(RenderHistogramStack, IsWellFormed) {
  const std::string svg =
      render_histogram_stack({{"h", "Cells", ""}, "conductance, µS", "cells", {sample_panel(), sample_panel()}});
  EXPECT_EQ(tag_imbalance(svg), "");
  EXPECT_EQ(occurrences(svg, "class=\"step\""), 4u);
  EXPECT_NE(svg.find("<title>1 to 2: G⁺ 10, G⁻ 9</title>"), std::string::npos);
}

TEST(RenderHistogramStack, IsEmptyWithoutCounts) {
  HistogramPanel empty = sample_panel();
  empty.upper.counts = {0, 0, 0};
  empty.lower.counts.clear();
  EXPECT_EQ(render_histogram_stack({{"h", "Cells", ""}, "", "", {empty}}), "");
  EXPECT_EQ(render_histogram_stack({{"h", "Cells", ""}, "", "", {}}), "");
}

TEST(NeedsLogCounts, LooksForAPeakBeforeALongTail) {
  HistogramPanel panel = sample_panel();
  EXPECT_FALSE(needs_log_counts({panel}));
  panel.upper.counts.assign(20, 1);
  EXPECT_FALSE(needs_log_counts({panel}));
  panel.upper.counts[0] = 10000;
  EXPECT_TRUE(needs_log_counts({panel}));
}

}  // namespace
}  // namespace ohmic::report
