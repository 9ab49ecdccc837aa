#include "ohmic/report/finding.h"

#include <gtest/gtest.h>

#include "ohmic/report/test_support.h"

namespace ohmic::report {
namespace {

std::string finding_of(const std::vector<RunRecord>& runs) { return finding(group_runs(runs)); }

TEST(Finding, SaysWhatOneRunReaches) {
  EXPECT_EQ(finding_of({read_back(sample_run())}),
            "PCM reaches 97.0\u00a0% after 3 epochs, with 2.5 pulses per image.");
}

TEST(Finding, ComparesWithFloatingPoint) {
  const RunRecord digital = read_back(sample_run({.name = "fp32", .rule = "sgd", .accuracy = 0.983}));
  EXPECT_EQ(finding_of({digital, read_back(sample_run())}),
            "PCM reaches 97.0\u00a0% after 3 epochs, 1.3 points under fp32, with 2.5 pulses per image.");
  EXPECT_EQ(finding_of({digital}), "fp32 reaches 98.3\u00a0% after 3 epochs.");
}

TEST(Finding, SaysWhenFloatingPointHadOtherEpochs) {
  Json digital = sample_run({.name = "fp32", .rule = "sgd", .accuracy = 0.983});
  digital["epochs"].erase(digital["epochs"].size() - 1);
  const std::string text = finding_of({read_back(digital), read_back(sample_run())});
  EXPECT_NE(text.find("points under fp32 after 2 epochs, with"), std::string::npos) << text;
}

TEST(Finding, ComparesOnEqualDataOnly) {
  Json digital = sample_run({.name = "fp32", .rule = "sgd", .accuracy = 0.983});
  digital["data"]["name"] = "cifar10";
  EXPECT_EQ(finding_of({read_back(digital), read_back(sample_run())}),
            "On mnist, PCM reaches 97.0\u00a0% after 3 epochs, with 2.5 pulses per image.");
}

TEST(Finding, NeverBoastsOfSyntheticData) {
  Json synthetic = sample_run({.name = "easy", .accuracy = 0.985});
  synthetic["data"]["synthetic"] = true;
  EXPECT_TRUE(finding_of({read_back(synthetic)}).starts_with("On synthetic data, PCM reaches 98.5"));
  EXPECT_TRUE(finding_of({read_back(synthetic), read_back(sample_run())}).starts_with("On mnist, PCM reaches 97.0"));
}

TEST(Finding, NamesTheBestOfSeveral) {
  EXPECT_TRUE(finding_of({read_back(sample_run({.name = "a", .cell = "rram", .accuracy = 0.95})),
                          read_back(sample_run({.name = "b"}))})
                  .starts_with("The best of 2 analog configurations, b, reaches 97.0"));
}

TEST(Finding, PrefersADeviceToTheIdealCell) {
  const RunRecord ideal = read_back(sample_run({.name = "ideal", .cell = "ideal", .accuracy = 0.98}));
  EXPECT_TRUE(finding_of({ideal, read_back(sample_run())}).starts_with("PCM reaches 97.0"));
  EXPECT_TRUE(finding_of({ideal}).starts_with("The ideal cell reaches 98.0"));
}

TEST(Finding, AveragesSeeds) {
  EXPECT_TRUE(finding_of({read_back(sample_run({.seed = 1, .accuracy = 0.96})),
                          read_back(sample_run({.seed = 2, .accuracy = 0.97}))})
                  .starts_with("PCM reaches 96.5\u00a0% after 3 epochs (mean of 2 runs)"));
}

TEST(Finding, SaysWhatIsLeftAfterTheLongestAge) {
  const std::string text = finding_of({read_back(sample_run(), sample_deploy())});
  EXPECT_TRUE(text.ends_with(", and keeps 96.0\u00a0% at an age of 1\u00a0y with GDC.")) << text;
}

TEST(Finding, AdmitsThatARunGoesOn) {
  Json run = sample_run();
  run["status"] = "running";
  run["config"]["training"]["epochs"] = 30;
  EXPECT_TRUE(finding_of({read_back(run)}).starts_with("PCM is at 97.0\u00a0% after 3 of 30 epochs"));
}

TEST(Finding, HasNothingToSayWithoutEpochs) {
  Json run = sample_run();
  run["epochs"] = Json::array();
  EXPECT_EQ(finding_of({read_back(run)}), "No test accuracy is recorded yet.");
  EXPECT_EQ(finding_of({}), "No test accuracy is recorded yet.");
}

TEST(AgeText, PutsASpaceBeforeTheUnit) {
  EXPECT_EQ(age_text("1mo", 2592000), "1\u00a0mo");
  EXPECT_EQ(age_text("2.5h", 9000), "2.5\u00a0h");
  EXPECT_EQ(age_text("fresh", 0), "fresh");
  EXPECT_EQ(age_text("", 45), "45.0 s");
}

}  // namespace
}  // namespace ohmic::report
