// Does a run survive damage, a full disk and commands that do not fit it?

#include "runs.h"

namespace ohmic::test {
namespace {

namespace fs = std::filesystem;

class WrongFolder : public ProgramTest {
 protected:
  void SetUp() override { succeed(small_training(text("run"))); }

  Arguments resume(const Arguments& more = {}) const {
    return small_training(text("run"), set("training.epochs=3") + Arguments{"--resume"} + more);
  }

  /// Expects the mistake and that run and checkpoint stay as they are.
  void expect_refused(const Arguments& arguments, const std::vector<std::string>& parts,
                      const Surroundings& around = {}) const {
    const std::string before = read_bytes(path("run/checkpoint.safetensors"));
    expect_mistake(arguments, parts, around);
    EXPECT_EQ(read_bytes(path("run/checkpoint.safetensors")) == before, true) << "the checkpoint has changed";
    EXPECT_EQ(left_overs(path("run")), std::vector<std::string>());
  }

  void expect_damage_found(const std::string& checkpoint, const std::string& part) const {
    write_bytes(path("run/checkpoint.safetensors"), checkpoint);
    expect_refused(resume(), {"checkpoint.safetensors", part});
    expect_refused({"deploy", text("run")}, {"checkpoint.safetensors", part});
  }
};

TEST_F(WrongFolder, HoldsARunAlready) {
  expect_refused(small_training(text("run")), {text("run"), "already holds a run", "--resume", "--out"});
}

TEST_F(WrongFolder, ResumeWithAnotherExperimentNamesTheFirstDifference) {
  expect_refused(resume(set("seed=2")), {"another experiment", "`seed = 1`", "`seed = 2`", "--out"});
  expect_refused(resume(set("training.rule=sgd")), {"`training.rule = \"mixed_precision\"`"});
  expect_refused(resume(set("network.layers.0.units=17")), {"`network.layers.0.units = 17`"});
  expect_refused(resume(set("data.train_limit=100")), {"`data.train_limit = 200`", "`data.train_limit = 100`"});
  expect_refused(resume(set("device.cell=ideal")), {"`device.cell = \"pcm\"`"});
  expect_refused(resume(set("network.layers=[{kind=\"dense\",units=16},{kind=\"dense\",units=10}]")),
                 {"another experiment", "network.layers"});
}

TEST_F(WrongFolder, DamagedCheckpoint) {
  const std::string whole = read_bytes(path("run/checkpoint.safetensors"));
  expect_damage_found("", "it has only 0 bytes");
  expect_damage_found("not a checkpoint at all\n", "damaged or no safetensors file");
  expect_damage_found(whole.substr(0, 1000), "damaged");
  expect_damage_found(whole.substr(0, whole.size() - 1), "damaged");
  expect_damage_found(whole + "x", "damaged");
  expect_damage_found(std::string("\2\0\0\0\0\0\0\0{}", 10), "no metadata");
}

TEST_F(WrongFolder, AFlippedBitIsFoundWhereverItIs) {
  const std::string whole = read_bytes(path("run/checkpoint.safetensors"));
  const std::size_t step = whole.size() / 10;
  for (std::size_t at : {std::size_t{0}, std::size_t{7}, std::size_t{20}, std::size_t{500}, step, 3 * step, 6 * step,
                         whole.size() - 1}) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    write_bytes(path("run/checkpoint.safetensors"), damaged);
    expect_refused(resume(), {"checkpoint.safetensors", "damaged"});
  }
}

TEST_F(WrongFolder, CheckpointThatIsAFolder) {
  fs::remove(path("run/checkpoint.safetensors"));
  fs::create_directory(path("run/checkpoint.safetensors"));
  expect_mistake(resume(), {"checkpoint.safetensors", "it is a folder"});
}

TEST_F(WrongFolder, DamagedMetrics) {
  write_bytes(path("run/metrics.jsonl"), "");
  expect_refused(resume(), {"metrics.jsonl has 0 lines", "epoch 2", "--out"});
  write_bytes(path("run/metrics.jsonl"), "garbage\nmore\n");
  expect_refused(resume(), {"metrics.jsonl", "not an epoch's metrics: garbage", "--out"});
  fs::remove(path("run/metrics.jsonl"));
  expect_refused(resume(), {"cannot read", "metrics.jsonl"});
}

TEST_F(WrongFolder, DamagedRecordIsWrittenAnew) {
  write_bytes(path("run/run.json"), "garbage");
  expect_mistake({"report", text("run")}, {"run.json", "not valid JSON"});
  succeed(resume());
  EXPECT_EQ(read_json(path("run/run.json")).at("epochs").size(), 3U);
  succeed({"report", text("run")});
}

TEST_F(WrongFolder, OutWhereNothingCanBeWritten) {
  expect_refused(small_training(text("run/run.json")), {text("run/run.json"), "Not a directory"});
  expect_refused(small_training(text("run/run.json/below")), {text("run/run.json/below"), "Not a directory"});
  expect_refused(small_training(text(std::string(300, 'x'))), {"File name too long", "choose another path"});
}

TEST_F(WrongFolder, AFullDiskKeepsTheCheckpointAndResumeGoesOn) {
  Surroundings full;
  full.largest_file = 60 * 1024;
  expect_refused(resume(), {"cannot write", "checkpoint.safetensors", "bytes are needed"}, full);
  succeed(small_training(text("uncut"), set("training.epochs=3")));
  succeed(resume());
  EXPECT_TRUE(same_results(path("uncut"), path("run")));
}

TEST_F(WrongFolder, AFullDiskFromTheStartIsNoRun) {
  Surroundings full;
  full.largest_file = 512;
  expect_mistake(small_training(text("new")), {"cannot write", "run.json", "bytes are needed"}, full);
  EXPECT_EQ(left_overs(path("new")), std::vector<std::string>());
  succeed(small_training(text("new"), {"--resume"}));
  EXPECT_TRUE(same_results(path("run"), path("new")));
}

TEST_F(WrongFolder, AFullStandardOutputIsNoSuccess) {
  Surroundings full;
  full.standard_output = "/dev/full";
  const std::vector<std::string> parts = {"cannot write to standard output", "No space left"};
  expect_mistake({"config", "mnist_sgd"}, parts, full);
  expect_mistake({"list", "devices"}, parts, full);
}

TEST_F(WrongFolder, DeployOnWhatIsNoAnalogRun) {
  expect_mistake({"deploy", text("none")}, {text("none"), "no checkpoint.safetensors", "ohmic train"});
  succeed(small_training(text("sgd"), {}, "mnist_sgd"));
  expect_mistake({"deploy", text("sgd")}, {"no analog layers", "--device pcm_inference"});
  EXPECT_FALSE(fs::exists(path("sgd/deploy.json")));
}

TEST_F(WrongFolder, DeployOntoAChipThatCannotBe) {
  succeed(small_training(text("sgd"), {}, "mnist_sgd"));
  const Arguments deploy = {"deploy", text("sgd"), "--draws", "1"};
  expect_mistake(deploy + Arguments{"--device", "pcm_inferense"}, {"pcm_inferense", "did you mean \"pcm_inference\""});
  expect_mistake(deploy + set("synapse.cels=4"), {"cels", "cells"});
  expect_mistake(deploy + set("synapse.cells=65"), {"synapse", "cells", "65", "64"});
  expect_mistake(deploy + Arguments{"--device", "pcm"} + set("programming.method=statistical"),
                 {"statistical", "verify"});
  expect_mistake(
      deploy + Arguments{"--device", "pcm_inference"} + set("synapse.kind=single") + set("synapse.reference_us=30"),
      {"reference_us", "30", "25"});
  EXPECT_FALSE(fs::exists(path("sgd/deploy.json")));
}

TEST_F(WrongFolder, TrainSlicedWeights) {
  expect_mistake(small_training(text("sliced"), set("synapse.slices=2")), {"synapse.slices", "synapse.slices = 1"});
}

TEST_F(WrongFolder, DeployWithWrongOptions) {
  for (const std::string time : {"5x", "1", "-1h", "", "h", "1e99y", "nan"}) {
    expect_refused({"deploy", text("run"), "--at", time}, {"\"" + time + "\" is not a time", "s, min, h, d, mo, y"});
  }
  expect_refused({"deploy", text("run"), "--compensate", "gcd"}, {"--compensate gcd", "none, gdc"});
  expect_refused({"deploy", text("run"), "--compensate", "adabs"}, {"--compensate adabs", "no batch norm", "gdc"});
  expect_refused({"deploy", text("run"), "--draws", "0"}, {"--draws", "1 to 100000"});
}

TEST_F(WrongFolder, ReportOnWhatIsNoRun) {
  fs::create_directory(path("empty"));
  expect_mistake({"report", text("none")}, {text("none"), "no such folder"});
  expect_mistake({"report", text("empty")}, {text("empty"), "no run.json"});
  expect_mistake({"report", text("run"), text("none")}, {text("none"), "no such folder"});
  EXPECT_FALSE(fs::exists(path("run/report.html")));
}

TEST_F(WrongFolder, ReportWhereNothingCanBeWritten) {
  expect_refused({"report", text("run"), "--out", text("none/page.html")}, {"cannot write", "create the folder"});
  expect_refused({"report", text("run"), "--out", text("run/run.json/page.html")}, {"cannot write", "Not a directory"});
}

}  // namespace
}  // namespace ohmic::test
