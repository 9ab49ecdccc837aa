// Does the page of a fitted cell show what it was given, and stay whole where there is little to show?

#include "ohmic/report/fit_page.h"

#include <gtest/gtest.h>

#include "ohmic/report/test_support.h"

namespace ohmic {
namespace {

FitPageData some_page() {
  FitPageData page;
  page.title = "Fitted cell: <mine>";
  page.finding = "It fits.";
  page.facts = {"m.csv", "10 cells"};
  page.warnings = {"only 10 cells & few"};
  page.constants = {{"step_mean_slope", "mean step per conductance", "-0.084", "-0.09 to -0.08", "1", "derived", ""}};
  for (int n = 0; n < 12; ++n) {
    const double mean = 1 + n;
    page.pulses.push_back({mean - 1,
                           10,
                           mean,
                           0.5,
                           mean + 0.1,
                           0.6,
                           0.1,
                           0.4,
                           1.0,
                           {mean - 1, mean, mean + 1},
                           {mean - 0.5, mean + 0.5}});
    page.steps.push_back({mean, 20, 0.5, 0.3, 0.6, 0.3});
    page.data_residuals.push_back(-2 + 0.3 * n);
    page.model_residuals.push_back(-2 + 0.3 * n);
  }
  page.drift = {{5, {1, 100}, {3, 2.5}, {3, 2.5}}};
  return page;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(FitPage, ShowsEverySectionOnce) {
  const std::string html = render_fit_page(some_page());
  for (const char* heading : {"Conductance by number of pulses", "One step", "Distribution of conductances",
                              "Prediction errors", "Drift", "Constants", "Numbers"}) {
    EXPECT_EQ(count(html, std::string("<h2>") + heading + "</h2>"), 1u) << heading;
  }
  EXPECT_NE(html.find("-0.09 to -0.08"), std::string::npos);
  EXPECT_NE(html.find(">RESET<"), std::string::npos);
  EXPECT_EQ(count(html, "<svg"), count(html, "</svg>"));
  EXPECT_EQ(html.find("nan"), std::string::npos);
}

TEST(FitPage, EscapesWhatItIsGiven) {
  const std::string html = render_fit_page(some_page());
  EXPECT_NE(html.find("Fitted cell: &lt;mine&gt;"), std::string::npos);
  EXPECT_NE(html.find("few"), std::string::npos);
  EXPECT_EQ(html.find("<mine>"), std::string::npos);
  EXPECT_EQ(html.find("cells & few"), std::string::npos);
}

TEST(FitPage, LeavesOutWhatThereIsNothingOf) {
  FitPageData page = some_page();
  page.drift.clear();
  page.steps.clear();
  page.data_residuals.clear();
  const std::string html = render_fit_page(page);
  for (const char* heading : {"Drift", "One step", "Prediction errors"}) {
    EXPECT_EQ(count(html, std::string("<h2>") + heading + "</h2>"), 0u) << heading;
  }
}

TEST(FitPage, CellsAllAlikeStillHaveADistribution) {
  FitPageData page = some_page();
  for (auto& pulse : page.pulses) pulse.data = pulse.model = {2.0, 2.0};
  EXPECT_EQ(render_fit_page(page).find("nan"), std::string::npos);
}

}  // namespace
}  // namespace ohmic
