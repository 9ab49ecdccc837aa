// Does `ohmic deploy` do what it says with several chips, with layers that stay digital, and with the precision ladder?

#include "runs.h"

namespace ohmic::test {
namespace {

class DeployChips : public ProgramTest {
 protected:
  void SetUp() override { succeed(small_training(text("sgd"), set("data.train_limit=600"), "mnist_sgd")); }

  Arguments deploy(const Arguments& more) const {
    return Arguments{"deploy", text("sgd"), "--device", "pcm_inference", "--at", "25s,1d", "--json"} + more;
  }
};

TEST_F(DeployChips, GivesTheSpreadBetweenThem) {
  const Json document =
      Json::parse(succeed(deploy({"--chips", "3", "--compensate", "none,gdc,gdc_column"})), nullptr, false);
  EXPECT_EQ(document.at("chip_count"), 3);
  const double trained = read_json_lines(path("sgd/metrics.jsonl")).back().at("test_accuracy");
  EXPECT_EQ(document.at("digital_accuracy"), trained);
  ASSERT_EQ(document.at("results").size(), 6U);
  for (const Json& result : document.at("results")) {
    EXPECT_EQ(result.at("chips").size(), 3U);
    EXPECT_EQ(result.at("draws"), 1);
  }
  EXPECT_NE(document.at("chips").at(0).at("snr_db"), document.at("chips").at(1).at("snr_db"));
  EXPECT_EQ(document.at("layers").size(), 2U);
  EXPECT_GT(document.at("layers").at(0).at("snr").at(0).at("snr_db").get<double>(), 5);
}

TEST_F(DeployChips, ResumeGoesOnWithFinishedOnes) {
  const Arguments some = {"--compensate", "gdc", "--draws", "1"};
  const std::string whole = succeed(deploy(some + Arguments{"--chips", "3"}));
  succeed(deploy(some + Arguments{"--chips", "2"}));
  EXPECT_EQ(succeed(deploy(some + Arguments{"--chips", "3", "--resume"})), whole);
  expect_mistake(deploy(some + Arguments{"--chips", "3", "--resume", "--limit-images", "7"}),
                 {"deploy.json", "other settings", "--resume"});
}

TEST_F(DeployChips, TheLadderGoesOnWithFinishedRungs) {
  const Arguments some = deploy({"--study", "--compensate", "none", "--draws", "1", "--limit-images", "10"});
  const std::string whole = succeed(some);
  Json cut = read_json(path("sgd/deploy_study.json"));
  cut.at("rungs").erase(cut.at("rungs").begin() + 1, cut.at("rungs").end());
  cut.at("rungs").at(0).at("weight_error") = 0.125;  // taken as it is, not measured again
  write_bytes(path("sgd/deploy_study.json"), cut.dump());
  const Json resumed = Json::parse(succeed(some + Arguments{"--resume"}), nullptr, false);
  Json expected = Json::parse(whole, nullptr, false);
  expected.at("rungs").at(0).at("weight_error") = 0.125;
  EXPECT_EQ(resumed, expected);
  expect_mistake(some + Arguments{"--resume", "--chips", "2"}, {"deploy_study.json", "other settings"});
  write_bytes(path("sgd/deploy_study.json"), "{}");
  expect_mistake(some + Arguments{"--resume"}, {"deploy_study.json", "leave out --resume"});
}

TEST_F(DeployChips, WhatTheyWereIsPutAsideWhenTrainingGoesOn) {
  succeed(deploy({"--draws", "1", "--compensate", "none"}));
  const std::string before = read_bytes(path("sgd/deploy.json"));
  succeed(small_training(text("sgd"), set("data.train_limit=600") + set("training.epochs=3") + Arguments{"--resume"},
                         "mnist_sgd"));
  EXPECT_FALSE(std::filesystem::exists(path("sgd/deploy.json")));
  EXPECT_EQ(read_bytes(path("sgd/deploy.2-epochs.json")), before);
}

TEST_F(DeployChips, WhatIsReadIsNotWrittenOver) {
  const std::string before = result_bytes(path("sgd"));
  expect_mistake(deploy({"--out", text("sgd/checkpoint.safetensors")}), {"checkpoint.safetensors", "would be lost"});
  expect_mistake(deploy({"--out", text("sgd/../sgd/metrics.jsonl")}), {"metrics.jsonl", "would be lost"});
  expect_mistake(deploy({"--out", text("missing/x.json")}), {"missing/x.json"});
  expect_mistake({"report", text("sgd"), "--out", text("sgd/run.json")}, {"run.json", "would be lost"});
  EXPECT_EQ(result_bytes(path("sgd")) == before, true);
}

TEST_F(DeployChips, SettingsThatSayNothingOfAChipAreRefused) {
  expect_mistake(deploy(set("training.epochs=5")), {"training.epochs=5", "says nothing", "periphery"});
  expect_mistake(deploy({"--dataset", "mnist"}), {"--dataset", "ONNX"});
}

TEST_F(DeployChips, LayersCanStayDigital) {
  const Json named =
      Json::parse(succeed(deploy({"--digital", "dense2", "--compensate", "gdc", "--draws", "1"})), nullptr, false);
  EXPECT_EQ(named.at("layers").at(1).at("on_cells"), false);
  EXPECT_EQ(named.at("programming").size(), 1U);
  const Json chosen = Json::parse(
      succeed(deploy({"--digital-budget", "5%", "--sensitivity-images", "50", "--compensate", "gdc", "--draws", "1"})),
      nullptr, false);
  EXPECT_GT(chosen.at("layers").at(0).at("output_error").get<double>(), 0);
  EXPECT_EQ(chosen.at("layers").at(1).at("on_cells"), false) << "the small layer fits into 5 %";
  EXPECT_EQ(chosen.at("layers").at(0).at("on_cells"), true);
  expect_mistake(deploy({"--digital", "dence2"}), {"dence2", "did you mean \"dense2\""});
  expect_mistake(deploy({"--digital", "dense1,dense2"}), {"nothing on cells"});
  expect_mistake(deploy({"--digital-budget", "5x"}), {"5x", "5%"});
}

TEST_F(DeployChips, RemapsAroundFaultsAndSaysWhatTheyLeave) {
  const Json document = Json::parse(succeed(deploy(set("faults.stuck_low=0.03") + set("faults.remap=true") +
                                                   Arguments{"--draws", "1", "--compensate", "gdc"})),
                                    nullptr, false);
  const Json& layer = document.at("programming").at(0);
  EXPECT_LT(layer.at("fault_error_us2").get<double>(), layer.at("fault_error_unmapped_us2").get<double>());
  expect_mistake(deploy(set("faults.remap=true") + set("faults.stuck_low=0.01") + set("wires.model=exact")),
                 {"faults.remap", "wires.model"});
}

TEST_F(DeployChips, TheLadderShowsInTheReport) {
  const Json study = Json::parse(
      succeed(deploy({"--study", "--compensate", "gdc", "--draws", "1", "--limit-images", "20"})), nullptr, false);
  EXPECT_GT(study.at("rungs").size(), 10U);
  EXPECT_EQ(study.at("rungs").at(0).at("cells_per_weight"), 2);
  succeed(deploy({"--draws", "1", "--sensitivity", "--sensitivity-images", "20"}));
  succeed({"report", text("sgd")});
  const std::string page = read_bytes(path("sgd/report.html"));
  for (const char* part :
       {"Layers on cells", "Which layers hurt most", "The ladder of precision", "2 slices, ratio 8"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
}

TEST_F(DeployChips, ConvertersTakeTheirRangesFromCalibrationImages) {
  const Json document =
      Json::parse(succeed(deploy(set("periphery.adc_range=per_layer") + set("periphery.dac_range=per_layer") +
                                 Arguments{"--draws", "1", "--compensate", "none"})),
                  nullptr, false);
  EXPECT_GT(document.at("results").at(0).at("accuracy_mean").get<double>(), 0.3);
}

// Training with noise on the weights goes on from a finished run, and is another training than without.
TEST_F(DeployChips, FineTuningWithNoiseStartsFromARun) {
  const Arguments more = set("training.noise_injection.eta=0.05") + set("training.noise_injection.clip_sigmas=2.5") +
                         set("training.epochs=1");
  const Arguments from = Arguments{"--from", text("sgd")};
  succeed(small_training(text("tuned"), more + from, "mnist_sgd"));
  succeed(small_training(text("fresh"), more, "mnist_sgd"));
  const double tuned = read_json_lines(path("tuned/metrics.jsonl")).back().at("train_loss");
  const double fresh = read_json_lines(path("fresh/metrics.jsonl")).back().at("train_loss");
  EXPECT_LT(tuned, fresh);
  // It goes on whatever the folder of the first weights is called now.
  const Arguments same_folder = Arguments{"--from", text("tuned/../sgd"), "--resume"};
  succeed(small_training(text("tuned"), more + same_folder + set("training.epochs=2"), "mnist_sgd"));
  EXPECT_EQ(read_json_lines(path("tuned/metrics.jsonl")).size(), 2u);
  expect_mistake(small_training(text("tuned"), more + Arguments{"--from", text("fresh"), "--resume"}, "mnist_sgd"),
                 {"another experiment", "start_from"});
  expect_mistake(small_training(text("other"), from + set("network.layers.0.units=17"), "mnist_sgd"),
                 {"another network"});
  expect_mistake(small_training(text("noisy"), more), {"noise_injection", "training.rule"});
}

// The same for rules that train on cells, from digital weights and from cells. With tight programming and a learning
// rate of nothing the network is what it was.
TEST_F(DeployChips, TrainingOnCellsStartsFromARun) {
  const auto accuracy = [&](const std::string& run) {
    return read_json_lines(path(run + "/metrics.jsonl")).back().at("test_accuracy").get<double>();
  };
  const double before = accuracy("sgd");
  const Arguments still = set("training.epochs=1") + set("training.learning_rate=1e-9") +
                          set("programming.tolerance_us=0.2") + set("programming.most_iterations=200");
  std::string from = "sgd";
  for (const std::string experiment : {"mnist_mixed_precision", "mnist_hybrid"}) {
    const std::string log =
        run(small_training(text(experiment), still + Arguments{"--from", text(from)}, experiment)).err;
    EXPECT_NE(log.find("written onto 25460 cells"), std::string::npos) << log;
    EXPECT_GT(accuracy(experiment), before - 0.15) << experiment;
    EXPECT_EQ(read_json_lines(path(experiment + "/metrics.jsonl")).back().at("pulses_per_sample"), 0) << experiment;
    EXPECT_GT(read_json(path(experiment + "/run.json")).at("counters").at("set_pulses"), 25460);
    from = experiment;
  }
  EXPECT_GT(before, 0.5);  // chance is 0.1, and fresh weights find less than 0.3
}

TEST_F(ProgramTest, SolvesEquationsAndSaysWhereItCannot) {
  const Json solved = Json::parse(
      succeed({"solve", "covariance", "--size", "80", "--json", "--out", text("x.csv"), "--page", text("solve.html")}),
      nullptr, false);
  EXPECT_EQ(solved.at("status"), "converged");
  EXPECT_LE(solved.at("residual").get<double>(), 1e-12);
  EXPECT_GT(solved.at("analog_products"), 0);
  EXPECT_NE(read_bytes(path("solve.html")).find("Residual against refinements"), std::string::npos);
  const std::string x = read_bytes(path("x.csv"));
  EXPECT_EQ(std::count(x.begin(), x.end(), '\n'), 80);
  expect_mistake({"solve", "hilbert", "--size", "40"}, {"too ill-conditioned", "condition number"});
  expect_mistake({"solve", "covariant"}, {"covariant", "covariance"});
  expect_mistake({"solve", "covariance", "--set", "synapse.cels=2"}, {"cels", "cells"});
}

}  // namespace
}  // namespace ohmic::test
