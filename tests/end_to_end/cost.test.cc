// ohmic cost, as a stranger would run it.

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "program.h"

namespace ohmic::test {
namespace {

using Cost = ProgramTest;
using CostJson = nlohmann::json;

const Arguments kShort = {"--set", "data.name=synthetic_digits", "--set", "training.epochs=1",
                          "--set", "data.train_limit=200",       "--set", "data.test_limit=40"};

CostJson json_of(const std::string& text) { return CostJson::parse(text); }

// Attojoules are printed as digits, which may be more than a double or 64 bits hold.
__extension__ typedef __int128 Whole;

Whole whole(const CostJson& energy) {
  Whole value = 0;
  for (const char digit : energy.at("energy_aj").get<std::string>()) value = 10 * value + (digit - '0');
  return value;
}

Whole sum_of(const CostJson& parts) {
  Whole sum = 0;
  for (const CostJson& part : parts) sum += whole(part);
  return sum;
}

void expect_conserved(const CostJson& report) {
  const Whole total = whole(report.at("total"));
  EXPECT_GT(total, 0);
  for (const char* parts : {"components", "phases", "layers", "cells"}) {
    EXPECT_TRUE(sum_of(report.at(parts)) == total) << parts;
  }
}

TEST_F(Cost, OfARunAddsUpAndTellsPhases) {
  const std::string run = text("run");
  succeed(Arguments{"train", "mnist_mixed_precision", "--out", run} + kShort);
  const CostJson report = json_of(succeed({"cost", run, "--json"}));
  expect_conserved(report);
  EXPECT_EQ(report["samples"], 200);
  for (const char* phase : {"forward", "backward", "update", "refresh", "evaluation"}) {
    EXPECT_TRUE(report["phases"].contains(phase)) << phase;
  }
  EXPECT_GT(report["summary"]["lifetime_samples"], 0);
  // Of the network on a chip, with what the data drive.
  const CostJson mapped = json_of(succeed({"cost", run, "--chip", "hermes_core", "--images", "5", "--json"}));
  expect_conserved(mapped);
  EXPECT_NE(mapped["notes"].dump().find("the data drive its cells"), std::string::npos);
  const CostJson measured = json_of(succeed({"cost", run, "--images", "5", "--json"}));
  EXPECT_LT(measured["components"]["array"]["energy_j"], report["components"]["array"]["energy_j"]);
  EXPECT_EQ(measured["components"]["ADC"], report["components"]["ADC"]);
}

TEST_F(Cost, OfTheHybridRuleCountsItsCells) {
  const std::string run = text("run");
  succeed(Arguments{"train", "mnist_hybrid", "--out", run} + kShort);
  const CostJson report = json_of(succeed({"cost", run, "--json"}));
  expect_conserved(report);
  EXPECT_GT(report["components"]["writes"]["energy_j"], 0);
}

TEST_F(Cost, NetworksOnSeveralChipsStandSideBySide) {
  const CostJson reports =
      json_of(succeed({"cost", "resnet32_narrow", "--chip", "hermes_core,isaac_like,puma_like", "--json"}));
  ASSERT_EQ(reports.size(), 3u);
  for (const CostJson& report : reports) expect_conserved(report);
  const std::string table =
      succeed({"cost", "resnet32_narrow", "--chip", "hermes_core,isaac_like,puma_like", "--page", text("cost.html")});
  for (const char* name : {"isaac_like", "0.3807", "0.837", "PipeLayer"}) {
    EXPECT_NE(table.find(name), std::string::npos) << name;
  }
  const std::string page = read_bytes(path("cost.html"));
  EXPECT_NE(page.find("From component to phase"), std::string::npos);
  EXPECT_NE(page.find("Published systems"), std::string::npos);
}

TEST_F(Cost, PeakOfTheSixtyFourCores) {
  const CostJson one = json_of(succeed({"cost", "--peak", "--chip", "hermes64", "--json"}));
  EXPECT_NEAR(one["summary"]["tops_per_w"]["value"].get<double>(), 9.76, 0.05 * 9.76);
  const CostJson four = json_of(succeed({"cost", "--peak", "--chip", "hermes64", "--phases", "4", "--json"}));
  EXPECT_NEAR(four["summary"]["tops_per_w"]["value"].get<double>(), 2.48, 0.05 * 2.48);
}

TEST_F(Cost, TheStudyPutsTheDesignsBesideEachOther) {
  const Arguments study = {"cost", "--study", "mnist", "--set", "data.name=synthetic_digits", "--images", "60"};
  const CostJson result = json_of(succeed(study + Arguments{"--json"}));
  ASSERT_EQ(result["designs"].size(), 7u);
  EXPECT_GT(result["ratio"], 5);
  EXPECT_FALSE(result["digital_needs"].empty());
  const std::string shown = succeed(study + Arguments{"--page", text("study.html")});
  EXPECT_NE(shown.find("published 172.5"), std::string::npos) << shown;
  EXPECT_NE(read_bytes(path("study.html")).find("What swings the ratio"), std::string::npos);
}

TEST_F(Cost, ASweepPutsAccuracyBesideEnergy) {
  const std::string run = text("run");
  succeed(Arguments{"train", "mnist_mixed_precision", "--out", run} + kShort);
  const CostJson sweep = json_of(succeed({"cost", run, "--sweep", "tile.adc_bits=4,8", "array=64,256", "--images", "30",
                                          "--page", text("sweep.html"), "--json"}));
  ASSERT_EQ(sweep["points"].size(), 4u);
  EXPECT_LT(sweep["points"][0]["energy_j"]["value"], sweep["points"][2]["energy_j"]["value"]);  // 4 bits against 8
  EXPECT_GT(sweep["points"][0]["energy_j"]["value"], sweep["points"][1]["energy_j"]["value"]);  // 64 rows against 256
  EXPECT_NE(read_bytes(path("sweep.html")).find("Accuracy against energy"), std::string::npos);
  // By the law: 8 columns in 8 steps of 130 ns, below the corner of both.
  const CostJson law = json_of(succeed({"cost", run, "--technology", "rram_28nm", "--family", "adc=survey", "--sweep",
                                        "tile.adc_bits=6,8", "--images", "10", "--json"}));
  EXPECT_NEAR(law["points"][0]["conversion_rate_gs"].get<double>(), 64 / 130.0, 1e-9);
  EXPECT_LT(law["points"][0]["energy_j"]["value"], law["points"][1]["energy_j"]["value"]);
}

TEST_F(Cost, ConvertersByALawOfTheirRate) {
  const Arguments isaac = {"cost", "resnet32_narrow", "--chip", "isaac_like", "--family", "adc=survey"};
  const CostJson report = json_of(succeed(isaac + Arguments{"--json"}));
  expect_conserved(report);
  EXPECT_EQ(report["converters"]["bits"], 8);
  EXPECT_NEAR(report["converters"]["rate_gs"].get<double>(), 1.28, 1e-9);
  EXPECT_NE(succeed(isaac).find("8 bits at 1.28 GS/s"), std::string::npos);
  const CostJson slow = json_of(succeed(isaac + Arguments{"--chip-set", "mvm_ns=16000", "--json"}));
  EXPECT_LT(slow["components"]["ADC"]["energy_j"], report["components"]["ADC"]["energy_j"]);
  expect_mistake(isaac + Arguments{"--chip-set", "mvm_ns=100"}, {"20.48 GS/s", "up to 10 GS/s", "take it from one of"});
}

// Runs of versions that did not count the digital work of batches have neither layers nor these counters.
TEST_F(Cost, OfAnOlderRunSaysWhatIsMissing) {
  const std::string run = text("run");
  succeed(Arguments{"train", "mnist_mixed_precision", "--out", run, "--set", "training.batch_size=20"} + kShort);
  const CostJson now = json_of(succeed({"cost", run, "--json"}));
  expect_conserved(now);
  EXPECT_EQ(now["notes"].dump().find("did not count"), std::string::npos);
  CostJson record = json_of(read_bytes(path("run") / "run.json"));
  record.erase("layers");
  for (CostJson& matrix : record["matrices"]) {
    for (CostJson& counters : matrix["phases"]) {
      for (const char* name : {"gradient_macs", "operand_words", "optimizer_macs", "state_words"}) counters.erase(name);
    }
  }
  std::ofstream(path("run") / "run.json") << record.dump();
  const CostJson before = json_of(succeed({"cost", run, "--json"}));
  expect_conserved(before);
  EXPECT_NE(before["notes"].dump().find("did not count the gradients of batches"), std::string::npos);
  EXPECT_LT(before["phases"]["update"]["energy_j"], now["phases"]["update"]["energy_j"]);
  EXPECT_EQ(before["phases"]["forward"], now["phases"]["forward"]);
}

TEST_F(Cost, MistakesNameTheWayOut) {
  expect_mistake({"cost"}, {"name a run or a network"});
  expect_mistake({"cost", "resnet32", "--technology", "pcm_13nm"}, {"there is no such technology", "pcm_14nm"});
  expect_mistake({"cost", "resnet32", "--family", "adc=none"}, {"no such source", "survey_100ms"});
  expect_mistake({"cost", "resnet32", "--figure", "adk=3"}, {"did you mean \"adc\""});
  expect_mistake({"cost", "resnet32", "--images", "3"}, {"measured on a run"});
  expect_mistake({"cost", "--study", "imagenet"}, {"mnist"});
  expect_mistake({"cost", "resnet32", "--sweep", "bits=4"}, {"tile.adc_bits"});
}

}  // namespace
}  // namespace ohmic::test
