// Are the settings that the program prints the ones that it uses, and is everything in its lists usable?

#include "runs.h"

namespace ohmic::test {
namespace {

class Config : public ProgramTest {};
class List : public ProgramTest {};
class Help : public ProgramTest {};

const Arguments kExperiments = {"mnist_mixed_precision", "mnist_sgd", "mnist_ideal"};

TEST_F(Config, WhatItPrintsReadsBackAsTheSame) {
  for (const std::string& experiment : kExperiments) {
    const Arguments changes = set("seed=9000000000000000") + set("device.cell=ideal") + set("training.epochs=7") +
                              set("clock.seconds_per_sample=1e-7") + set("name=\"a \\\"b\\\" ü\"");
    const std::string printed = succeed(Arguments{"config", experiment} + changes);
    write_bytes(path("printed.toml"), printed);
    EXPECT_EQ(succeed({"config", text("printed.toml")}), printed);
  }
}

TEST_F(Config, WhatItPrintsTrainsToTheSameBytes) {
  write_bytes(path("printed.toml"), succeed(Arguments{"config", "mnist_mixed_precision"} + small_settings()));
  succeed(small_training(text("by_name")));
  succeed({"train", text("printed.toml"), "--out", text("by_file")});
  EXPECT_TRUE(same_results(path("by_name"), path("by_file")));
}

TEST_F(Config, JsonHasTheSettingsThatWereChanged) {
  const Json config = Json::parse(
      succeed(Arguments{"config", "mnist_sgd", "--json"} + set("training.learning_rate=0.25") + set("seed=5")), nullptr,
      false);
  EXPECT_EQ(config.at("seed"), 5);
  EXPECT_EQ(config.at("training").at("learning_rate"), 0.25);
  EXPECT_EQ(config.at("training").at("rule"), "sgd");
}

TEST_F(Config, TheLastOfTwoEqualSettingsWins) {
  const std::string printed = succeed(Arguments{"config", "mnist_sgd"} + set("seed=5") + set("seed=6"));
  EXPECT_NE(printed.find("seed = 6"), std::string::npos);
}

TEST_F(Config, AParameterOfTheCellIsChangedInWhateverOrder) {
  const Arguments parameter = set("device.parameters.step_us=0.5"), cell = set("device.cell=ideal");
  const Arguments config = {"config", "mnist_mixed_precision"};
  EXPECT_EQ(succeed(config + parameter + cell), succeed(config + cell + parameter));
}

TEST_F(List, EveryExperimentCanBeUsed) {
  const Json list = Json::parse(succeed({"list", "experiments", "--json"}), nullptr, false);
  ASSERT_GE(list.size(), kExperiments.size());
  for (const Json& item : list) {
    EXPECT_NE(item.at("description"), "");
    succeed({"config", item.at("name")});
  }
}

TEST_F(List, EveryDeviceCanBeUsed) {
  const Json list = Json::parse(succeed({"list", "devices", "--json"}), nullptr, false);
  ASSERT_GE(list.size(), 2U);
  for (const Json& item : list) {
    EXPECT_NE(item.at("description"), "");
    succeed(Arguments{"config", "mnist_mixed_precision"} + set("device.cell=" + item.at("name").get<std::string>()));
  }
}

TEST_F(List, ShowsDatasetsToPeople) {
  EXPECT_NE(succeed({"list", "datasets"}).find("synthetic_digits"), std::string::npos);
}

TEST_F(Help, EveryCommandHasHelpWithExamples) {
  EXPECT_NE(succeed({"--help"}).find("train"), std::string::npos);
  EXPECT_EQ(succeed({"--version"}).find("ohmic "), 0U);
  for (const char* command : {"train", "deploy", "report", "device", "config", "map", "simulate", "solve", "list"}) {
    EXPECT_NE(succeed({command, "--help"}).find("Examples:"), std::string::npos) << command;
  }
}

}  // namespace
}  // namespace ohmic::test
