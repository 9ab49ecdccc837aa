#include "ohmic/data/sha256.h"

#include <gtest/gtest.h>

#include "ohmic/data/test_support.h"

namespace ohmic {
namespace {

// Examples of FIPS 180-4.
constexpr auto kOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr auto kOfMillionA = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Sha256, MatchesThePublishedExamples) {
  EXPECT_EQ(sha256_of({}), kOfNothing);
  EXPECT_EQ(sha256_of(std::vector<std::uint8_t>(1'000'000, 'a')), kOfMillionA);
}

TEST(Sha256, HashesFilesInPieces) {
  const test::TemporaryFolder folder;
  test::write_bytes(folder / "million", std::string(1'000'000, 'a'));
  test::write_bytes(folder / "nothing", "");
  EXPECT_EQ(sha256_of_file(folder / "million"), kOfMillionA);
  EXPECT_EQ(sha256_of_file(folder / "nothing"), kOfNothing);
}

TEST(Sha256, NamesAnUnreadableFile) {
  const test::TemporaryFolder folder;
  test::expect_error([&] { sha256_of_file(folder / "nowhere"); }, {(folder / "nowhere").string(), "No such file"});
}

}  // namespace
}  // namespace ohmic
