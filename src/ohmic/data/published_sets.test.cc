// CIFAR-10, Fashion-MNIST and the Penn Treebank text through load_dataset, from small files in the same form.

#include <gtest/gtest.h>

#include "ohmic/data/dataset.h"
#include "ohmic/data/load_fixture.h"
#include "ohmic/data/ptb.h"
#include "ohmic/data/sha256.h"
#include "ohmic/data/test_support.h"

namespace ohmic {
namespace {

namespace fs = std::filesystem;
using test::cifar_records;
using test::expect_error;
using test::gzip;
using test::write_bytes;
using test::write_tiny_cifar10;
using test::write_tiny_mnist;
using test::write_tiny_ptb;

using Bytes = std::vector<std::uint8_t>;

class Cifar10 : public test::LoadFixture {
 protected:
  Cifar10() { request_.name = "cifar10"; }

  void expect_damaged(std::string_view name, std::string_view content, std::initializer_list<std::string> parts) {
    write_tiny_cifar10(root_ / "given");
    write_bytes(root_ / "given" / name, content);
    expect_error([&] { load_from(root_ / "given"); }, parts);
    expect_error([&] { load_from(root_ / "given"); }, {std::string(name), "--data FOLDER"});
  }

  static void expect_tiny(const Dataset& dataset) {
    EXPECT_EQ(dataset.name, "cifar10");
    EXPECT_FALSE(dataset.synthetic);
    EXPECT_EQ(dataset.class_count, 10);
    EXPECT_EQ(dataset.train.count, 5);
    EXPECT_EQ(dataset.train.sample_shape, (std::vector<int>{3, 32, 32}));
    EXPECT_EQ(dataset.train.labels, (Bytes{0, 1, 2, 3, 4}));
    EXPECT_EQ(dataset.test.labels, (Bytes{8, 9}));
    ASSERT_EQ(dataset.test.pixels.size(), 2u * 3072);
    EXPECT_EQ(dataset.test.pixels[3072 + 2 * 1024 + 5], 10 + 160 + 5);
  }
};

TEST_F(Cifar10, IsFoundInEachOfItsPlacesAndReadInTheOrderOfTheBatches) {
  for (const std::string place : {"a/cifar10", "b/cifar-10-batches-bin", "c"}) {
    write_tiny_cifar10(root_ / place);
    const Dataset dataset = load_from(root_ / place.substr(0, 1));
    expect_tiny(dataset);
    EXPECT_EQ(dataset.provenance, fmt::format("CIFAR-10, 5 training + 2 test images, read from {} (not the published "
                                              "files)",
                                              (root_ / place).string()));
  }
}

TEST_F(Cifar10, IsReadFromThePublishedArchive) {
  write_bytes(root_ / "given/cifar10/cifar-10-binary.tar.gz", test::tiny_cifar10_archive());
  const Dataset dataset = load_from(root_ / "given");
  expect_tiny(dataset);
  EXPECT_NE(dataset.provenance.find("cifar-10-binary.tar.gz (not the published files)"), std::string::npos);
}

TEST_F(Cifar10, NamesWhatTheArchiveLacks) {
  write_bytes(root_ / "given/cifar-10-binary.tar.gz", test::tiny_cifar10_archive(3));
  expect_error([&] { load_from(root_ / "given"); },
               {"cifar-10-binary.tar.gz: the archive lacks data_batch_4.bin, data_batch_5.bin"});
  const std::string archive = test::tiny_cifar10_archive();
  write_bytes(root_ / "given/cifar-10-binary.tar.gz", archive.substr(0, archive.size() / 2));
  expect_error([&] { load_from(root_ / "given"); }, {"cifar-10-binary.tar.gz", "ends early"});
}

TEST_F(Cifar10, SaysWhatIsDamaged) {
  expect_damaged("data_batch_3.bin.gz", gzip(cifar_records(2)).substr(0, 60), {"data_batch_3.bin.gz", "ends early"});
  expect_damaged("test_batch.bin", cifar_records(2).substr(1), {"6145 bytes, expected a multiple of 3073"});
  expect_damaged("test_batch.bin", "", {"0 bytes, expected a multiple of 3073"});
  expect_damaged("data_batch_1.bin.gz", gzip(cifar_records(3, 8)),
                 {"label 10 of image 2 is out of range, expected 0 to 9"});
  expect_damaged("data_batch_1.bin.gz", gzip(cifar_records(1)) + "and more", {"data_batch_1.bin.gz"});
}

TEST_F(Cifar10, NamesMissingBatches) {
  write_tiny_cifar10(root_ / "work/data/cifar10");
  fs::remove(root_ / "work/data/cifar10/data_batch_2.bin.gz");
  fs::remove(root_ / "work/data/cifar10/test_batch.bin");
  request_.when_missing = MissingData::download_or_synthetic;
  expect_error([&] { load_dataset(request_); },
               {"data/cifar10: CIFAR-10 is incomplete: data_batch_2.bin, test_batch.bin missing (all six files"});
}

TEST_F(Cifar10, SaysWhatAFolderMustHold) {
  fs::create_directories(root_ / "empty");
  expect_error([&] { load_from(root_ / "empty"); },
               {"no CIFAR-10 in it or its subfolders cifar10 or cifar-10-batches-bin", "the six files data_batch_1.bin",
                "test_batch.bin", "or the archive cifar-10-binary.tar.gz"});
}

TEST_F(Cifar10, RefusesAnotherArchiveThanThePublishedOne) {
  write_bytes(root_ / "mirror/cifar-10-binary.tar.gz", test::tiny_cifar10_archive());
  request_.when_missing = MissingData::download;
  expect_error([&] { load_dataset(request_); },
               {"cifar-10-binary.tar.gz cannot be downloaded",
                "expected c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"});
  EXPECT_FALSE(fs::exists("data"));
}

TEST_F(Cifar10, HasAStandInOfTheSameForm) {
  request_.when_missing = MissingData::download_or_synthetic;
  request_.train_limit = 30;
  request_.test_limit = 20;
  const Dataset dataset = load_dataset(request_);
  EXPECT_TRUE(dataset.synthetic);
  EXPECT_EQ(dataset.name, "synthetic_images");
  EXPECT_EQ(dataset.train.sample_shape, (std::vector<int>{3, 32, 32}));
  EXPECT_EQ(dataset.train.count, 30);
  EXPECT_EQ(dataset.test.count, 20);
  EXPECT_NE(dataset.provenance.find("because CIFAR-10 was not found and"), std::string::npos) << dataset.provenance;
}

TEST_F(Cifar10, KeepsTheFirstImagesAndMeasuresThem) {
  write_tiny_cifar10(root_ / "given");
  request_.train_limit = 1;
  const Dataset dataset = load_from(root_ / "given");
  EXPECT_EQ(dataset.train.pixels.size(), 3072u);
  ASSERT_EQ(dataset.channel_mean.size(), 3u);
  EXPECT_NEAR(dataset.channel_mean[1], (80 + 2.995) / 255, 1e-4);  // 1024 pixels of p % 7
}

class FashionMnist : public test::LoadFixture {
 protected:
  FashionMnist() { request_.name = "fashion_mnist"; }
};

TEST_F(FashionMnist, IsFoundInItsFoldersOnlySinceMnistHasTheSameNames) {
  write_tiny_mnist(root_ / "given");
  write_tiny_mnist(root_ / "given/mnist");
  expect_error([&] { load_from(root_ / "given"); },
               {"no Fashion-MNIST in its subfolders fashion_mnist or fashion-mnist"});
  write_tiny_mnist(root_ / "given/fashion-mnist");
  Dataset dataset = load_from(root_ / "given");
  EXPECT_EQ(dataset.name, "fashion_mnist");
  EXPECT_EQ(dataset.train.labels, (Bytes{1, 2, 9}));
  EXPECT_NE(dataset.provenance.find("fashion-mnist (not the published files)"), std::string::npos);
  write_tiny_mnist(root_ / "given/fashion_mnist");
  dataset = load_from(root_ / "given");
  EXPECT_NE(dataset.provenance.find("given/fashion_mnist"), std::string::npos) << dataset.provenance;
}

TEST_F(FashionMnist, ReportsDamagedAndMissingFiles) {
  write_tiny_mnist(root_ / "given/fashion_mnist");
  write_bytes(root_ / "given/fashion_mnist/train-labels-idx1-ubyte.gz", gzip(test::idx_labels("\x01\x02\x0a")));
  expect_error([&] { load_from(root_ / "given"); }, {"train-labels-idx1-ubyte.gz", "label 10 of sample 2"});
  fs::remove(root_ / "given/fashion_mnist/train-labels-idx1-ubyte.gz");
  expect_error([&] { load_from(root_ / "given"); },
               {"Fashion-MNIST is incomplete: train-labels-idx1-ubyte.gz missing (all four files"});
}

TEST_F(FashionMnist, HasAStandInOfTheSameForm) {
  request_.when_missing = MissingData::synthetic;
  request_.train_limit = request_.test_limit = 10;
  const Dataset dataset = load_dataset(request_);
  EXPECT_EQ(dataset.name, "synthetic_grey_images");
  EXPECT_EQ(dataset.train.sample_shape, (std::vector<int>{28, 28}));
}

class PtbChar : public test::LoadFixture {
 protected:
  PtbChar() { request_.name = "ptb_char"; }

