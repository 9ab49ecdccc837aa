#include "ohmic/report/report.h"

#include <gtest/gtest.h>

#include <set>

#include "ohmic/report/html_page.h"
#include "ohmic/report/report_tables.h"
#include "ohmic/report/test_support.h"

namespace ohmic::report {
namespace {

std::string page_of(const std::vector<RunRecord>& runs) { return render_report(runs, "Title"); }

/// The cells of the row of `table` that names the run, without markup.
std::vector<std::string> row_cells(const std::string& html, std::string_view run_name) {
  const std::size_t start = html.find(run_name, html.find("<tbody>"));
  std::vector<std::string> cells;
  std::string text;
  bool in_tag = false;
  for (const char c : html.substr(start, html.find("</tr>", start) - start)) {
    if (c == '<') in_tag = true;
    if (!in_tag) text += c;
    if (c == '>') in_tag = false;
    if (c == '<' && !text.empty()) {
      cells.push_back(text);
      text.clear();
    }
  }
  return cells;
}

TEST(SummaryTable, ShowsTheNumbersOfTheRecord) {
  const std::vector<RunRecord> runs = {read_back(sample_run({.name = "mnist"}))};
  EXPECT_EQ(row_cells(summary_table(group_runs(runs)), "mnist"),
            (std::vector<std::string>{"mnist", "mixed precision", "PCM", "1", "3", "97.00\u00a0%", "97.00\u00a0%",
                                      " @ 3", "2.50", "30 min 0 s", "45.1 s", "30.1", "mnist"}));
}

TEST(SummaryTable, LeavesDashesForWhatIsNotRecorded) {
  RunRecord bare;
  bare.name = "bare";
  const std::vector<RunRecord> runs = {bare};
  EXPECT_EQ(row_cells(summary_table(group_runs(runs)), "bare"),
            (std::vector<std::string>{"bare", "–", "–", "–", "0", "–", "–", "–", "–", "–", "–", "–"}));
}

TEST(CountersTable, ShowsTheNumbersOfTheRecord) {
  const std::vector<RunRecord> runs = {read_back(sample_run({.name = "mnist"}))};
  EXPECT_EQ(row_cells(counters_table(group_runs(runs)), "mnist"),
            (std::vector<std::string>{"mnist", "720,000", "450,000", "35,776,800,000", "79,500"}));
}

TEST(UpdatesSaved, IsWeightsTimesSamplesOverPulses) {
  const RunRecord run = read_back(sample_run());
  // 3 epochs of any length N with 3, 2.5 and 2 pulses per sample.
  EXPECT_DOUBLE_EQ(updates_saved(run), 198760.0 * 3 / (3 + 2.5 + 2));
  EXPECT_TRUE(std::isnan(updates_saved(RunRecord{})));
  EXPECT_TRUE(std::isnan(updates_saved(read_back(sample_run({.rule = "sgd"})))));
}

TEST(RenderReport, IsWellFormedForAnyNumberOfRuns) {
  EXPECT_EQ(tag_imbalance(page_of({})), "");
  std::vector<RunRecord> runs;
  for (int k = 0; k < 20; ++k) {
    runs.push_back(
        read_back(sample_run({.name = fmt::format("run_{}", k), .learning_rate = 0.1 * k}), sample_deploy()));
  }
  EXPECT_EQ(tag_imbalance(page_of(runs)), "");
}

TEST(RenderReport, HasEverySection) {
  const std::string page = page_of({read_back(sample_run(), sample_deploy())});
  for (const char* heading : {"Summary", "Test accuracy", "Pulses per image", "Conductances and weights",
                              "Accuracy over time", "Operations", "Configuration"}) {
    EXPECT_NE(page.find(fmt::format("<h2>{}</h2>", heading)), std::string::npos) << heading;
  }
  EXPECT_NE(page.find("96.00\u00a0%<span class=\"sub\"> ± 0.05</span>"), std::string::npos);
}

TEST(RenderReport, RefersToNothingOutside) {
  const std::string page = page_of({read_back(sample_run(), sample_deploy())});
  for (const char* reference :
       {"http:", "https:", "src=", "href=", "@import", "<script", "<link", "<img", "javascript:"}) {
    EXPECT_EQ(page.find(reference), std::string::npos) << reference;
  }
  EXPECT_EQ(occurrences(page, "url("), occurrences(page, "url(#"));
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
}

TEST(RenderReport, UsesEveryIdOnce) {
  const std::string page =
      page_of({read_back(sample_run({.seed = 1}), sample_deploy()), read_back(sample_run({.learning_rate = 0.1})),
               read_back(sample_run({.rule = "sgd"}))});
  std::set<std::string> ids;
  for (std::size_t at = page.find(" id=\""); at != std::string::npos; at = page.find(" id=\"", at + 1)) {
    const std::string id = page.substr(at + 5, page.find('"', at + 5) - at - 5);
    EXPECT_TRUE(ids.insert(id).second) << id;
  }
  EXPECT_FALSE(ids.empty());
}

TEST(RenderReport, MakesHostileNamesHarmless) {
  const std::string hostile = "</title></style><script>alert(1)</script><img src=x onerror=\"alert(2)\">'\" & \xFF";
  RunRecord run = read_back(sample_run(), sample_deploy());
  run.name = run.version = run.started = hostile;
  run.data = {hostile, hostile, true};
  run.machine = {hostile, 1, hostile};
  run.config.push_back({hostile, hostile});
  run.config[1].value = hostile;
  run.counters.push_back({hostile, 1});
  run.tiles[0].name = run.tiles[0].conductances.unit = hostile;
  run.deploy[0].at = run.deploy[0].compensate = hostile;
  const std::string page = render_report(std::vector{run}, hostile);
  EXPECT_EQ(tag_imbalance(page), "");
  for (const char* markup : {"<script", "<img", "</title></style>", "\xFF"})
    EXPECT_EQ(page.find(markup), std::string::npos) << markup;
}

TEST(RenderReport, WarnsOfSyntheticData) {
  Json run = sample_run({.name = "quick"});
  EXPECT_EQ(page_of({read_back(run)}).find("Synthetic data."), std::string::npos);
  run["data"]["synthetic"] = true;
  const std::string page = page_of({read_back(run)});
  EXPECT_NE(page.find("<strong>Synthetic data.</strong> quick:"), std::string::npos);
}

TEST(RenderReport, ShowsWhatIsNotFinished) {
  Json run = sample_run();
  run["status"] = "interrupted";
  run["config"]["training"]["epochs"] = 30;
  const std::string page = page_of({read_back(run)});
  EXPECT_NE(page.find("<strong>Not finished.</strong>"), std::string::npos);
  EXPECT_NE(page.find("class=\"pill\">interrupted</span>"), std::string::npos);
  EXPECT_NE(page.find("3 of 30"), std::string::npos);
}

TEST(RenderReport, SurvivesEveryMissingPart) {
  const Json whole = sample_run();
  for (const auto& [key, value] : whole.items()) {
    if (key == "format") continue;
    Json part = whole;
    part.erase(key);
    EXPECT_EQ(tag_imbalance(page_of({read_back(part)})), "") << key;
  }
  const std::string page = page_of({read_back({{"format", 1}})});
  EXPECT_EQ(tag_imbalance(page), "");
  EXPECT_EQ(occurrences(page, "Not recorded."), 2u) << "accuracy and operations";
  EXPECT_EQ(page.find("<svg"), std::string::npos);
}

TEST(RenderReport, SurvivesNotANumber) {
  RunRecord run = read_back(sample_run(), sample_deploy());
  run.epochs[1] = {.epoch = 2};
  run.epochs.push_back({});
  run.weights = run.wall_seconds = kNotRecorded;
  run.tiles[0].conductances.g_plus[0] = kNotRecorded;
  run.tiles[1].conductances.edges.pop_back();
  run.deploy[2].accuracy_std = run.deploy[1].accuracy_mean = run.deploy[3].at_seconds = kNotRecorded;
  const std::string page = page_of({run});
  EXPECT_EQ(tag_imbalance(page), "");
  EXPECT_EQ(page.find("nan"), std::string::npos);
  EXPECT_EQ(page.find("inf\""), std::string::npos);
}

TEST(RenderReport, ZoomsPastADivergedRunAndSaysSo) {
  std::vector<RunRecord> runs = {read_back(sample_run({.name = "a"})),
                                 read_back(sample_run({.name = "b", .cell = "rram"}))};
  EXPECT_EQ(page_of(runs).find("named at its foot"), std::string::npos);
  runs.push_back(read_back(sample_run({.name = "diverged", .cell = "ideal", .accuracy = 0.11})));
  const std::string page = page_of(runs);
  EXPECT_NE(page.find("the runs named at its foot lie below it"), std::string::npos);
  EXPECT_NE(page.find("diverged</text>"), std::string::npos);
}

TEST(RenderReport, DrawsTheDigitalLevelOnEqualDataOnly) {
  Json digital = sample_run({.name = "digital", .rule = "sgd"});
  const RunRecord deployed = read_back(sample_run(), sample_deploy());
  const auto levels = [&] {
    const std::string page = page_of({deployed, read_back(digital)});
    const std::size_t start = page.find("<h2>Accuracy over time</h2>");
    return occurrences(page.substr(start, page.find("</section>", start) - start), ">digital</text>");
  };
  EXPECT_EQ(levels(), 2u) << "in the wide and in the narrow chart";
  digital["data"]["name"] = "cifar10";
  EXPECT_EQ(levels(), 0u);
}

TEST(RenderReport, LeavesOutWhatADigitalRunLacks) {
  const std::string page = page_of({read_back(sample_run({.name = "fp32", .rule = "sgd"}))});
  EXPECT_EQ(page.find("<h2>Pulses per image</h2>"), std::string::npos);
  EXPECT_EQ(page.find("<h2>Conductances and weights</h2>"), std::string::npos);
}

TEST(RenderReport, IsTheSameEveryTime) {
  const std::vector<RunRecord> runs = {read_back(sample_run(), sample_deploy())};
  EXPECT_EQ(page_of(runs), page_of(runs));
}

TEST(StyleSheet, HasBothThemesAndPrint) {
  const std::string css = style_sheet();
  EXPECT_NE(css.find("prefers-color-scheme:dark"), std::string::npos);
  EXPECT_NE(css.find("@media print"), std::string::npos);
  EXPECT_EQ(occurrences(css, "{"), occurrences(css, "}"));
}

}  // namespace
}  // namespace ohmic::report
