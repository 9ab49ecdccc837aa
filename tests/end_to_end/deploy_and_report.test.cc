// Do `ohmic deploy` and `ohmic report` do their jobs with the runs that `ohmic train` makes?

#include "runs.h"

namespace ohmic::test {
namespace {

class Deploy : public ProgramTest {
 protected:
  void SetUp() override { succeed(small_training(text("run"), set("data.train_limit=600"))); }
};

class Report : public ProgramTest {
 protected:
  void SetUp() override { succeed(small_training(text("run"))); }
};

const Json& result_at(const Json& document, const std::string& at, const std::string& compensate) {
  static const Json none;
  for (const Json& result : document.at("results")) {
    if (result.at("at") == at && result.at("compensate") == compensate) return result;
  }
  ADD_FAILURE() << "no result at " << at << " with " << compensate;
  return none;
}

TEST_F(Deploy, WritesAndPrintsTheSameResults) {
  const std::string printed = succeed({"deploy", text("run"), "--at", "1y,25s,1h", "--draws", "3", "--json"});
  EXPECT_EQ(printed, read_bytes(path("run/deploy.json")));
  const Json document = Json::parse(printed, nullptr, false);
  EXPECT_EQ(document.at("results").size(), 6U);
  EXPECT_EQ(result_at(document, "1h", "gdc").at("at_seconds"), 3600);
  for (const Json& result : document.at("results")) {
    EXPECT_EQ(result.at("draws"), 3);
    EXPECT_GE(result.at("accuracy_min"), 0);
    EXPECT_LE(result.at("accuracy_min"), result.at("accuracy_mean"));
    EXPECT_LE(result.at("accuracy_mean"), result.at("accuracy_max"));
    EXPECT_LE(result.at("accuracy_max"), 1);
  }
}

TEST_F(Deploy, SoonAfterTrainingTheNetworkStillWorks) {
  const Json document =
      Json::parse(succeed({"deploy", text("run"), "--at", "1s", "--draws", "2", "--json"}), nullptr, false);
  EXPECT_GT(result_at(document, "1s", "none").at("accuracy_mean"), 0.35);
  EXPECT_GT(result_at(document, "1s", "gdc").at("accuracy_mean"), 0.35);
}

TEST_F(Deploy, PrintsATableForPeople) {
  const std::string table = succeed({"deploy", text("run"), "--at", "1h,1mo", "--compensate", "gdc", "--draws", "1"});
  for (const char* word : {"accuracy", "1h", "1mo", "gdc", " %"})
    EXPECT_NE(table.find(word), std::string::npos) << word;
  EXPECT_EQ(table.find("none"), std::string::npos);
}

// Statistics of training are wrong for arrays that have faded; estimated anew they bring back what drift took.
TEST_F(Deploy, AdabsEstimatesBatchNormAnew) {
  succeed({"train", "cifar10_cnn", "--out", text("cnn"), "--set", "data.name=synthetic_images", "--set",
           "data.train_limit=400", "--set", "data.test_limit=100", "--set", "training.epochs=2", "--set",
           "training.batch_size=20"});
  const Json document = Json::parse(succeed({"deploy", text("cnn"), "--at", "1s,1y", "--compensate", "none,adabs",
                                             "--adabs-images", "200", "--draws", "2", "--json"}),
                                    nullptr, false);
  const double none = result_at(document, "1y", "none").at("accuracy_mean");
  const double adabs = result_at(document, "1y", "adabs").at("accuracy_mean");
  EXPECT_GT(adabs, none);
  EXPECT_GT(adabs, 0.7 * static_cast<double>(result_at(document, "1s", "adabs").at("accuracy_mean")));
}

TEST_F(Deploy, LeavesTheRunAsItWas) {
  const std::string before = result_bytes(path("run")) + read_bytes(path("run/run.json"));
  succeed({"deploy", text("run"), "--at", "1y", "--draws", "1"});
  EXPECT_EQ(result_bytes(path("run")) + read_bytes(path("run/run.json")) == before, true);
}

TEST_F(Deploy, WorksOnIdealCells) {
  succeed(small_training(text("ideal"), {}, "mnist_ideal"));
  const Json document =
      Json::parse(succeed({"deploy", text("ideal"), "--at", "1s,1y", "--draws", "1", "--json"}), nullptr, false);
  EXPECT_EQ(result_at(document, "1s", "none").at("accuracy_mean"),
            result_at(document, "1y", "none").at("accuracy_mean"));
}

TEST_F(Report, IsAPageInTheRunFolder) {
  EXPECT_EQ(succeed({"report", text("run")}), text("run/report.html") + "\n");
  const std::string page = read_bytes(path("run/report.html"));
  EXPECT_EQ(page.find("<!DOCTYPE html>"), 0U) << page.substr(0, 100);
  EXPECT_NE(page.find("<svg"), std::string::npos);
  EXPECT_NE(page.find("mnist_mixed_precision"), std::string::npos);
}

TEST_F(Report, NeedsNothingFromElsewhere) {
  succeed({"report", text("run")});
  const std::string page = read_bytes(path("run/report.html"));
  for (const char* reference : {"src=\"http", "href=\"http", "@import", "<script src"}) {
    EXPECT_EQ(page.find(reference), std::string::npos) << reference;
  }
}

TEST_F(Report, PutsRunsBesideEachOtherWithTheirAging) {
  succeed(small_training(text("sgd"), {}, "mnist_sgd"));
  succeed({"deploy", text("run"), "--at", "1h,1y", "--draws", "1"});
  const std::string printed =
      succeed({"report", text("run"), text("sgd"), "--out", text("page.html"), "--title", "a < b", "--json"});
  EXPECT_EQ(Json::parse(printed, nullptr, false).at("report"), text("page.html"));
  const std::string page = read_bytes(path("page.html"));
  for (const char* part : {"mnist_sgd", "mnist_mixed_precision", "a &lt; b", "GDC", "1 y"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
}

TEST_F(Deploy, WritesDigitalWeightsOntoCells) {
  succeed(small_training(text("sgd"), set("data.train_limit=1500") + set("data.test_limit=200"), "mnist_sgd"));
  const double trained = read_json_lines(path("sgd/metrics.jsonl")).back().at("test_accuracy");
  const std::string table = succeed({"deploy", text("sgd"), "--device", "ideal", "--at", "1s", "--draws", "1"});
  EXPECT_NE(table.find("converged"), std::string::npos) << table;
  // Exact cells and 8-bit converters keep the accuracy: 200 images, of which a few may fall on the other side.
  const Json exact = read_json(path("sgd/deploy.json"));
  EXPECT_NEAR(exact.at("results").at(0).at("accuracy_mean").get<double>(), trained, 0.021);
  EXPECT_EQ(exact.at("programming").size(), 2U);
  EXPECT_EQ(exact.at("programming").at(0).at("converged"), exact.at("programming").at(0).at("cells"));
  succeed(
      {"deploy", text("sgd"), "--device", "pcm", "--at", "1s", "--draws", "1", "--set", "programming.method=blind"});
  const Json blind = read_json(path("sgd/deploy.json"));
  EXPECT_LT(blind.at("programming").at(0).at("converged"), blind.at("programming").at(0).at("cells"));
  EXPECT_EQ(blind.at("programming").at(0).at("reads"), 0);
}

}  // namespace
}  // namespace ohmic::test
