#include "ohmic/data/synthetic_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "ohmic/data/sha256.h"
#include "ohmic/data/test_support.h"

namespace ohmic {
namespace {

const Dataset& written() {
  static const Dataset dataset =
      make_synthetic_text({.train_count = 200000, .validation_count = 20000, .test_count = 20000});
  return dataset;
}

std::string text_of(const Dataset& dataset, const Split& split) {
  std::string text;
  for (const std::uint8_t token : split.tokens) text += static_cast<char>(dataset.vocabulary.at(token));
  return text;
}

/// Bits per character of a model that counts what followed each context of `order` characters in the training text
/// (one is added to each count).
double bits_per_character(std::size_t order) {
  const std::string train = text_of(written(), written().train), test = text_of(written(), written().test);
  std::map<std::string, std::map<char, int>> counts;
  std::map<std::string, int> totals;
  for (std::size_t i = order; i < train.size(); ++i) {
    const std::string context = train.substr(i - order, order);
    ++counts[context][train[i]];
    ++totals[context];
  }
  double bits = 0;
  for (std::size_t i = order; i < test.size(); ++i) {
    const std::string context = test.substr(i - order, order);
    bits -= std::log2((counts[context][test[i]] + 1.0) / (totals[context] + 32.0));
  }
  return bits / static_cast<double>(test.size() - order);
}

TEST(SyntheticText, HasSplitsOfTheSizesAskedForAndOneVocabulary) {
  EXPECT_TRUE(written().synthetic);
  EXPECT_TRUE(written().is_text());
  EXPECT_EQ(written().vocabulary.size(), 32u);
  EXPECT_EQ(written().class_count, 32);
  EXPECT_EQ(written().train.tokens.size(), 200000u);
  EXPECT_EQ(written().train.count, 200000);
  EXPECT_EQ(written().validation.count, 20000);
  EXPECT_EQ(written().test.count, 20000);
  const std::set<std::uint8_t> used(written().train.tokens.begin(), written().train.tokens.end());
  EXPECT_EQ(used.size(), 32u) << "the vocabulary has bytes that no text has";
}

TEST(SyntheticText, IsTheSameBytesEverywhere) {
  const Dataset text = make_synthetic_text({.train_count = 5000, .validation_count = 1, .test_count = 1, .seed = 7});
  EXPECT_EQ(sha256_of(text.train.tokens), "0bd9f72b70d313481689adcc39fa5414b39598ea4927347c404c053f5de84f58");
}

TEST(SyntheticText, ALongerTextBeginsWithTheShorterOne) {
  const Dataset shorter = make_synthetic_text({.train_count = 999, .validation_count = 10, .test_count = 50});
  EXPECT_TRUE(std::equal(shorter.train.tokens.begin(), shorter.train.tokens.end(), written().train.tokens.begin()));
  EXPECT_TRUE(std::equal(shorter.test.tokens.begin(), shorter.test.tokens.end(), written().test.tokens.begin()));
}

TEST(SyntheticText, DiffersBySeedAndSplit) {
  const auto head = [](const Dataset& dataset, const Split& split) { return text_of(dataset, split).substr(0, 200); };
  const Dataset other =
      make_synthetic_text({.train_count = 200, .validation_count = 200, .test_count = 200, .seed = 2});
  EXPECT_NE(head(other, other.train), head(written(), written().train));
  EXPECT_NE(head(written(), written().train), head(written(), written().test));
  EXPECT_NE(head(written(), written().validation), head(written(), written().test));
}

TEST(SyntheticText, IsMadeOfSentencesThatEndInAFullStop) {
  std::istringstream lines(text_of(written(), written().test));
  int count = 0;
  for (std::string line; std::getline(lines, line) && !lines.eof(); ++count) {
    EXPECT_TRUE(line.ends_with('.')) << line;
    EXPECT_EQ(line.find('.'), line.size() - 1) << line;
    EXPECT_EQ(line.find("  "), std::string::npos) << line;
    EXPECT_LT(line.size(), 1500u);
  }
  EXPECT_GT(count, 100);
}

// Spelling is learnt first: the longer the context, the better the guess, as far as the text suffices for counting.
TEST(SyntheticText, CanBeLearnt) {
  const double none = bits_per_character(0), one = bits_per_character(1), three = bits_per_character(3);
  EXPECT_GT(none, 4.2);
  EXPECT_LT(one, none - 0.7);
  EXPECT_LT(three, one - 0.7);
  EXPECT_GT(three, 1.0);
}

TEST(SyntheticText, RejectsAnEmptySplit) {
  test::expect_error([] { make_synthetic_text({.train_count = 0}); }, {"0 training, 100000 validation", "at least 1"});
}

}  // namespace
}  // namespace ohmic
