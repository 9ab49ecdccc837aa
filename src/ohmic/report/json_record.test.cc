#include "ohmic/report/json_record.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ohmic/core/error.h"
#include "ohmic/report/test_support.h"

namespace ohmic::report {
namespace {

/// The message of the Error that reading the folder throws, or empty.
std::string refusal(const TemporaryFolder& folder) {
  try {
    read_run(folder.path());
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

std::string refusal_of(const Json& run) {
  const TemporaryFolder folder;
  folder.write("run.json", run.dump());
  return refusal(folder);
}

TEST(ReadRun, ReadsEverything) {
  const RunRecord run = read_back(sample_run(), sample_deploy());
  EXPECT_EQ(run.name, "mnist_mixed_precision");
  EXPECT_EQ(run.status, RunStatus::finished);
  EXPECT_EQ(run.seed, 1u);
  EXPECT_EQ(run.machine.instruction_set, "avx512");
  EXPECT_EQ(run.data.name, "mnist");
  EXPECT_FALSE(run.data.synthetic);
  ASSERT_EQ(run.epochs.size(), 3u);
  EXPECT_DOUBLE_EQ(run.epochs[2].test_accuracy, 0.97);
  EXPECT_DOUBLE_EQ(run.epochs[2].pulses_per_sample, 2.0);
  EXPECT_DOUBLE_EQ(run.counter("set_pulses"), 450000);
  EXPECT_TRUE(std::isnan(run.counter("no such counter")));
  EXPECT_DOUBLE_EQ(run.bytes_per_weight, 30.1);
  ASSERT_EQ(run.tiles.size(), 2u);
  EXPECT_EQ(run.tiles[1].name, "dense_2");
  EXPECT_EQ(run.tiles[0].conductances.g_plus, (std::vector<double>{100, 40, 3}));
  ASSERT_EQ(run.deploy.size(), 6u);
  EXPECT_DOUBLE_EQ(run.deploy[5].accuracy_mean, 0.96);
  EXPECT_DOUBLE_EQ(run.deploy[5].draws, 10) << "from the head of the file";
}

TEST(ReadRun, FlattensTheConfiguration) {
  const RunRecord run = read_back(sample_run());
  EXPECT_EQ(run.setting("training.rule"), "mixed_precision");
  EXPECT_EQ(run.setting("training.learning_rate"), "0.4");
  EXPECT_EQ(run.setting("network.layers.1.units"), "10");
  EXPECT_EQ(run.setting("absent"), "");
}

TEST(ReadRun, TakesAbsentAndNullForNotRecorded) {
  Json run = {{"format", 1}, {"weights", nullptr}, {"epochs", {{{"epoch", 1}, {"test_accuracy", nullptr}}}}};
  const RunRecord record = read_back(run);
  EXPECT_TRUE(std::isnan(record.weights));
  EXPECT_TRUE(std::isnan(record.wall_seconds));
  ASSERT_EQ(record.epochs.size(), 1u);
  EXPECT_TRUE(std::isnan(record.epochs[0].test_accuracy));
  EXPECT_FALSE(record.seed.has_value());
  EXPECT_FALSE(record.name.empty()) << "the folder's name stands in";
}

TEST(ReadRun, KeepsTheWholeSeed) {
  Json run = sample_run();
  run["seed"] = 18446744073709551615u;
  EXPECT_EQ(read_back(run).seed, 18446744073709551615u);
}

TEST(ReadRun, NamesAMissingFolder) {
  EXPECT_THROW(read_run("no/such/folder"), Error);
  const TemporaryFolder empty;
  EXPECT_NE(refusal(empty).find("no run.json"), std::string::npos);
}

TEST(ReadRun, NamesADamagedFile) {
  const std::string whole = sample_run().dump();
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, whole.size() / 2, whole.size() - 1}) {
    const TemporaryFolder folder;
    folder.write("run.json", whole.substr(0, length));
    EXPECT_NE(refusal(folder).find("run.json"), std::string::npos) << length << " bytes";
  }
}

TEST(ReadRun, NamesADamagedDeployment) {
  const TemporaryFolder folder;
  folder.write("run.json", sample_run().dump());
  folder.write("deploy.json", "{\"format\": 1, \"results\": [{\"accuracy_mean\": \"high\"}]}");
  const std::string message = refusal(folder);
  EXPECT_NE(message.find("deploy.json: results[0]: accuracy_mean is \"high\""), std::string::npos) << message;
}

TEST(ReadRun, RefusesWhatItCannotMean) {
  const auto with = [](const char* key, Json value) {
    Json run = sample_run();
    run[key] = std::move(value);
    return refusal_of(run);
  };
  EXPECT_NE(with("format", 2).find("format is 2"), std::string::npos);
  EXPECT_NE(with("format", nullptr).find("format is absent"), std::string::npos);
  EXPECT_NE(with("status", "done").find("status is \"done\""), std::string::npos);
  EXPECT_NE(with("seed", -1).find("seed is -1"), std::string::npos);
  EXPECT_NE(with("epochs", 3).find("epochs is 3"), std::string::npos);
  EXPECT_NE(with("epochs", {{{"epoch", 1}, {"test_accuracy", 97.8}}}).find("epochs[0]: test_accuracy is 97.8"),
            std::string::npos);
  EXPECT_NE(with("epochs", {{{"test_accuracy", 0.9}}}).find("epoch is absent"), std::string::npos);
  EXPECT_NE(with("counters", {{"mvm", "many"}}).find("mvm is \"many\""), std::string::npos);
  EXPECT_NE(with("config", "none").find("config is \"none\""), std::string::npos);
}

TEST(ReadRun, RefusesBrokenHistograms) {
  const auto with = [](const char* key, Json value) {
    Json run = sample_run();
    run["tiles"][0]["conductance_histogram"][key] = std::move(value);
    return refusal_of(run);
  };
  EXPECT_NE(with("g_plus", {1, 2}).find("2 counts for 4 edges"), std::string::npos);
  EXPECT_NE(with("g_minus", {1, -2, 3}).find("must not be negative"), std::string::npos);
  EXPECT_NE(with("edges", {0, 5, 5, 15}).find("must increase"), std::string::npos);
}

TEST(ReadRun, RefusesNotANumberAndOverflow) {
  for (const char* value : {"NaN", "Infinity", "1e999"}) {
    const TemporaryFolder folder;
    folder.write("run.json", fmt::format("{{\"format\": 1, \"weights\": {}}}", value));
    EXPECT_NE(refusal(folder).find("run.json"), std::string::npos) << value;
  }
}

TEST(ReadRun, RefusesEndlessNesting) {
  const TemporaryFolder folder;
  folder.write("run.json", "{\"format\":1,\"config\":" + std::string(100000, '[') + std::string(100000, ']') + "}");
  EXPECT_NE(refusal(folder).find("nested deeper"), std::string::npos);
}

TEST(ReadRun, TakesEpochsFromMetrics) {
  Json run = sample_run();
  run.erase("epochs");
  run["status"] = "running";
  const TemporaryFolder folder;
  folder.write("run.json", run.dump());
  folder.write("metrics.jsonl",
               sample_epoch({}, 1).dump() + "\n" + sample_epoch({}, 2).dump() + "\n{\"epoch\": 3, \"te");
  const RunRecord record = read_run(folder.path());
  ASSERT_EQ(record.epochs.size(), 2u) << "the torn line does not count";
  EXPECT_EQ(record.status, RunStatus::running);
}

TEST(ReadRun, CountsARepeatedEpochOnce) {
  Json run = sample_run();
  run.erase("epochs");
  const TemporaryFolder folder;
  folder.write("run.json", run.dump());
  folder.write("metrics.jsonl",
               "{\"epoch\": 1, \"test_accuracy\": 0.9}\n{\"epoch\": 2, \"test_accuracy\": 0.91}\n\n"
               "{\"epoch\": 2, \"test_accuracy\": 0.92}\r\n");
  const RunRecord record = read_run(folder.path());
  ASSERT_EQ(record.epochs.size(), 2u);
  EXPECT_DOUBLE_EQ(record.epochs[1].test_accuracy, 0.92);
}

TEST(ReadRun, RefusesDamageBeforeTheLastMetricsLine) {
  Json run = sample_run();
  run["epochs"] = Json::array();
  const TemporaryFolder folder;
  folder.write("run.json", run.dump());
  folder.write("metrics.jsonl", sample_epoch({}, 1).dump() + "\n{\"epo\n" + sample_epoch({}, 3).dump() + "\n");
  EXPECT_NE(refusal(folder).find("metrics.jsonl:2"), std::string::npos);
}

}  // namespace
}  // namespace ohmic::report
