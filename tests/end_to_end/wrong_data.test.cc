// Is every damage to the data found, before it can spoil a run?

#include "runs.h"

namespace ohmic::test {
namespace {

namespace fs = std::filesystem;

const Arguments kFromFiles =
    set("data.name=mnist") + set("data.when_missing=fail") + set("data.train_limit=0") + set("data.test_limit=0");

/// A data folder and a run that was trained on it and must survive every later mistake.
class WrongData : public ProgramTest {
 protected:
  void SetUp() override {
    write_tiny_mnist(path("data"));
    succeed(train("run", "data", {}));
    before_ = result_bytes(path("run"));
  }
  void TearDown() override { EXPECT_EQ(result_bytes(path("run")) == before_, true) << "the run has changed"; }

  Arguments train(const std::string& run, const std::string& data, const Arguments& more) const {
    return small_training(text(run), kFromFiles + Arguments{"--data", text(data)} + more);
  }

  void expect_bad_data(const std::vector<std::string>& parts) const {
    expect_mistake(train("run", "data", {"--resume"}), parts);
    expect_mistake(train("new", "data", {}), parts);
    expect_mistake({"deploy", text("run"), "--data", text("data")}, parts);
    EXPECT_FALSE(fs::exists(path("new")));
  }

  void damage(const std::string& file, const std::string& bytes) const {
    fs::remove(path("data/" + file + ".gz"));
    write_bytes(path("data/" + file), bytes);
  }

 private:
  std::string before_;
};

TEST_F(WrongData, CutOffFile) {
  const std::string whole = idx_images(3);
  damage("train-images-idx3-ubyte", whole.substr(0, whole.size() - 100));
  expect_bad_data({"train-images-idx3-ubyte", "cut off", "expected 2352", "--data"});
}

TEST_F(WrongData, CutOffGzip) {
  const std::string whole = gzip(idx_images(3));
  write_bytes(path("data/train-images-idx3-ubyte.gz"), whole.substr(0, whole.size() / 2));
  expect_bad_data({"train-images-idx3-ubyte.gz", "--data"});
}

TEST_F(WrongData, EmptyFile) {
  damage("t10k-labels-idx1-ubyte", "");
  expect_bad_data({"t10k-labels-idx1-ubyte", "ends within the header"});
}

TEST_F(WrongData, WrongMagic) {
  damage("train-labels-idx1-ubyte", idx_images(3));
  expect_bad_data({"train-labels-idx1-ubyte", "0x00000803", "expected 0x00000801"});
}

TEST_F(WrongData, LabelThatIsNoDigit) {
  damage("t10k-labels-idx1-ubyte", idx_labels("\x03\x0a"));
  expect_bad_data({"t10k-labels-idx1-ubyte", "label 10 of sample 1", "expected 0 to 9"});
}

TEST_F(WrongData, LabelsThatAreFewerThanImages) {
  damage("train-labels-idx1-ubyte", idx_labels("\x01\x02"));
  expect_bad_data({"train-images-idx3-ubyte.gz", "3 images", "2 labels"});
}

TEST_F(WrongData, ImagesOfAnotherSize) {
  damage("t10k-images-idx3-ubyte", idx_images(2, 27));
  expect_bad_data({"t10k-images-idx3-ubyte", "27x27", "expected 28x28"});
}

TEST_F(WrongData, OneOfFourFilesIsMissing) {
  fs::remove(path("data/t10k-images-idx3-ubyte.gz"));
  expect_bad_data({text("data"), "t10k-images-idx3-ubyte.gz missing", "--data"});
}

TEST_F(WrongData, MissingFolder) {
  fs::remove_all(path("data"));
  expect_bad_data({"--data " + text("data"), "not a readable folder", "correct the path"});
}

TEST_F(WrongData, FolderWithoutData) {
  for (const auto& file : fs::directory_iterator(path("data"))) fs::remove(file);
  expect_bad_data({text("data"), "no MNIST", "train-images-idx3-ubyte.gz"});
}

TEST_F(WrongData, NoDataAnywhereNamesThePlaces) {
  expect_mistake(small_training(text("new"), kFromFiles), {"none of the places", "shared/data", "--data"});
  expect_mistake(small_training(text("new"), kFromFiles), {"$OHMIC_DATA " + text("none"), "correct the path"},
                 {{"OHMIC_DATA=" + text("none")}});
}

TEST_F(WrongData, OtherDataThanTheRunWasTrainedOn) {
  damage("train-labels-idx1-ubyte", idx_labels("\x01\x02\x08"));
  expect_mistake(train("run", "data", {"--resume"}), {"checkpoint.safetensors", "made with the data", "--data"});
  expect_mistake({"deploy", text("run"), "--data", text("data")}, {"made with the data", "--data"});
}

TEST_F(WrongData, GoodDataAreFoundByOptionAndByEnvironment) {
  const Surroundings around = {{"OHMIC_DATA=" + text("data")}};
  succeed(small_training(text("other"), kFromFiles), around);
  EXPECT_TRUE(same_results(path("run"), path("other")));
  EXPECT_EQ(read_json(path("other/run.json")).at("data").at("synthetic"), false);
}

}  // namespace
}  // namespace ohmic::test