  static std::string text_of(const Dataset& dataset, const Split& split) {
    std::string text;
    for (const std::uint8_t token : split.tokens) text += static_cast<char>(dataset.vocabulary.at(token));
    return text;
  }
};

TEST_F(PtbChar, SpellsTheWordsWithoutTheSpaceAtTheHeadOfALine) {
  write_tiny_ptb(root_ / "given/ptb");
  const Dataset dataset = load_from(root_ / "given");
  EXPECT_EQ(dataset.name, "ptb_char");
  EXPECT_TRUE(dataset.is_text());
  EXPECT_EQ(std::string(dataset.vocabulary.begin(), dataset.vocabulary.end()), "\n <>Nabcknu");
  EXPECT_EQ(dataset.class_count, 11);
  EXPECT_EQ(text_of(dataset, dataset.train), "ab c \n<unk> N \n");
  EXPECT_EQ(text_of(dataset, dataset.validation), "cab \n");
  EXPECT_EQ(text_of(dataset, dataset.test), "b \na \n");
  EXPECT_EQ(dataset.train.count, 15);
  EXPECT_TRUE(dataset.train.pixels.empty());
  EXPECT_NE(dataset.provenance.find("15 training + 5 validation + 6 test characters of 11 kinds"), std::string::npos)
      << dataset.provenance;
}

TEST_F(PtbChar, NamesFileLineAndByteThatTheTrainingTextDoesNotHave) {
  write_tiny_ptb(root_ / "given");
  write_bytes(root_ / "given/ptb.test.txt", " b \n ab?\n");
  expect_error([&] { load_from(root_ / "given"); },
               {"ptb.test.txt, line 2, column 4: byte 0x3f '?' does not occur in the training text"});
  write_bytes(root_ / "given/ptb.valid.txt", "\xc3\xa9");
  expect_error([&] { load_from(root_ / "given"); }, {"ptb.valid.txt, line 1, column 1: byte 0xc3 does not occur"});
}

TEST_F(PtbChar, ReportsEmptyCutAndMissingFiles) {
  write_tiny_ptb(root_ / "given");
  write_bytes(root_ / "given/ptb.valid.txt", "");
  expect_error([&] { load_from(root_ / "given"); }, {"ptb.valid.txt: is empty", "--data FOLDER"});
  write_bytes(root_ / "given/ptb.valid.txt.gz", gzip(std::string(1000, 'a')).substr(0, 20));
  expect_error([&] { load_from(root_ / "given"); }, {"ptb.valid.txt.gz", "ends early"});
  fs::remove(root_ / "given/ptb.train.txt");
  expect_error([&] { load_from(root_ / "given"); }, {"ptb.train.txt missing (all three files"});
}

TEST_F(PtbChar, KeepsTheFirstTokens) {
  write_tiny_ptb(root_ / "given");
  request_.train_limit = 4;
  request_.test_limit = 3;
  const Dataset dataset = load_from(root_ / "given");
  EXPECT_EQ(text_of(dataset, dataset.train), "ab c");
  EXPECT_EQ(text_of(dataset, dataset.validation), "cab");
  EXPECT_EQ(dataset.test.count, 3);
}

TEST_F(PtbChar, HasAStandIn) {
  request_.when_missing = MissingData::synthetic;
  request_.train_limit = 500;
  request_.test_limit = 100;
  const Dataset dataset = load_dataset(request_);
  EXPECT_EQ(dataset.name, "synthetic_text");
  EXPECT_EQ(dataset.train.tokens.size(), 500u);
  EXPECT_EQ(dataset.validation.tokens.size(), 100u);
  EXPECT_NE(dataset.provenance.find("because Penn Treebank text was not found"), std::string::npos);
}

TEST_F(PtbChar, RefusesOtherTextThanThePublishedOne) {
  write_tiny_ptb(root_ / "mirror");
  request_.when_missing = MissingData::download;
  expect_error([&] { load_dataset(request_); },
               {"ptb.train.txt cannot be downloaded",
                "expected fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf"});
}

// The way of a download with checksums that small files can have: packed files, unpacked files, an archive.
TEST(DownloadFiles, KeepsFilesAsTheyArePublishedAndFindsThemAgain) {
  test::TemporaryFolder folder;
  write_bytes(folder / "mirror/a.gz", gzip("one"));
  write_bytes(folder / "mirror/b", "two");
  const std::string a = sha256_of_file(folder / "mirror/a.gz"), b = sha256_of_file(folder / "mirror/b");
  FileSet set{.title = "Small",
              .folders = {"small", ""},
              .files = {{"a", a, ""}, {"b", "", b}},
              .archive = "",
              .archive_sha256 = "",
              .mirrors = {fmt::format("file://{}/", (folder / "mirror").string())}};
  download_files(set, folder / "data/small", {});
  const auto found = find_files(set, folder / "data");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->files, (std::vector<fs::path>{folder / "data/small/a.gz", folder / "data/small/b"}));
  EXPECT_EQ(verdict_on(set, found->files), "verified");
  write_bytes(folder / "data/small/b", "other");
  EXPECT_EQ(verdict_on(set, found->files), "not the published files");
}

TEST(DownloadFiles, KeepsAnArchiveAndPrefersUnpackedFilesOfTheSamePlace) {
  test::TemporaryFolder folder;
  write_bytes(folder / "mirror/all.tar.gz", "whatever");
  const std::string sha256 = sha256_of_file(folder / "mirror/all.tar.gz");
  FileSet set{.title = "Small",
              .folders = {""},
              .files = {{"a", "", ""}},
              .archive = "all.tar.gz",
              .archive_sha256 = sha256,
              .mirrors = {fmt::format("file://{}/", (folder / "mirror").string())}};
  download_files(set, folder / "data", {});
  EXPECT_EQ(find_files(set, folder / "data")->archive, folder / "data/all.tar.gz");
  write_bytes(folder / "data/a", "unpacked");
  EXPECT_TRUE(find_files(set, folder / "data")->archive.empty());
  const std::vector<fs::path> unpacked = {folder / "data/a"};
  EXPECT_EQ(verdict_on(set, unpacked), "unpacked, hence not verified");
}

TEST(Fingerprint, TellsDataSetsApart) {
  Dataset text;
  text.train.tokens = {1, 2, 3};
  const std::string before = fingerprint_of(text);
  text.train.tokens[2] = 4;
  EXPECT_NE(fingerprint_of(text), before);
  Dataset images;
  images.name = "mnist";
  images.train.pixels = {'1', '2', '3', '4', '5'};
  images.train.labels = {'6', '7', '8', '9'};
  images.train.count = 4;
  EXPECT_EQ(fingerprint_of(images), "mnist 4+0 crc32 cbf43926");  // the check value of CRC-32
}

TEST(KnownDatasets, CanAllBeAskedFor) {
  for (const DatasetDescription& known : known_datasets()) {
    DatasetRequest request;
    request.name = known.name;
    request.folder = "/nowhere";
    request.train_limit = request.test_limit = 10;
    try {
      EXPECT_EQ(load_dataset(request).name, known.name);
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("/nowhere"), std::string::npos) << error.what();
    }
    EXPECT_FALSE(known.description.empty());
  }
}

}  // namespace
}  // namespace ohmic
