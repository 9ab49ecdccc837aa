#include "ohmic/data/idx.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "ohmic/data/test_support.h"

namespace ohmic {
namespace {

using test::big_endian;
using test::expect_error;
using test::gzip;
using test::idx_bytes;
using test::idx_images;
using test::idx_labels;
using test::TemporaryFolder;
using test::write_bytes;

constexpr auto kWayOut = "delete it and let ohmic download it again, or pass --data FOLDER";

class Idx : public testing::Test {
 protected:
  std::filesystem::path file(std::string_view bytes) const {
    write_bytes(path(), bytes);
    return path();
  }
  std::filesystem::path path() const { return folder_ / "some-file"; }

  void expect_damage(std::string_view bytes, int rank, const std::string& what) const {
    expect_error([&] { read_idx(file(bytes), rank); }, {path().string(), what, kWayOut});
  }

  TemporaryFolder folder_;
};

TEST_F(Idx, ReadsPlainAndCompressedFilesAlike) {
  const std::string bytes = idx_bytes({2, 1, 3}, "abcdef");
  for (const std::string& stored : {bytes, gzip(bytes)}) {
    const IdxArray array = read_idx(file(stored), 3);
    EXPECT_EQ(array.shape, (std::vector<int>{2, 1, 3}));
    EXPECT_EQ(std::string(array.bytes.begin(), array.bytes.end()), "abcdef");
  }
}

TEST_F(Idx, ReadsContentLargerThanEveryBuffer) {
  std::string content(9'000'000, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * i >> 7);
  const auto extent = static_cast<std::uint32_t>(content.size());
  for (const std::string& stored : {idx_bytes({extent}, content), gzip(idx_bytes({extent}, content))}) {
    const IdxArray array = read_idx(file(stored), 1);
    EXPECT_TRUE(std::equal(content.begin(), content.end(), array.bytes.begin(), array.bytes.end(),
                           [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; }));
  }
}

TEST_F(Idx, ReadsGzipFilesOfSeveralMembers) {
  const std::string bytes = idx_bytes({6}, "abcdef");
  const IdxArray array = read_idx(file(gzip(bytes.substr(0, 5)) + gzip(bytes.substr(5))), 1);
  EXPECT_EQ(std::string(array.bytes.begin(), array.bytes.end()), "abcdef");
}

TEST_F(Idx, RejectsWrongMagic) {
  expect_damage(idx_bytes({3}, "abc"), 3, "it starts with 0x00000801, expected 0x00000803");
  expect_damage("<!DOCTYPE html>", 3, "it starts with 0x3c21444f");
  expect_damage(big_endian(0x00000d01) + big_endian(1) + "abcd", 1, "expected 0x00000801");
}

TEST_F(Idx, RejectsAFileThatEndsWithinTheHeader) {
  for (const std::string_view bytes : {"", "\0", "\0\0\x08\x03\0\0\0\x01"}) {
    expect_damage(bytes, 3, "it ends within the header");
  }
  expect_damage(gzip(""), 3, "it ends within the header");
}

TEST_F(Idx, RejectsTooFewBytes) {
  const std::string bytes = idx_bytes({2, 2, 2}, "abcdefg");
  for (const std::string& stored : {bytes, gzip(bytes)}) {
    expect_damage(stored, 3, "7 bytes after the header, expected 8: it is cut off");
  }
}

TEST_F(Idx, RejectsTrailingBytes) {
  const std::string bytes = idx_bytes({2, 2, 2}, "abcdefghi");
  for (const std::string& stored : {bytes, gzip(bytes)}) {
    expect_damage(stored, 3, "it goes on after the 8 bytes that its header announces");
  }
}

TEST_F(Idx, RejectsAnEmptyDimension) { expect_damage(idx_bytes({2, 0, 2}, ""), 3, "dimension 1 is 0"); }

TEST_F(Idx, RejectsClaimsBeyondTheLimitEvenWhereTheProductOverflows) {
  expect_damage(idx_bytes({0xffffffff}, ""), 1, "dimension 0 is 4294967295, expected at most 1073741824 bytes");
  expect_damage(idx_bytes({0x10000, 0x10000, 0x10000}, ""), 3, "dimension 1 is 65536");
  expect_damage(idx_bytes({0x80000000, 2, 1}, ""), 3, "dimension 0 is 2147483648");
}

TEST_F(Idx, AHeaderThatLiesCostsNoMemory) {
  const auto peak_kilobytes = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  const long before = peak_kilobytes();
  expect_damage(idx_bytes({1u << 30}, "abc"), 1, "3 bytes after the header, expected 1073741824");
  EXPECT_LT(peak_kilobytes() - before, 100'000);
}

TEST_F(Idx, RejectsEveryCutOfACompressedFile) {
  const std::string stored = gzip(idx_bytes({2, 2, 2}, "abcdefgh"));
  for (std::size_t length = 0; length < stored.size(); ++length) {
    expect_error([&] { read_idx(file(stored.substr(0, length)), 3); }, {path().string(), kWayOut});
  }
  expect_damage(stored.substr(0, stored.size() - 1), 3, "its gzip stream ends early: the file is cut off");
}

TEST_F(Idx, RejectsAWrongChecksum) {
  std::string stored = gzip(idx_bytes({2, 2, 2}, "abcdefgh"));
  stored[stored.size() - 8] ^= 1;
  expect_damage(stored, 3, "incorrect data check");
}

// Some bits of a gzip file carry no content (its time stamp, the padding before the checksum); the others are guarded.
TEST_F(Idx, AFlippedBitOfACompressedFileNeverChangesTheContent) {
  const std::string good = gzip(idx_bytes({2, 2, 2}, "abcdefgh"));
  std::size_t rejected = 0;
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string stored = good;
    stored[bit / 8] = static_cast<char>(stored[bit / 8] ^ (1 << bit % 8));
    try {
      const IdxArray array = read_idx(file(stored), 3);
      EXPECT_EQ(std::string(array.bytes.begin(), array.bytes.end()), "abcdefgh") << "bit " << bit;
    } catch (const Error&) {
      ++rejected;
    }
  }
  EXPECT_GT(rejected, 8 * (good.size() - 10) - 8);
}

TEST_F(Idx, RejectsBytesAfterTheGzipStream) {
  expect_damage(gzip(idx_bytes({2}, "ab")) + "junk", 1, "damaged gzip file");
}

TEST_F(Idx, NamesAMissingFileAndAFolder) {
  expect_error([&] { read_idx(folder_ / "nowhere", 1); }, {(folder_ / "nowhere").string(), "No such file"});
  expect_error([&] { read_idx(folder_.path(), 1); }, {folder_.path().string(), "is a folder"});
}

class IdxSplit : public Idx {
 protected:
  Split read(std::string_view images, std::string_view labels) const {
    write_bytes(folder_ / "images", images);
    write_bytes(folder_ / "labels", labels);
    return read_idx_split(folder_ / "images", folder_ / "labels", 10);
  }
};

TEST_F(IdxSplit, JoinsImagesAndLabels) {
  const Split split = read(gzip(idx_bytes({2, 2, 3}, "abcdefghijkl")), gzip(idx_labels("\x07\x09")));
  EXPECT_EQ(split.count, 2);
  EXPECT_EQ(split.sample_shape, (std::vector<int>{2, 3}));
  EXPECT_EQ(std::string(split.pixels.begin(), split.pixels.end()), "abcdefghijkl");
  EXPECT_EQ(split.labels, (std::vector<std::uint8_t>{7, 9}));
}

TEST_F(IdxSplit, RejectsLabelsOutOfRange) {
  expect_error([&] { read(idx_images(3), idx_labels("\x01\x0a\x02")); },
               {(folder_ / "labels").string(), "label 10 of sample 1 is out of range, expected 0 to 9", kWayOut});
}

TEST_F(IdxSplit, RejectsDifferentCounts) {
  expect_error([&] { read(idx_images(3), idx_labels("\x01\x02")); },
               {(folder_ / "images").string(), "3 images, but", (folder_ / "labels").string(), "2 labels", kWayOut});
}

}  // namespace
}  // namespace ohmic
