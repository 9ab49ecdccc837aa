// Does `ohmic train` do its job with every kind of setting?

#include "runs.h"

namespace ohmic::test {
namespace {

class Train : public ProgramTest {
 protected:
  /// The metrics of a training of 600 digits; the files of the run are looked at on the way.
  std::vector<Json> learn(const std::string& experiment, const Arguments& more = {}) const {
    succeed(small_training(text("run"), set("data.train_limit=600") + set("data.test_limit=200") + more, experiment));
    return read_json_lines(path("run/metrics.jsonl"));
  }
};

void expect_epoch(const Json& line, int epoch) {
  EXPECT_EQ(line.at("epoch"), epoch);
  for (const char* key : {"train_accuracy", "test_accuracy"}) {
    EXPECT_GE(line.at(key), 0) << key;
    EXPECT_LE(line.at(key), 1) << key;
  }
  for (const char* key : {"train_loss", "pulses_per_sample", "refreshed_pairs", "seconds"}) {
    EXPECT_GE(line.at(key), 0) << key;
  }
}

// One of ten digits is right by chance.
void expect_learnt(const std::vector<Json>& epochs, double least_accuracy = 0.5) {
  ASSERT_FALSE(epochs.empty());
  for (std::size_t e = 0; e < epochs.size(); ++e) expect_epoch(epochs[e], static_cast<int>(e) + 1);
  EXPECT_GT(epochs.back().at("test_accuracy"), least_accuracy);
  EXPECT_GT(epochs.back().at("train_accuracy"), epochs.front().at("train_accuracy"));
}

TEST_F(Train, WritesARunFolderThatDescribesTheRun) {
  succeed(small_training(text("run")));
  const Json record = read_json(path("run/run.json"));
  ASSERT_TRUE(record.is_object());
  EXPECT_EQ(record.at("program"), "ohmic");
  EXPECT_EQ(record.at("status"), "finished");
  EXPECT_EQ(record.at("name"), "mnist_mixed_precision");
  EXPECT_EQ(record.at("config").at("training").at("epochs"), 2);
  EXPECT_EQ(record.at("data").at("synthetic"), true);
  EXPECT_EQ(record.at("epochs").size(), 2U);
  EXPECT_GT(record.at("counters").at("set_pulses"), 0);
  EXPECT_EQ(record.at("tiles").size(), 2U);
  EXPECT_EQ(read_json_lines(path("run/metrics.jsonl")).size(), 2U);
  EXPECT_EQ(left_overs(path("run")), std::vector<std::string>());
}

TEST_F(Train, LearnsOnPhaseChangeCells) {
  const std::vector<Json> epochs = learn("mnist_mixed_precision");
  expect_learnt(epochs);
  EXPECT_GT(epochs.back().at("pulses_per_sample"), 0);
}

TEST_F(Train, LearnsInFloatingPoint) {
  const std::vector<Json> epochs = learn("mnist_sgd");
  expect_learnt(epochs);
  EXPECT_EQ(epochs.back().at("pulses_per_sample"), 0);
  EXPECT_EQ(read_json(path("run/run.json")).at("tiles").size(), 0U);
}

TEST_F(Train, LearnsOnIdealCells) {
  const std::vector<Json> epochs = learn("mnist_ideal");
  expect_learnt(epochs);
  EXPECT_EQ(epochs.back().at("refreshed_pairs"), 0);
}

TEST_F(Train, LearnsInBatches) {
  expect_learnt(learn("mnist_mixed_precision", set("training.batch_size=7") + set("training.learning_rate=2") +
                                                   set("mixed_precision.most_pulses_per_crossing=4")));
}

TEST_F(Train, LearnsWithoutConverters) {
  expect_learnt(learn("mnist_mixed_precision", set("periphery.dac_bits=0") + set("periphery.adc_bits=0")));
}

TEST_F(Train, LearnsWithFixedConverterRanges) {
  expect_learnt(learn("mnist_mixed_precision", set("periphery.dac_range=per_layer") +
                                                   set("periphery.adc_range=per_layer") +
                                                   set("periphery.calibration_vectors=100")));
}

TEST_F(Train, LearnsOnManySmallArrays) {
  expect_learnt(learn("mnist_mixed_precision", set("periphery.array_rows=64") + set("periphery.array_columns=8")), 0.4);
}

TEST_F(Train, TakesLayersThatAreDigital) {
  expect_learnt(learn("mnist_mixed_precision", set("network.layers.2.weights=digital")));
  EXPECT_EQ(read_json(path("run/run.json")).at("tiles").size(), 1U);
}

TEST_F(Train, TakesANetworkOfOneLayerFromAFile) {
  write_bytes(path("mine.toml"),
              "[data]\nname = \"synthetic_digits\"\ntrain_limit = 300\ntest_limit = 100\n"
              "[[network.layers]]\nkind = \"dense\"\nunits = 10\nbias = false\n[[network.layers]]\nkind = \"sigmoid\"\n"
              "[training]\nepochs = 3\n");
  succeed({"train", text("mine.toml"), "--out", text("run")});
  expect_learnt(read_json_lines(path("run/metrics.jsonl")));
  EXPECT_EQ(read_json(path("run/run.json")).at("name"), "mine");
}

TEST_F(Train, LastBatchMayBeSmallerAndBatchesLargerThanTheData) {
  succeed(small_training(text("run"), set("training.batch_size=64") + set("data.train_limit=65")));
  succeed(small_training(text("large"), set("training.batch_size=4096")));
}

TEST_F(Train, OneSampleIsEnough) {
  succeed(small_training(text("run"), set("data.train_limit=1") + set("data.test_limit=1")));
  EXPECT_EQ(read_json_lines(path("run/metrics.jsonl")).size(), 2U);
}

TEST_F(Train, AnotherSeedGivesAnotherRun) {
  succeed(small_training(text("one")));
  succeed(small_training(text("two"), set("seed=2")));
  EXPECT_NE(read_bytes(path("one/metrics.jsonl")), read_bytes(path("two/metrics.jsonl")));
}

TEST_F(Train, PrintsTheResultForPeopleAndForPrograms) {
  EXPECT_NE(succeed(small_training(text("run"))).find("test accuracy"), std::string::npos);
  const Json result = Json::parse(succeed(small_training(text("again"), {"--json"})), nullptr, false);
  EXPECT_EQ(result.at("status"), "finished");
  EXPECT_EQ(result.at("epochs"), 2);
  EXPECT_EQ(result.at("run"), text("again"));
  EXPECT_EQ(result.at("test_accuracy"), read_json_lines(path("run/metrics.jsonl")).back().at("test_accuracy"));
}

TEST_F(Train, WithoutOutTheFolderIsNamedAfterTheExperiment) {
  succeed(Arguments{"train", "mnist_sgd"} + small_settings());
  EXPECT_TRUE(std::filesystem::exists(path("here/runs/mnist_sgd/run.json")));
}

}  // namespace
}  // namespace ohmic::test
