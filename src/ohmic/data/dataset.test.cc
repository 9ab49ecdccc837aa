#include "ohmic/data/dataset.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "ohmic/data/load_fixture.h"
#include "ohmic/data/mnist.h"
#include "ohmic/data/test_support.h"

namespace ohmic {
namespace {

namespace fs = std::filesystem;
using test::expect_error;
using test::gzip;
using test::idx_images;
using test::idx_labels;
using test::write_bytes;
using test::write_tiny_mnist;
using LoadDataset = test::LoadFixture;

TEST_F(LoadDataset, SearchesTheGivenFolderThenTheEnvironmentThenTheUsualPlaces) {
  EXPECT_EQ(dataset_search_path(""), (std::vector<fs::path>{"data", "../shared/data"}));
  set_environment("/from/environment");
  EXPECT_EQ(dataset_search_path("given"),
            (std::vector<fs::path>{"given", "/from/environment", "data", "../shared/data"}));
}

TEST_F(LoadDataset, TakesTheFirstPlaceThatHoldsTheData) {
  write_tiny_mnist(root_ / "shared/data/mnist");
  expect_read_from("../shared/data/mnist");
  write_tiny_mnist(root_ / "work/data/mnist");
  expect_read_from("data/mnist");
  write_tiny_mnist(root_ / "environment");
  set_environment(root_ / "environment");
  expect_read_from(root_ / "environment");
  write_tiny_mnist(root_ / "given/mnist");
  request_.folder = root_ / "given";
  expect_read_from(root_ / "given/mnist");
}

TEST_F(LoadDataset, ReadsTheContentAndTellsWhereFrom) {
  write_tiny_mnist(root_ / "given");
  const Dataset dataset = load_from(root_ / "given");
  EXPECT_EQ(dataset.name, "mnist");
  EXPECT_FALSE(dataset.synthetic);
  EXPECT_EQ(dataset.class_count, 10);
  EXPECT_EQ(dataset.train.labels, (std::vector<std::uint8_t>{1, 2, 9}));
  EXPECT_EQ(dataset.test.labels, (std::vector<std::uint8_t>{3, 4}));
  EXPECT_EQ(dataset.test.pixels, std::vector<std::uint8_t>(2 * 28 * 28, 0x11));
  EXPECT_EQ(dataset.provenance, fmt::format("MNIST, 3 training + 2 test images, read from {} (not the published files)",
                                            (root_ / "given").string()));
}

TEST_F(LoadDataset, AcceptsUnpackedFiles) {
  write_tiny_mnist(root_ / "given");
  fs::remove(root_ / "given/t10k-images-idx3-ubyte.gz");
  write_bytes(root_ / "given/t10k-images-idx3-ubyte", idx_images(2));
  EXPECT_EQ(load_from(root_ / "given").test.count, 2);
}

TEST_F(LoadDataset, KeepsTheFirstSamples) {
  write_tiny_mnist(root_ / "given");
  request_.train_limit = 2;
  request_.test_limit = 7;
  const Dataset dataset = load_from(root_ / "given");
  EXPECT_EQ(dataset.train.count, 2);
  EXPECT_EQ(dataset.train.labels, (std::vector<std::uint8_t>{1, 2}));
  EXPECT_EQ(dataset.train.pixels.size(), 2u * 28 * 28);
  EXPECT_EQ(dataset.test.count, 2);
  request_.train_limit = -1;
  expect_error([&] { load_dataset(request_); }, {"train_limit = -1", "use 0 for all"});
}

TEST_F(LoadDataset, RejectsAGivenFolderThatIsMissingOrEmptyWhateverElseIsThere) {
  write_tiny_mnist(root_ / "work/data");
  request_.when_missing = MissingData::download_or_synthetic;
  expect_error([&] { load_from(root_ / "nowhere"); },
               {"--data " + (root_ / "nowhere").string(), "No such file or directory"});
  fs::create_directories(root_ / "empty");
  expect_error([&] { load_from(root_ / "empty"); },
               {"--data " + (root_ / "empty").string(), "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
                "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"});
  expect_error([&] { load_from(root_ / "work/data/t10k-labels-idx1-ubyte.gz"); }, {"Not a directory"});
}

TEST_F(LoadDataset, RejectsAnEnvironmentThatNamesAMissingFolder) {
  write_tiny_mnist(root_ / "work/data");
  set_environment(root_ / "nowhere");
  expect_error([&] { load_dataset(request_); }, {"$OHMIC_DATA " + (root_ / "nowhere").string()});
  set_environment("");
  EXPECT_EQ(load_dataset(request_).train.count, 3);
}

TEST_F(LoadDataset, NamesTheMissingFilesOfAnIncompleteSet) {
  write_tiny_mnist(root_ / "work/data/mnist");
  fs::remove(root_ / "work/data/mnist/t10k-labels-idx1-ubyte.gz");
  for (const auto policy : {MissingData::fail, MissingData::download_or_synthetic}) {
    request_.when_missing = policy;
    expect_error([&] { load_dataset(request_); },
                 {"data/mnist: MNIST is incomplete: t10k-labels-idx1-ubyte.gz missing"});
  }
}

TEST_F(LoadDataset, PrefersTheCompleteSetOfTheTwoPlacesInAFolder) {
  write_tiny_mnist(root_ / "given");
  write_bytes(root_ / "given/mnist/t10k-labels-idx1-ubyte", idx_labels("\x01"));
  EXPECT_EQ(load_from(root_ / "given").test.count, 2);
}

TEST_F(LoadDataset, NeverReplacesDamagedFiles) {
  write_tiny_mnist(root_ / "work/data");
  write_bytes(root_ / "work/data/train-images-idx3-ubyte.gz", gzip(idx_images(3)).substr(0, 30));
  request_.when_missing = MissingData::download_or_synthetic;
  expect_error([&] { load_dataset(request_); }, {"data/train-images-idx3-ubyte.gz", "ends early"});
}

TEST_F(LoadDataset, RejectsOtherImageSizes) {
  write_tiny_mnist(root_ / "given");
  write_bytes(root_ / "given/t10k-images-idx3-ubyte.gz", gzip(idx_images(2, 32)));
  expect_error([&] { load_from(root_ / "given"); }, {"t10k-images-idx3-ubyte.gz", "32x32, expected 28x28"});
}

TEST_F(LoadDataset, ListsThePlacesSearchedWhenNothingIsThere) {
  expect_error([&] { load_dataset(request_); },
               {"data, ../shared/data", "train-images-idx3-ubyte.gz", "--data FOLDER"});
}

TEST_F(LoadDataset, DrawsTheStandInOnRequest) {
  request_.when_missing = MissingData::synthetic;
  request_.train_limit = 30;
  request_.test_limit = 20;
  const Dataset dataset = load_dataset(request_);
  EXPECT_TRUE(dataset.synthetic);
  EXPECT_EQ(dataset.name, "synthetic_digits");
  EXPECT_EQ(dataset.train.count, 30);
  EXPECT_EQ(dataset.test.count, 20);
  EXPECT_NE(dataset.provenance.find("because MNIST was not found"), std::string::npos) << dataset.provenance;
}

TEST_F(LoadDataset, DrawsTheStandInWhenTheDownloadFailsAndSaysWhy) {
  request_.when_missing = MissingData::download_or_synthetic;
  request_.train_limit = request_.test_limit = 10;
  const Dataset dataset = load_dataset(request_);
  EXPECT_TRUE(dataset.synthetic);
  for (const std::string& part : {std::string("cannot be downloaded"), request_.mirrors[0], std::string("not MNIST")}) {
    EXPECT_NE(dataset.provenance.find(part), std::string::npos) << dataset.provenance;
  }
  EXPECT_FALSE(fs::exists("data"));
}

TEST_F(LoadDataset, FailsWhenTheDownloadFailsAndNothingElseIsAllowed) {
  request_.when_missing = MissingData::download;
  expect_error([&] { load_dataset(request_); }, {"cannot be downloaded", request_.mirrors[0]});
}

TEST_F(LoadDataset, DrawsSyntheticDigitsByName) {
  write_tiny_mnist(root_ / "work/data");
  request_.name = "synthetic_digits";
  request_.train_limit = request_.test_limit = 10;
  EXPECT_TRUE(load_dataset(request_).synthetic);
}

TEST_F(LoadDataset, RejectsAnUnknownName) {
  request_.name = "mnits";
  expect_error([&] { load_dataset(request_); },
               {"\"mnits\" is unknown", "\"mnist\", \"fashion_mnist\", \"cifar10\", \"ptb_char\", \"synthetic_digits\"",
                "or \"synthetic_text\""});
}

std::array<int, 10> class_counts(const Split& split) {
  std::array<int, 10> counts{};
  for (const std::uint8_t label : split.labels) ++counts.at(label);
  return counts;
}

/// The real data, where they lie beside the source.
class PublishedMnist : public LoadDataset {
 protected:
  fs::path published_ = fs::path(OHMIC_SOURCE_DIR).parent_path() / "shared/data/mnist";

