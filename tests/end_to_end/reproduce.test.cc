// Does `ohmic reproduce` make the figures of the papers from a network that is trained once?

#include "runs.h"

namespace ohmic::test {
namespace {

class Reproduce : public ProgramTest {
 protected:
  Arguments figure(const std::string& name) const {
    return Arguments{"reproduce", name, "--out", text("figures")} + set("data.name=synthetic_images") +
           set("data.train_limit=40") + set("data.test_limit=20") + set("training.batch_size=20") +
           set("training.epochs=1");
  }
};

TEST_F(Reproduce, FiguresOfOneNetworkTrainItOnce) {
  const std::string wear = succeed(figure("hybrid_wear"));
  EXPECT_NE(wear.find("$ ohmic train cifar10_hybrid_resnet8 --resume"), std::string::npos) << wear;
  const std::string run = "figures/cifar10_hybrid_resnet8";
  EXPECT_NE(read_bytes(path(run + "/report.html")).find("LSB bit"), std::string::npos);
  const std::string before = read_bytes(path(run + "/checkpoint.safetensors"));
  const std::string over_time = succeed(figure("hybrid_time"));
  EXPECT_EQ(read_bytes(path(run + "/checkpoint.safetensors")), before);
  EXPECT_NE(over_time.find("adabs"), std::string::npos) << over_time;
  EXPECT_NE(read_bytes(path(run + "/report.html")).find("AdaBS"), std::string::npos);
}

TEST_F(Reproduce, FullTakesTheNetworkOfThePaper) {
  const std::string printed = succeed(figure("hybrid_wear") + Arguments{"--full"});
  EXPECT_NE(printed.find("$ ohmic train cifar10_hybrid_resnet32 --resume"), std::string::npos) << printed;
}

// Also if the signal comes between two commands.
TEST_F(Reproduce, StopsAndGoesOn) {
  Process process = start(figure("hybrid_time"));
  ASSERT_TRUE(wait_until([&] { return read_bytes(path("output/out")).find("$ ohmic deploy") != std::string::npos; }));
  process.send(SIGINT);
  const Outcome outcome = process.wait();
  EXPECT_EQ(outcome.exit_code, 130) << outcome.err;
  EXPECT_NE(outcome.err.find("`ohmic reproduce hybrid_time` with the same options goes on"), std::string::npos)
      << outcome.err;
  succeed(figure("hybrid_time") + Arguments{"--resume"});
  EXPECT_TRUE(std::filesystem::exists(path("figures/cifar10_hybrid_resnet8/report.html")));
}

TEST_F(Reproduce, MistakesAreNamed) {
  expect_mistake({"reproduce", "hybrid_tim"}, {"hybrid_time", "hybrid_ablation"});
  expect_mistake(figure("hybrid_wear") + set("training.epoch=1"), {"training.epoch", "epochs"});
  expect_mistake({"reproduce", "hybrid_time", "--out", ""}, {"--out is empty", "figures"});
}

}  // namespace
}  // namespace ohmic::test
