// ohmic map and ohmic simulate, as a stranger would run them.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "ohmic/cli/network_source.h"
#include "ohmic/data/dataset.h"
#include "program.h"

namespace ohmic::test {
namespace {

using Chip = ProgramTest;

nlohmann::json parsed(const std::string& text) { return nlohmann::json::parse(text); }

TEST_F(Chip, MapsSavesAndRunsAPlan) {
  const auto mapped = parsed(succeed({"map", "resnet32", "--ticks", "64", "--out", text("plan.json"), "--json"}));
  EXPECT_EQ(mapped["arrays"], 287);
  EXPECT_EQ(mapped["latency_ticks"], 244);
  const auto run = parsed(succeed({"simulate", text("plan.json"), "--images", "5", "--json"}));
  EXPECT_EQ(run["first_latency_ticks"], 244);
  EXPECT_EQ(run["ticks_per_sample"], 64);
  EXPECT_EQ(run["ticks"], 244 + 4 * 64);
  EXPECT_EQ(run, parsed(succeed({"simulate", "resnet32", "--ticks", "64", "--images", "5", "--json"})));
}

TEST_F(Chip, SmallBuffersAreAMistakeThatIsExplained) {
  expect_mistake({"simulate", "resnet32", "--buffer", "stem:stage1.block1.conv1=66"},
                 {"stands still", "stem (sample 0", "in the buffer from it to stage1.block1.conv1: 66 pixels, full"});
  succeed({"simulate", "resnet32", "--buffer", "stem:stage1.block1.conv1=67"});
  expect_mistake({"simulate", "resnet32", "--buffer", "stem:stage1.block1.conv9=67"}, {"did you mean"});
  expect_mistake({"simulate", "resnet32", "--buffer", "stem"}, {"write FROM:TO=PIXELS"});
}

TEST_F(Chip, MistakesNameTheWayOut) {
  expect_mistake({"map", "resnet23"}, {"there is no network", "did you mean \"resnet"});
  expect_mistake({"map", "resnet50", "--chip", "hermes64"}, {"needs 426 arrays", "362 are missing"});
  expect_mistake({"map", "resnet32", "--arrays", "10"}, {"needs 62 arrays", "52 more than the 10"});
  expect_mistake({"map", "resnet32", "--ticks", "64", "--arrays", "100"}, {"give one of them"});
  expect_mistake({"map", "resnet32", "--chip-set", "topology=star"}, {"star", "mesh"});
  expect_mistake({"map", "unet", "--chip", "hermes64", "--chip-set", "cores=1000"}, {"does not fit", "bytes"});
  expect_mistake({"map", "resnet32", "--set", "seed=2"}, {"settings are for experiments"});
  expect_mistake({"map", "ptb_lstm", "--ticks", "1"}, {"too fast", "ask for that"});
}

TEST_F(Chip, OutputsEqualThoseOfTheNetworkToTheBit) {
  const std::string out = succeed({"simulate", "small_dense_block", "--activations", "--images", "3"});
  EXPECT_NE(out.find("outputs of all 3 samples are those of the network run layer by layer, to the bit"),
            std::string::npos)
      << out;
}

TEST_F(Chip, ATrainedRunIsMappedAndSimulated) {
  const std::string run = text("run");
  succeed({"train", "mnist_mixed_precision", "--out", run, "--set", "data.name=synthetic_digits", "--set",
           "training.epochs=1", "--set", "data.train_limit=100", "--set", "data.test_limit=20"});
  EXPECT_EQ(parsed(succeed({"map", run, "--json"}))["arrays"], 5);  // 785 x 250 and 251 x 10
  const std::string out = succeed({"simulate", run, "--activations", "--images", "4"});
  EXPECT_NE(out.find("outputs of all 4 samples"), std::string::npos) << out;
}

TEST_F(Chip, MapsExperiments) {
  for (const std::string name : {"cifar10_cnn", "ptb_lstm", "mnist_gan", "cifar10_resnet32"}) {
    EXPECT_GT(parsed(succeed({"map", name, "--json"}))["arrays"], 0) << name;
    succeed({"simulate", name, "--images", "2"});
  }
}

TEST_F(Chip, ExploresAndComparesFabrics) {
  const auto plans = parsed(succeed(
      {"map", "small_inception", "--explore", "--array-sizes", "64,128", "--page", text("explore.html"), "--json"}));
  EXPECT_GT(plans.size(), 50u);
  EXPECT_NE(read_bytes(path("explore.html")).find("Memory against latency"), std::string::npos);
  const std::string fabrics = succeed({"map", "googlenet", "--fabrics"});
  EXPECT_NE(fabrics.find("keeps all 107 edges on direct channels of reach 5"), std::string::npos) << fabrics;
  const std::string far = succeed({"map", "unet", "--fabrics", "--placement", "snake"});
  EXPECT_NE(far.find("no order of the 31 stages"), std::string::npos) << far;
  succeed({"simulate", "small_inception", "--page", text("run.html")});
  EXPECT_NE(read_bytes(path("run.html")).find("Floor plan"), std::string::npos);
}

// The search saves hops and makes no link busier; what is printed is what the file carries.
TEST_F(Chip, SearchedPlacesBeatTheSnake) {
  const auto snake = parsed(succeed({"map", "squeezenet", "--placement", "snake", "--json"}));
  const auto search = parsed(succeed({"map", "squeezenet", "--out", text("plan.json"), "--json"}));
  EXPECT_LT(search["bit_hops_per_sample"].get<double>(), 0.8 * snake["bit_hops_per_sample"].get<double>());
  EXPECT_LE(search["busiest_link_bits_per_sample"], snake["busiest_link_bits_per_sample"]);
  EXPECT_LE(search["least_bit_hops_per_sample"], search["bit_hops_per_sample"]);
  EXPECT_EQ(search["latency_ticks"], snake["latency_ticks"]);
  EXPECT_NE(succeed({"map", "squeezenet"}).find("placement (search): "), std::string::npos);
  const std::string full = succeed({"map", "small_inception", "--chip-set", "topology=full"});
  EXPECT_NE(full.find("-hops per sample, the least possible"), std::string::npos) << full;
  EXPECT_NE(read_bytes(path("plan.json")).find("\"placement\": \"search\""), std::string::npos);
  succeed({"simulate", text("plan.json")});
}

// Buffers for links of the chip's bandwidth make nothing wait for room; those for wide links do.
TEST_F(Chip, BuffersForLinksMakeNothingWait) {
  const auto waited = [&](std::vector<std::string> command) {
    command.insert(command.end(), {"--json"});
    const auto run = parsed(succeed(command));
    std::int64_t sum = 0;
    for (const auto& stage : run["stages"]) sum += stage["waited_for_room_ticks"].get<std::int64_t>();
    return sum;
  };
  const std::vector<std::string> settings = {"--chip-set", "link_bits=2", "--chip-set", "hop_ns=150"};
  const auto mapped = [&](std::vector<std::string> command) {
    command.insert(command.end(), settings.begin(), settings.end());
    return command;
  };
  succeed(mapped({"map", "small_dense_block", "--out", text("wide.json")}));
  succeed(mapped({"map", "small_dense_block", "--links", "--out", text("links.json")}));
  EXPECT_GT(waited({"simulate", text("wide.json"), "--links", "--images", "6"}), 0);
  EXPECT_EQ(waited({"simulate", text("links.json"), "--images", "6"}), 0);
  EXPECT_EQ(waited(mapped({"simulate", "small_dense_block", "--links", "--images", "6"})), 0);
}

// The shapes of data sets are known without loading them.
TEST(NetworkSource, KnowsTheShapesOfDataSets) {
  for (const std::string name : {"synthetic_digits", "synthetic_images", "synthetic_grey_images", "synthetic_text"}) {
    DatasetRequest request;
    request.name = name;
    request.train_limit = request.test_limit = 300;
    const Dataset data = load_dataset(request);
    ExperimentSpec spec;
    spec.data.name = name;
    const SampleShape sample = sample_shape(spec);
    EXPECT_EQ(sample.classes, data.class_count) << name;
    if (data.is_text()) continue;
    const std::vector<int>& s = data.train.sample_shape;
    const int channels = s.size() == 3 ? s[0] : 1;
    EXPECT_EQ(sample.shape, (Shape{1, s[s.size() - 2], s[s.size() - 1], channels})) << name;
  }
}

}  // namespace
}  // namespace ohmic::test
