// Can a physicist turn a table of measurements into a cell and train with it, and is every slip met with help?

#include "runs.h"

namespace ohmic::test {
namespace {

class DeviceFit : public ProgramTest {
 protected:
  std::string sample(const std::string& name, const Arguments& more = {}) const {
    succeed(Arguments{"device", "sample", "pcm", "--cells", "40", "--pulses", "8", "--out", text(name)} + more);
    return text(name);
  }
  void expect_wrong_table(const std::string& table, const std::vector<std::string>& parts,
                          const Arguments& more = {}) const {
    write_bytes(path("wrong.csv"), table);
    expect_mistake(Arguments{"device", "fit", text("wrong.csv"), "--out", text("wrong.toml")} + more, parts);
    EXPECT_FALSE(std::filesystem::exists(path("wrong.toml")));
    EXPECT_FALSE(std::filesystem::exists(path("wrong.html")));
  }
};

TEST_F(DeviceFit, FitsATableToAPresetThatTrainingTakes) {
  const std::string out = succeed({"device", "fit", sample("mine.csv"), "--out", text("mine.toml")});
  for (const char* part : {"step_mean_slope", "95 % interval", "R2 of the mean trajectory", "chi-square", "KS",
                           "40 cells, SET pulses 0 to 8, 360 reads", "preset: ", "report: "}) {
    EXPECT_NE(out.find(part), std::string::npos) << part;
  }
  const std::string preset = read_bytes(path("mine.toml"));
  EXPECT_NE(preset.find("model = \"fitted\""), std::string::npos);
  EXPECT_NE(preset.find("maximum-likelihood fit to mine.csv, 40 cells, SET pulses 0 to 8"), std::string::npos);
  EXPECT_NE(preset.find("status = \"derived\""), std::string::npos);
  EXPECT_NE(preset.find("status = \"assumed\""), std::string::npos);
  const std::string page = read_bytes(path("mine.html"));
  EXPECT_NE(page.find("<svg"), std::string::npos);
  EXPECT_EQ(page.find("<script"), std::string::npos);
  succeed(small_training(text("run"), set("device.cell=" + text("mine.toml"))));
  EXPECT_EQ(read_json_lines(path("run") / "metrics.jsonl").size(), 2u);
}

TEST_F(DeviceFit, JsonHasEveryConstantWithItsInterval) {
  const Json json = Json::parse(succeed({"device", "fit", sample("d.csv", {"--reads", "2", "--times", "1,38.6,1000"}),
                                         "--out", text("d.toml"), "--report", text("other.html"), "--json"}),
                                nullptr, false);
  ASSERT_FALSE(json.is_discarded());
  EXPECT_EQ(json.at("cells"), 40);
  EXPECT_EQ(json.at("reads"), 40 * 9 * 6);
  const Json drift = json.at("constants").at("drift_exponent");
  EXPECT_LE(drift.at("low").get<double>(), 0.041);
  EXPECT_GE(drift.at("high").get<double>(), 0.039);
  EXPECT_EQ(drift.at("status"), "derived");
  EXPECT_EQ(json.at("constants").at("reset_min_us").at("status"), "assumed");
  EXPECT_TRUE(json.at("constants").at("reset_min_us").at("low").is_null());
  EXPECT_EQ(json.at("by_pulse").size(), 9u);
  EXPECT_TRUE(std::filesystem::exists(path("other.html")));
  EXPECT_FALSE(std::filesystem::exists(path("d.html")));
}

TEST_F(DeviceFit, WritesWithoutBeingToldWhere) {
  succeed({"device", "fit", sample("wafer 7.csv")});
  EXPECT_TRUE(std::filesystem::exists(path("here") / "wafer 7.toml"));
  EXPECT_TRUE(std::filesystem::exists(path("here") / "wafer 7.html"));
}

TEST_F(DeviceFit, ReplacesNothingWithoutForce) {
  const Arguments fit = {"device", "fit", sample("mine.csv"), "--out", text("mine.toml")};
  succeed(fit);
  expect_mistake(fit, {"mine.toml exists", "--force"});
  std::filesystem::remove(path("mine.toml"));
  expect_mistake(fit, {"mine.html exists", "--force"});
  succeed(fit + Arguments{"--force"});
  EXPECT_TRUE(std::filesystem::exists(path("mine.toml")));
  expect_mistake({"device", "sample", "pcm", "--out", text("mine.csv")}, {"mine.csv exists", "--force"});
}

TEST_F(DeviceFit, NeitherPresetNorPageReplacesTheOtherOrTheData) {
  const Arguments fit = {"device", "fit", sample("mine.csv"), "--out", text("mine.toml"), "--force"};
  const std::string data = read_bytes(path("mine.csv"));
  expect_mistake(fit + Arguments{"--report", text("mine.toml")}, {"--report", "mine.toml", "three files"});
  expect_mistake(fit + Arguments{"--report", text("./mine.csv")}, {"--report", "mine.csv", "three files"});
  EXPECT_EQ(read_bytes(path("mine.csv")), data);
  EXPECT_FALSE(std::filesystem::exists(path("mine.toml")));
}

TEST_F(DeviceFit, EqualTablesGiveEqualFilesWhateverTheThreads) {
  const std::string table = sample("mine.csv");
  succeed({"device", "fit", table, "--out", text("one.toml"), "--threads", "1"});
  succeed({"device", "fit", table, "--out", text("two.toml"), "--threads", "3"});
  EXPECT_EQ(read_bytes(path("one.toml")), read_bytes(path("two.toml")));
}

TEST_F(DeviceFit, SamplesDependOnTheSeedAlone) {
  EXPECT_EQ(read_bytes(sample("a.csv")), read_bytes(sample("b.csv")));
  EXPECT_NE(read_bytes(sample("c.csv", {"--seed", "2"})), read_bytes(path("a.csv")));
}

TEST_F(DeviceFit, ASampleOfAFittedCellCanBeFittedAgain) {
  succeed({"device", "fit", sample("mine.csv"), "--out", text("mine.toml")});
  succeed({"device", "sample", text("mine.toml"), "--cells", "20", "--pulses", "6", "--out", text("again.csv")});
  succeed({"device", "fit", text("again.csv"), "--out", text("again.toml")});
}

TEST_F(DeviceFit, WrongTablesAreNamedByFileAndLine) {
  const std::string good = "cell,pulse,conductance\na,0,1\na,1,2\na,2,3\na,3,4\nb,0,1\nb,1,2\nb,2,3\n";
  expect_wrong_table(good + "b,3,much\n", {"wrong.csv:9", "\"much\"", "not a number"});
  expect_wrong_table(good + "b,3\n", {"wrong.csv:9", "2 fields"});
  expect_wrong_table("cell,puls,conductance\na,0,1\n", {"wrong.csv:1", "\"puls\"", "did you mean \"pulse\""});
  expect_wrong_table(good + "b,3000,4\n", {"wrong.csv:9", "pulse = 3000", "100 at most"});
  expect_wrong_table(std::string("\x89PNG\r\n\0\0", 8), {"wrong.csv:2", "no text"});
  expect_wrong_table("", {"wrong.csv", "no header"});
  expect_wrong_table("cell,pulse,conductance\na,0,1\na,1,2\na,2,3\na,3,4\n", {"one cell", "two cells"});
  expect_wrong_table("cell,pulse,conductance\na,0,1e-6\na,1,2e-6\na,2,3e-6\na,3,4e-6\nb,0,1e-6\nb,1,2e-6\n",
                     {"uS", "--unit S"});
  expect_wrong_table(good, {"--unit ohm", "nS, uS, mS, S"}, {"--unit", "ohm"});
  expect_wrong_table("cell,pulse,conductance\na,0,2\na,1,2\na,2,2\na,3,2\nb,0,2\nb,1,2\nb,2,2\nb,3,2\n",
                     {"do not change"});
}

TEST_F(DeviceFit, WrongArgumentsSayWhatToDo) {
  expect_mistake({"device", "fit", text("none.csv")}, {"none.csv"});
  expect_mistake({"device", "fit", text("."), "--out", text("folder.toml")}, {"folder"});
  expect_mistake({"device", "fit", sample("mine.csv"), "--out", text("mine.txt")}, {"--out", "mine.toml"});
  expect_mistake({"device", "fit", text("mine.csv"), "--out", text("no_folder/mine.toml")}, {"no_folder"});
  expect_mistake({"device", "fit"}, {"data"});
  expect_mistake({"device"}, {"ubcommand"});
  expect_mistake({"device", "sample", "pmc", "--out", text("x.csv")}, {"\"pmc\"", "did you mean \"pcm\""});
  expect_mistake({"device", "sample", "pcm", "--times", "0", "--out", text("x.csv")}, {"--times 0", "above 0"});
  expect_mistake({"device", "sample", "pcm", "--cells", "0", "--out", text("x.csv")}, {"--cells"});
}

TEST_F(DeviceFit, HelpHasExamples) {
  for (const Arguments& command : {Arguments{"device"}, Arguments{"device", "fit"}, Arguments{"device", "sample"}}) {
    EXPECT_NE(succeed(command + Arguments{"--help"}).find("Examples:"), std::string::npos);
  }
}

}  // namespace
}  // namespace ohmic::test
