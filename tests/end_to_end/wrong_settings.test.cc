// Is every slip in a setting, an option or a file of settings met with a message that helps?

#include "runs.h"

namespace ohmic::test {
namespace {

class WrongSettings : public ProgramTest {
 protected:
  void expect_wrong_setting(const std::string& assignment, const std::vector<std::string>& parts) const {
    expect_mistake(small_training(text("run"), set(assignment)), parts);
    EXPECT_FALSE(std::filesystem::exists(path("run"))) << assignment;
  }

  void expect_wrong_file(const std::string& toml, const std::vector<std::string>& parts) const {
    write_bytes(path("mine.toml"), toml);
    expect_mistake({"train", text("mine.toml"), "--out", text("run")}, parts);
    EXPECT_FALSE(std::filesystem::exists(path("run")));
  }

  void expect_wrong_preset(const std::string& from, const std::string& to,
                           const std::vector<std::string>& parts) const {
    std::string preset = read_bytes(std::filesystem::path(OHMIC_SOURCE_DIR) / "presets/cells/ideal.toml");
    const std::size_t at = preset.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    write_bytes(path("mine.toml"), preset.replace(at, from.size(), to));
    expect_wrong_setting("device.cell=" + text("mine.toml"), parts);
  }
};

TEST_F(WrongSettings, UnknownKeyAtAnyLevelGetsASuggestion) {
  expect_wrong_setting("sed=1", {"sed=1", "not a known key", "\"seed\""});
  expect_wrong_setting("learning_rate=1", {"not a known key", "\"training.learning_rate\""});
  expect_wrong_setting("trainin.epochs=1", {"trainin", "\"training\""});
  expect_wrong_setting("training.epoch=1", {"training.epoch", "\"epochs\""});
  expect_wrong_setting("network.layers.0.unit=1", {"network.layers.0.unit", "\"units\""});
  expect_wrong_setting("mixed_precision.refresh.evry_samples=1", {"\"every_samples\""});
  expect_wrong_setting("device.parameters.drift_exponnt=1", {"\"drift_exponent\""});
  expect_wrong_setting("foo.bar=1", {"foo", "the known keys here are name, seed"});
}

TEST_F(WrongSettings, ValueOutOfRangeNamesTheBounds) {
  expect_wrong_setting("training.epochs=0", {"training.epochs = 0", "[1, 1e9]"});
  expect_wrong_setting("seed=-1", {"seed = -1", "[0, 9e15]"});
  expect_wrong_setting("data.train_limit=-1", {"data.train_limit = -1", "[0, 1e9]"});
  expect_wrong_setting("periphery.adc_bits=17", {"periphery.adc_bits = 17", "[0, 16]"});
  expect_wrong_setting("periphery.array_rows=7", {"periphery.array_rows = 7", "multiple of 4"});
  expect_wrong_setting("training.learning_rate=nan", {"training.learning_rate = nan", "not a number"});
}

TEST_F(WrongSettings, WrongTypeSaysWhatIsWanted) {
  expect_wrong_setting("training.epochs=2.5", {"training.epochs", "integer", "2.5"});
  expect_wrong_setting("training.epochs=many", {"training.epochs", "integer", "\"many\""});
  expect_wrong_setting("training.shuffle=1", {"training.shuffle", "true or false"});
  expect_wrong_setting("training=3", {"training must be a table"});
  expect_wrong_setting("network.layers=dense", {"network.layers", "array of tables"});
}

TEST_F(WrongSettings, UnknownChoiceListsTheChoices) {
  expect_wrong_setting("training.rule=sdg", {"\"sdg\"", "training.rule", "sgd, mixed_precision", "did you mean"});
  expect_wrong_setting("periphery.dac_range=per_tile", {"periphery.dac_range", "per_vector, per_layer"});
  expect_wrong_setting("network.layers.0.kind=conv", {"network.layers.0.kind", "dense, convolution, "});
  expect_wrong_setting("data.name=mnits", {"\"mnits\"", "\"mnist\", \"fashion_mnist\"", "or \"synthetic_text\""});
}

TEST_F(WrongSettings, MalformedSetShowsTheForm) {
  expect_wrong_setting("training.epochs", {"--set training.epochs", "no \"=\"", "key=value"});
  expect_wrong_setting("training.epochs=", {"the value is missing"});
  expect_wrong_setting("=3", {"key is empty"});
  expect_wrong_setting("name=\"half", {"close its quotes"});
  expect_wrong_setting("network.layers.9.units=1", {"has 4 elements", "\"9\"", "count from 0"});
}

TEST_F(WrongSettings, MalformedFileNamesTheLine) {
  expect_wrong_file("seed = 1\nname = = 2\n", {"mine.toml:2", "not valid TOML"});
  expect_wrong_file("[training]\nepochs = 2\nepoch = 3\n", {"mine.toml:3", "training.epoch", "\"epochs\""});
  expect_wrong_file("seed = 1\nseed = 2\n", {"mine.toml:2"});
  expect_wrong_file("\xff\xfe", {"mine.toml:1", "not valid TOML"});
  expect_wrong_file("[training]\nepochs = \"2\"\n", {"mine.toml:2", "training.epochs", "integer"});
}

TEST_F(WrongSettings, NetworkThatDoesNotFitTheData) {
  expect_wrong_setting("network.layers.2.units=9", {"9 outputs", "10 classes", "units = 10"});
  expect_wrong_setting("network.layers.2.units=0", {"network.layers.2.units = 0", "at least 1"});
  expect_wrong_setting("network.layers=[]", {"network.layers is empty", "[[network.layers]]"});
  expect_wrong_file("", {"network.layers is empty", "[[network.layers]]"});
}

TEST_F(WrongSettings, UnknownCell) {
  expect_wrong_setting("device.cell=pmc", {"\"pmc\"", "ideal, pcm", "did you mean \"pcm\"?"});
  expect_wrong_setting("device.cell=none.toml", {"cannot read none.toml", "check the path"});
}

TEST_F(WrongSettings, CellPresetMustSayWhereItsConstantsComeFrom) {
  expect_wrong_preset("source = ", "#", {"mine.toml", "parameters.step_us", "no source"});
  expect_wrong_preset("source = ", "source = \"\" #", {"mine.toml", "parameters.step_us.source is empty"});
  expect_wrong_preset("unit = ", "#", {"mine.toml", "parameters.step_us", "no unit"});
  expect_wrong_preset("\"assumed\"", "\"guessed\"", {"mine.toml", "\"guessed\"", "published, derived, assumed"});
}

TEST_F(WrongSettings, CellPresetMustBeCompleteAndKnown) {
  expect_wrong_preset("parameters.step_us", "parameters.stepp_us",
                      {"mine.toml", "no parameter \"stepp_us\"", "did you mean \"step_us\""});
  expect_wrong_preset("model = \"ideal\"", "model = \"idael\"", {"\"idael\"", "ideal, pcm"});
  expect_wrong_preset("value = 0.768", "value = -1", {"step_us.value = -1", "outside 1e-06 to 10000 uS"});
}

TEST_F(WrongSettings, MissingExperiment) {
  const std::vector<std::string> shipped = {"no such file",
                                            "mnist_ideal, mnist_mixed_precision, mnist_multi_memristive, mnist_sgd"};
  expect_mistake({"train", "none.toml"}, shipped);
  expect_mistake({"train", "mnist_sdg"}, {"mnist_sdg", "did you mean \"mnist_sgd\"?"});
  expect_mistake({"config", "none.toml"}, shipped);
  expect_mistake({"train", "."}, {"it is a folder"});
}

TEST_F(WrongSettings, UnknownCommandOrOption) {
  expect_mistake({}, {"subcommand is required", "--help"});
  expect_mistake({"trian"},
                 {"\"trian\"",
                  "train, deploy, evaluate, report, study, config, device, map, simulate, cost, solve, reproduce, "
                  "list",
                  "did you mean \"train\"?"});
  expect_mistake({"train"}, {"experiment is required", "--help"});
  expect_mistake({"train", "mnist_sgd", "--otu", "x"}, {"--otu", "--help"});
  expect_mistake({"list", "things"}, {"things", "devices"});
  expect_mistake(small_training(text("run"), {"--threads", "-1"}), {"--threads", "-1", "0 to 1024"});
  expect_mistake(small_training(text("run"), {"--threads", "two"}), {"--threads", "two"});
}

TEST_F(WrongSettings, UnknownInstructionSet) {
  expect_mistake({"list", "devices"}, {"\"sse\"", "baseline, avx2"}, {{"OHMIC_ISA=sse"}});
}

}  // namespace
}  // namespace ohmic::test
