#include "ohmic/data/tar.h"

#include <gtest/gtest.h>

#include "ohmic/data/test_support.h"

namespace ohmic {
namespace {

using test::expect_error;
using test::gzip;
using test::tar_end;
using test::tar_entry;
using test::TemporaryFolder;

class Tar : public testing::Test {
 protected:
  TarReader open(std::string_view bytes) const {
    test::write_bytes(path_, bytes);
    return TarReader(path_);
  }
  void expect_damaged(std::string_view bytes, std::string_view found) const {
    expect_error(
        [&] {
          TarReader tar = open(bytes);
          while (tar.next()) tar.content();
        },
        {path_.string(), std::string(found), "--data FOLDER"});
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "archive.tar.gz";
};

std::string text_of(const std::vector<std::uint8_t>& bytes) { return {bytes.begin(), bytes.end()}; }

TEST_F(Tar, ReadsPlainFilesInTheirOrderPackedOrNot) {
  const std::string big(1300, 'x');
  const std::string bytes = tar_entry("d/", "", '5') + tar_entry("d/one", "first") +
                            tar_entry("pax", "not a file", 'x') + tar_entry("two", big) + tar_entry("empty", "");
  for (const std::string& stored : {bytes + tar_end(), gzip(bytes + tar_end()), bytes}) {
    TarReader tar = open(stored);
    EXPECT_EQ(tar.next(), "d/one");
    EXPECT_EQ(text_of(tar.content()), "first");
    EXPECT_EQ(tar.next(), "two");
    EXPECT_EQ(text_of(tar.content()), big);
    EXPECT_EQ(tar.next(), "empty");
    EXPECT_TRUE(tar.content().empty());
    EXPECT_EQ(tar.next(), std::nullopt);
  }
}

TEST_F(Tar, PassesOverContentThatNobodyWants) {
  TarReader tar = open(tar_entry("one", std::string(5000, 'x')) + tar_entry("two", "second") + tar_end());
  EXPECT_EQ(tar.next(), "one");
  EXPECT_EQ(tar.next(), "two");
  EXPECT_EQ(text_of(tar.content()), "second");
}

TEST_F(Tar, JoinsThePrefixOfALongName) {
  std::string entry = tar_entry("name", "content");
  entry.replace(345, 6, "folder");
  unsigned sum = 0;
  entry.replace(148, 8, "        ");
  for (std::size_t i = 0; i < 512; ++i) sum += static_cast<unsigned char>(entry[i]);
  entry.replace(148, 7, fmt::format("{:06o}", sum) + '\0');
  EXPECT_EQ(open(entry + tar_end()).next(), "folder/name");
}

TEST_F(Tar, SaysWhatIsDamaged) {
  const std::string good = tar_entry("one", std::string(700, 'x')) + tar_end();
  expect_damaged(good.substr(0, 400), "ends within a header");
  expect_damaged(good.substr(0, 900), "ends within a file");
  expect_damaged("certainly no archive" + std::string(600, ' '), "checksum");
  std::string changed = good;
  changed[0] = 'z';
  expect_damaged(changed, "checksum");
  expect_damaged(gzip(good).substr(0, 40), "ends early");
}

TEST_F(Tar, RefusesASizeThatCannotBe) {
  std::string entry = tar_entry("huge", "");
  entry.replace(124, 11, "77777777777");
  entry.replace(148, 8, "        ");
  unsigned sum = 0;
  for (std::size_t i = 0; i < 512; ++i) sum += static_cast<unsigned char>(entry[i]);
  entry.replace(148, 7, fmt::format("{:06o}", sum) + '\0');
  expect_damaged(entry + tar_end(), "huge has no size, or one of more than 1073741824 bytes");
}

}  // namespace
}  // namespace ohmic
