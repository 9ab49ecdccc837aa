// Does `ohmic device` show a cell, compare cells, and say what is wrong with a request?

#include "runs.h"

namespace ohmic::test {
namespace {

class Device : public ProgramTest {
 protected:
  std::filesystem::path here(const std::string& name) const { return path("here") / name; }
};

const Arguments kFast = {"--cells", "500"};

void expect_contains(const std::string& text, const std::vector<std::string>& words) {
  for (const std::string& word : words) EXPECT_NE(text.find(word), std::string::npos) << word;
}

std::size_t count_of(const std::string& text, std::string_view word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

TEST_F(Device, PrintsTablesAndWritesAPageWithCharts) {
  const std::string out = succeed(Arguments{"device", "pcm", "--pulses", "20"} + kFast);
  expect_contains(out, {"SET pulses", "Distribution", "Drift", "Noise of a read", "Programming", "drift_exponent",
                        "Nandakumar", "published", "Charts: device_pcm.html"});
  const std::string page = read_bytes(here("device_pcm.html"));
  expect_contains(
      page, {"<!DOCTYPE html>", "id=\"pulses-w-t\"", "id=\"drift-w-t\"", "id=\"errors-w-t\"", "µS", "Nandakumar"});
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("nan"), std::string::npos) << "a coordinate is not a number";
}

TEST_F(Device, EveryCellOfTheListCanBeStudied) {
  for (const Json& item : Json::parse(succeed({"list", "devices", "--json"}), nullptr, false)) {
    const std::string name = item.at("name");
    const std::string out = succeed(Arguments{"device", name, "--pulses", "12"} + kFast);
    EXPECT_EQ(out.rfind(name + ": ", 0), 0U) << out.substr(0, 80);
    const std::string page = read_bytes(here("device_" + name + ".html"));
    EXPECT_GE(count_of(page, "<svg"), 8U) << name;
    EXPECT_EQ(page.find("inf,"), std::string::npos);
  }
}

TEST_F(Device, OnlyCellsThatCanGoDownInStepsShowDepression) {
  const std::string up = succeed(Arguments{"device", "pcm"} + kFast);
  const std::string both = succeed(Arguments{"device", "rram_soft_bounds"} + kFast);
  EXPECT_EQ(up.find("Depression pulses"), std::string::npos);
  EXPECT_NE(both.find("Depression pulses"), std::string::npos);
}

TEST_F(Device, JsonHasTheFiguresAndConstants) {
  const Json json = Json::parse(
      succeed(Arguments{"device", "pcm_inference", "--json", "--pulses", "7", "--seed", "3"} + kFast), nullptr, false);
  const Json& cell = json.at("cells").at(0);
  EXPECT_EQ(cell.at("seed"), 3);
  EXPECT_EQ(cell.at("potentiation").size(), 8U);
  EXPECT_EQ(cell.at("programming").size(), 11U);
  EXPECT_EQ(cell.at("programming_method"), "statistical");
  EXPECT_NEAR(cell.at("drift").at(3).at("exponent_mean"), 0.049, 0.002);
  EXPECT_EQ(cell.at("constants").at(0).at("name"), "conductance_max_us");
  EXPECT_FALSE(json.contains("page")) << "no file that was not asked for";
  EXPECT_FALSE(std::filesystem::exists(here("device_pcm_inference.html")));
}

TEST_F(Device, WithJsonAPageIsWrittenIfItIsNamed) {
  const Json json =
      Json::parse(succeed(Arguments{"device", "ideal", "--json", "--out", text("x.html")} + kFast), nullptr, false);
  EXPECT_EQ(json.at("page"), text("x.html"));
  EXPECT_TRUE(std::filesystem::exists(path("x.html")));
}

TEST_F(Device, EqualRequestsGiveEqualFiguresWhateverTheThreads) {
  const Arguments request = {"device", "pcm_spread", "--json", "--cells", "40000", "--pulses", "3"};
  const std::string one = succeed(request + Arguments{"--threads", "1"});
  EXPECT_EQ(one, succeed(request + Arguments{"--threads", "3"}));
  EXPECT_NE(one, succeed(request + Arguments{"--seed", "2"}));
}

TEST_F(Device, SettingsChangeTheCellItsVariationsAndItsProgramming) {
  const auto study = [&](const Arguments& settings) {
    const std::string out = succeed(Arguments{"device", "pcm", "--json", "--pulses", "5"} + kFast + settings);
    return Json::parse(out, nullptr, false).at("cells").at(0);
  };
  EXPECT_NEAR(study(set("parameters.drift_exponent=0.06")).at("drift").at(0).at("exponent_mean"), 0.06, 1e-12);
  EXPECT_NEAR(study(set("device.parameters.drift_exponent=0.06")).at("drift").at(0).at("exponent_mean"), 0.06, 1e-12);
  const Json quiet = study(set("variation.pulse_to_pulse=0"));
  EXPECT_EQ(quiet.at("potentiation").at(5).at("conductance").at("stddev_us"), 0);
  EXPECT_NEAR(quiet.at("potentiation").at(5).at("conductance").at("mean_us"), 5.8048, 1e-3);
  const Json few = study(set("programming.most_iterations=2")), many = study({});
  EXPECT_LT(few.at("programming").at(6).at("share_converged"), many.at("programming").at(6).at("share_converged"));
}

TEST_F(Device, APresetFileIsAsGoodAsAName) {
  const std::string preset = read_bytes(OHMIC_SOURCE_DIR "/presets/cells/pcm.toml");
  write_bytes(path("my_cell.toml"), preset);
  const std::string out = succeed(Arguments{"device", text("my_cell.toml")} + kFast);
  expect_contains(out, {"my_cell: Phase-change", "Charts: device_my_cell.html"});
  EXPECT_TRUE(std::filesystem::exists(here("device_my_cell.html")));
}

TEST_F(Device, ComparesCellsSideBySide) {
  const std::string out = succeed(Arguments{"device", "compare", "pcm", "rram_soft_bounds", "ideal"} + kFast);
  expect_contains(out, {"conductances in uS", "pcm", "rram_soft_bounds", "ideal", "half scale after 1 y", "converged",
                        "Charts: device_compare.html"});
  const std::string page = read_bytes(here("device_compare.html"));
  expect_contains(page, {"pcm, rram_soft_bounds, ideal", "% of the usable conductance", "Constants of pcm"});
  const Json json = Json::parse(
      succeed(Arguments{"device", "compare", "pcm", "ideal", "--json", "--pulses", "3"} + kFast), nullptr, false);
  ASSERT_EQ(json.at("cells").size(), 2U);
  EXPECT_EQ(json.at("cells").at(1).at("name"), "ideal");
}

TEST_F(Device, AComparisonGivesTheFiguresThatTheCellHasAlone) {
  const Arguments few = Arguments{"--json", "--pulses", "4"} + kFast;
  const Json alone = Json::parse(succeed(Arguments{"device", "ideal"} + few), nullptr, false);
  const Json both = Json::parse(succeed(Arguments{"device", "compare", "pcm", "ideal"} + few), nullptr, false);
  EXPECT_EQ(alone.at("cells").at(0), both.at("cells").at(1));
}

TEST_F(Device, AMisspeltNameIsAnsweredWithTheNearest) {
  expect_mistake({"device", "pcn"}, {"no cell \"pcn\"", "did you mean \"pcm\"", "compare"});
  expect_mistake({"device", "compar", "pcm", "ideal"}, {"did you mean \"compare\""});
  expect_mistake({"device", "compare", "pcm", "rram_softbounds"}, {"did you mean \"rram_soft_bounds\""});
  expect_mistake({"device"}, {"name a cell", "compare"});
  expect_mistake({"device", "pcm", "ideal"}, {"ohmic device compare pcm ideal"});
  expect_mistake({"device", "none.toml"}, {"none.toml", "No such file"});
}

TEST_F(Device, NumbersOutOfRangeAreRefused) {
  expect_mistake({"device", "pcm", "--pulses", "0"}, {"--pulses", "1", "1000"});
  expect_mistake({"device", "pcm", "--pulses", "1001"}, {"--pulses"});
  expect_mistake({"device", "pcm", "--cells", "99"}, {"--cells", "100"});
  expect_mistake({"device", "pcm", "--seed", "-1"}, {"--seed"});
  expect_mistake({"device", "pcm", "--cells", "many"}, {"--cells"});
  expect_mistake({"device", "compare", "pcm"}, {"2 required"});
  expect_mistake(Arguments{"device", "compare"} + Arguments(7, "pcm"), {"6"});
}

TEST_F(Device, WrongSettingsNameTheKeyAndTheNearest) {
  const auto with = [](const std::string& setting) { return Arguments{"device", "pcm"} + kFast + set(setting); };
  expect_mistake(with("parameters.drift_exponen=1"), {"parameters.drift_exponen", "did you mean \"drift_exponent\""});
  expect_mistake(with("drift_exponent=1"), {"did you mean \"parameters.drift_exponent\""});
  expect_mistake(with("variation.read=0"), {"read_to_read"});
  expect_mistake(with("programming.tolerance_us=0"), {"programming.tolerance_us = 0 is out of range"});
  expect_mistake(with("programming.method=statistical"), {"no statistics of a whole procedure", "verify"});
  expect_mistake(with("cell=ideal"), {"named on the command line"});
  expect_mistake(with("parameters.conductance_max_us=0.05"), {"conductance_max_us = 0.05", "conductance_min_us"});
}

TEST_F(Device, WhatStandsBeforeASubcommandIsNotLostInSilence) {
  expect_mistake({"device", "pcm", "compare", "pcm", "ideal"}, {"compare excludes name"});
  expect_mistake({"device", "--seed", "5", "compare", "pcm", "ideal"}, {"compare excludes --seed"});
}

TEST_F(Device, APageThatCannotBeWrittenIsAnError) {
  expect_mistake(Arguments{"device", "pcm", "--out", text("none/page.html")} + kFast, {"cannot write", "none"});
  std::filesystem::create_directory(path("folder"));
  expect_mistake(Arguments{"device", "pcm", "--out", text("folder")} + kFast, {"cannot write", "folder"});
  Surroundings full;
  full.largest_file = 10000;
  const Outcome outcome = run(Arguments{"device", "pcm", "--out", text("page.html")} + kFast, full);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(path("page.html")));
}

TEST_F(Device, HelpOfTheSubcommandHasExamplesToo) {
  EXPECT_NE(succeed({"device", "compare", "--help"}).find("Examples:"), std::string::npos);
}

class Catalogue : public ProgramTest {};

TEST_F(Catalogue, MarkdownIsThatOfTheDocuments) {
  EXPECT_EQ(succeed({"list", "devices", "--markdown"}), read_bytes(OHMIC_SOURCE_DIR "/docs/cells.md"));
  EXPECT_EQ(succeed({"list", "chips", "--markdown"}), read_bytes(OHMIC_SOURCE_DIR "/docs/chips.md"));
  EXPECT_EQ(run({"list", "datasets", "--markdown"}).exit_code, 2);
  EXPECT_EQ(run({"list", "devices", "--markdown", "--json"}).exit_code, 2);
}

class ExperimentNames : public ProgramTest {};

TEST_F(ExperimentNames, AFolderDoesNotHideTheExperimentOfItsName) {
  std::filesystem::create_directories(path("here/mnist_sgd"));
  EXPECT_NE(succeed({"config", "mnist_sgd"}).find("rule = \"sgd\""), std::string::npos);
  std::filesystem::create_directories(path("here/other"));
  const Outcome outcome = run({"config", "other"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("folder"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace ohmic::test