  bool is_there() const {
    if (fs::exists(published_)) return true;
    std::puts("MNIST is not beside the source: it is not tested");
    return false;
  }
};

TEST_F(PublishedMnist, HasTheKnownClassCountsAndMean) {
  if (!is_there()) return;
  const Dataset dataset = load_from(published_);
  EXPECT_EQ(class_counts(dataset.train), (std::array{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}));
  EXPECT_EQ(class_counts(dataset.test), (std::array{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}));
  double sum = 0;
  for (const std::uint8_t pixel : dataset.train.pixels) sum += pixel;
  EXPECT_NEAR(sum / 255 / static_cast<double>(dataset.train.pixels.size()), 0.1307, 5e-5);
  EXPECT_TRUE(dataset.provenance.ends_with("(verified)")) << dataset.provenance;
}

TEST_F(PublishedMnist, IsDownloadedIntoTheDataFolderAndFoundThereTheNextTime) {
  if (!is_there()) return;
  request_.when_missing = MissingData::download;
  request_.mirrors = {fmt::format("file://{}/", published_.string())};
  EXPECT_TRUE(load_dataset(request_).provenance.ends_with("read from data/mnist (verified), downloaded by this run"));
  request_.when_missing = MissingData::fail;
  expect_read_from("data/mnist");
}

TEST_F(PublishedMnist, IsDownloadedIntoTheFolderOfTheEnvironment) {
  if (!is_there()) return;
  fs::create_directories(root_ / "environment");
  set_environment(root_ / "environment");
  request_.when_missing = MissingData::download;
  request_.mirrors = {fmt::format("file://{}/", published_.string())};
  load_dataset(request_);
  EXPECT_TRUE(fs::exists(root_ / "environment/mnist/train-images-idx3-ubyte.gz"));
  EXPECT_FALSE(fs::exists("data"));
}

}  // namespace
}  // namespace ohmic
