#include "ohmic/report/run_groups.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ohmic/report/palette.h"
#include "ohmic/report/test_support.h"

namespace ohmic::report {
namespace {

TEST(GroupRuns, PoolsSeeds) {
  std::vector<RunRecord> runs;
  for (int seed = 1; seed <= 3; ++seed)
    runs.push_back(read_back(sample_run({.seed = seed, .accuracy = 0.96 + 0.01 * seed})));
  const std::vector<RunGroup> groups = group_runs(runs);
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].label, "mnist_mixed_precision (3 seeds)");
  const std::vector<Spread> spread = spread_over_epochs(groups[0], &EpochRecord::test_accuracy);
  ASSERT_EQ(spread.size(), 3u);
  EXPECT_NEAR(spread[2].mean, 0.98, 1e-12);
  EXPECT_NEAR(spread[2].low, 0.97, 1e-12);
  EXPECT_NEAR(spread[2].high, 0.99, 1e-12);
  EXPECT_EQ(spread[2].count, 3);
}

TEST(GroupRuns, NamesAGroupOfManyNamesByRuleAndDevice) {
  const std::vector<RunRecord> runs = {read_back(sample_run({.name = "a", .seed = 1})),
                                       read_back(sample_run({.name = "b", .seed = 2}))};
  EXPECT_EQ(group_runs(runs)[0].label, "mixed precision, PCM (2 seeds)");
}

TEST(GroupRuns, SeparatesWhatDiffersAndSaysHow) {
  const std::vector<RunRecord> runs = {read_back(sample_run({.learning_rate = 0.2})),
                                       read_back(sample_run({.learning_rate = 0.4}))};
  const std::vector<RunGroup> groups = group_runs(runs);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].name, "mnist_mixed_precision, learning rate 0.2");
  EXPECT_EQ(groups[1].label, "learning rate 0.4");
}

TEST(GroupRuns, OverlooksSettingsThatChangeNoResult) {
  Json other = sample_run({.seed = 2});
  other["config"]["training"]["checkpoint_every_s"] = 5;
  other["config"]["data"]["when_missing"] = "fail";
  const std::vector<RunRecord> runs = {read_back(sample_run({.seed = 1})), read_back(other)};
  EXPECT_EQ(group_runs(runs).size(), 1u);
}

TEST(GroupRuns, NeverMixesRealAndSyntheticData) {
  Json synthetic = sample_run();
  synthetic["data"]["synthetic"] = true;
  const std::vector<RunRecord> runs = {read_back(sample_run()), read_back(synthetic)};
  const std::vector<RunGroup> groups = group_runs(runs);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_NE(groups[0].label, groups[1].label);
}

TEST(GroupRuns, LeavesRunsWithoutConfigurationAlone) {
  Json bare = sample_run();
  bare.erase("config");
  const std::vector<RunRecord> runs = {read_back(bare), read_back(bare)};
  EXPECT_EQ(group_runs(runs).size(), 2u);
}

TEST(GroupRuns, DrawsFloatingPointInGrey) {
  const std::vector<RunRecord> runs = {read_back(sample_run({.name = "fp32", .rule = "sgd"})), read_back(sample_run())};
  const std::vector<RunGroup> groups = group_runs(runs);
  EXPECT_EQ(groups[0].colour, kNeutralColour);
  EXPECT_TRUE(groups[0].is_digital);
  EXPECT_EQ(device_name(runs[0]), "") << "the configured device took no part";
  EXPECT_EQ(groups[1].colour, 0);
}

TEST(RunQuantities, IgnoreNotANumber) {
  RunRecord run;
  run.epochs = {{.epoch = 1, .test_accuracy = 0.9, .pulses_per_sample = 4, .seconds = 10},
                {.epoch = 2, .test_accuracy = 0.8, .pulses_per_sample = 2, .seconds = 20},
                {.epoch = 3}};
  EXPECT_DOUBLE_EQ(final_epoch(run)->test_accuracy, 0.8);
  EXPECT_DOUBLE_EQ(best_epoch(run)->test_accuracy, 0.9);
  EXPECT_DOUBLE_EQ(mean_pulses(run), 3);
  EXPECT_DOUBLE_EQ(chip_seconds(run), 20) << "the clock runs on from epoch to epoch";
  const RunRecord empty;
  EXPECT_EQ(final_epoch(empty), nullptr);
  EXPECT_EQ(best_epoch(empty), nullptr);
  EXPECT_TRUE(std::isnan(mean_pulses(empty)));
  EXPECT_TRUE(std::isnan(chip_seconds(empty)));
}

TEST(AgedAccuracy, PoolsVarianceWithinAndBetweenRuns) {
  Json lower = sample_deploy();
  for (Json& result : lower["results"]) result["accuracy_mean"] = result["accuracy_mean"].get<double>() - 0.002;
  const std::vector<RunRecord> runs = {read_back(sample_run({.seed = 1}), sample_deploy()),
                                       read_back(sample_run({.seed = 2}), lower)};
  const RunGroup group = group_runs(runs)[0];
  EXPECT_EQ(compensations(group), (std::vector<std::string>{"none", "gdc"}));
  const std::vector<AgedAccuracy> ages = aged_accuracy(group, "gdc");
  ASSERT_EQ(ages.size(), 3u);
  EXPECT_DOUBLE_EQ(ages[2].seconds, 31536000);
  EXPECT_NEAR(ages[2].mean, 0.959, 1e-12);
  EXPECT_NEAR(ages[2].stddev, std::hypot(0.0005, 0.001), 1e-12);
  EXPECT_DOUBLE_EQ(ages[2].draws, 20);
}

}  // namespace
}  // namespace ohmic::report
