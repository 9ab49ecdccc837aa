#include "ohmic/data/text_streams.h"

#include <gtest/gtest.h>

#include <numeric>

#include "ohmic/data/test_support.h"

namespace ohmic {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes count_up(std::size_t count) {
  Bytes tokens(count);
  std::iota(tokens.begin(), tokens.end(), std::uint8_t{0});
  return tokens;
}

TEST(TextStreams, CutsIntoContiguousLanesWithTheNextTokenAsTarget) {
  const Bytes tokens = count_up(14);
  const TextStreams streams(tokens, 2, 3);
  EXPECT_EQ(streams.lane_length(), 6u);
  EXPECT_EQ(streams.windows(), 2u);
  TextWindow window;
  streams.read(0, window);
  EXPECT_EQ(window.steps, 3u);
  EXPECT_EQ(window.lanes, 2u);
  EXPECT_EQ(window.inputs, (Bytes{0, 6, 1, 7, 2, 8}));
  EXPECT_EQ(window.targets, (Bytes{1, 7, 2, 8, 3, 9}));
  streams.read(1, window);
  EXPECT_EQ(window.inputs, (Bytes{3, 9, 4, 10, 5, 11}));
  EXPECT_EQ(window.targets, (Bytes{4, 10, 5, 11, 6, 12}));
}

TEST(TextStreams, DropsOrKeepsAShortLastWindow) {
  const Bytes tokens = count_up(12);
  EXPECT_EQ(TextStreams(tokens, 1, 4).windows(), 2u);
  const TextStreams keeping(tokens, 1, 4, LastWindow::keep);
  ASSERT_EQ(keeping.windows(), 3u);
  TextWindow window;
  keeping.read(2, window);
  EXPECT_EQ(window.steps, 3u);
  EXPECT_EQ(window.inputs, (Bytes{8, 9, 10}));
  EXPECT_EQ(window.targets, (Bytes{9, 10, 11}));
}

TEST(TextStreams, PredictsEveryTokenButTheFirstOnceWhereNothingIsDropped) {
  const Bytes tokens = count_up(200);
  for (const std::size_t steps : {1u, 7u, 64u, 500u}) {
    const TextStreams streams(tokens, 1, steps, LastWindow::keep);
    Bytes targets;
    TextWindow window;
    for (std::size_t w = 0; w < streams.windows(); ++w) {
      streams.read(w, window);
      targets.insert(targets.end(), window.targets.begin(), window.targets.end());
    }
    EXPECT_EQ(targets, Bytes(tokens.begin() + 1, tokens.end()));
  }
}

TEST(TextStreams, RejectsATextThatIsTooShort) {
  const Bytes tokens = count_up(12);
  test::expect_error([&] { TextStreams(tokens, 4, 3); },
                     {"12 tokens is too short for 4 lanes with windows of 3 steps, which need at least 13"});
  EXPECT_EQ(TextStreams(count_up(13), 4, 3).windows(), 1u);
  test::expect_error([&] { TextStreams(tokens, 12, 3, LastWindow::keep); }, {"need at least 13"});
  test::expect_error([&] { TextStreams({}, 1, 1); }, {"0 tokens"});
  test::expect_error([&] { TextStreams(tokens, 0, 1); }, {"0 lanes", "at least 1"});
}

}  // namespace
}  // namespace ohmic
