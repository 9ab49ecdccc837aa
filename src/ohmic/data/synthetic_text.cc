#include "ohmic/data/synthetic_text.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/core/error.h"
#include "ohmic/data/keyed_draws.h"
#include "ohmic/data/ptb.h"

namespace ohmic {
namespace {

constexpr std::string_view kAlphabet = "\n ',.Nabcdefghijklmnopqrstuvwxyz";

constexpr std::array<std::string_view, 26> kOnsets = {"b", "c", "d",  "f",  "g",  "h",  "j",  "k", "l",
                                                      "m", "n", "p",  "qu", "r",  "s",  "t",  "v", "w",
                                                      "y", "z", "st", "tr", "pr", "pl", "ch", "sh"};
constexpr std::array<std::string_view, 8> kNuclei = {"a", "e", "i", "o", "u", "ea", "ou", "ai"};
constexpr std::array<std::string_view, 8> kCodas = {"", "n", "r", "l", "m", "ck", "nd", "x"};
constexpr std::array<std::string_view, 6> kPrepositions = {"of", "in", "to", "for", "with", "from"};
constexpr std::array<std::string_view, 4> kLinks = {"and", "but", "while", "because"};
constexpr std::size_t kTopics = 8;

std::string syllable(KeyedDraws& random) {
  std::string text(kOnsets[random.choice(kOnsets.size())]);
  text += kNuclei[random.choice(kNuclei.size())];
  return text.append(kCodas[random.choice(kCodas.size())]);
}

std::vector<std::string> make_words(KeyedDraws& random, std::size_t count, std::string_view ending) {
  std::vector<std::string> words(count);
  for (std::string& word : words) {
    const std::size_t syllables = 1 + random.choice(3);
    for (std::size_t i = 0; i < syllables; ++i) word += syllable(random);
    word += ending;
  }
  return words;
}

struct Lexicon {
  explicit Lexicon(std::uint64_t seed) {
    KeyedDraws random(seed, StandIn::lexicon, SplitKind::train, 0);
    nouns = make_words(random, 400, "");
    verbs = make_words(random, 160, "");
    adjectives = make_words(random, 160, "y");
    adverbs = make_words(random, 40, "ly");
    names = make_words(random, 60, "");
  }
  std::vector<std::string> nouns, verbs, adjectives, adverbs, names;
};

/// Few words are common and many are rare; each topic has common words of its own.
const std::string& pick(const std::vector<std::string>& words, std::size_t topic, KeyedDraws& random) {
  const double u = random.unit();
  const auto rank = static_cast<std::size_t>(u * u * u * static_cast<double>(words.size()));
  return words[(rank + topic * words.size() / kTopics) % words.size()];
}

/// Writes one sentence.
class Sentence {
 public:
  Sentence(const Lexicon& lexicon, KeyedDraws random)
      : lexicon_(lexicon), random_(random), topic_(random_.choice(kTopics)) {}

  std::string write() {
    clause();
    if (chance(0.3)) {
      text_ += chance(0.5) ? "," : "";
      word(kLinks[random_.choice(kLinks.size())]);
      clause();
    }
    text_ += ".\n";
    return std::move(text_);
  }

 private:
  enum class Number { one, many };

  bool chance(double probability) { return random_.unit() < probability; }

  void word(std::string_view text) {
    if (!text_.empty()) text_ += ' ';
    text_ += text;
  }

  void clause() {
    const Number number = noun_phrase();
    if (chance(0.15)) {  // a clause between subject and verb, which agree across it
      word("that");
      noun_phrase_and_verb();
    }
    if (chance(0.12)) word(pick(lexicon_.adverbs, topic_, random_));
    verb(number);
    if (chance(0.1)) {
      word("that");
      return clause();
    }
    if (chance(0.8)) noun_phrase();
    if (chance(0.35)) {
      word(kPrepositions[random_.choice(kPrepositions.size())]);
      noun_phrase();
    }
  }

  void noun_phrase_and_verb() {
    const Number number = noun_phrase();
    verb(number);
  }

  void verb(Number number) {
    word(pick(lexicon_.verbs, topic_, random_));
    if (number == Number::one) text_ += 's';
  }

  Number noun_phrase() {
    if (chance(0.15)) {
      word(pick(lexicon_.names, topic_, random_));
      if (!chance(0.25)) return Number::one;
      text_ += "'s";
      return noun();
    }
    const double kind = random_.unit();
    if (kind < 0.1) {
      word("N");
      return noun(Number::many);
    }
    if (kind < 0.35) {
      word("a");
      return noun(Number::one);
    }
    word("the");
    return noun();
  }

  Number noun() { return noun(chance(0.4) ? Number::many : Number::one); }

  Number noun(Number number) {
    if (chance(0.3)) word(pick(lexicon_.adjectives, topic_, random_));
    word(pick(lexicon_.nouns, topic_, random_));
    if (number == Number::many) text_ += "en";
    return number;
  }

  const Lexicon& lexicon_;
  KeyedDraws random_;
  std::size_t topic_;
  std::string text_;
};

Split write_split(const Lexicon& lexicon, std::uint64_t seed, SplitKind kind, int count,
                  const std::vector<std::uint8_t>& vocabulary) {
  const auto size = static_cast<std::size_t>(count);
  std::string text;
  for (std::uint32_t i = 0; text.size() < size; ++i) {
    text += Sentence(lexicon, KeyedDraws(seed, StandIn::text, kind, i)).write();
  }
  text.resize(size);
  Split split;
  split.count = count;
  split.tokens = tokens_of(text, vocabulary, "synthetic_text");
  return split;
}

}  // namespace

Dataset make_synthetic_text(const SyntheticTextOptions& options) {
  if (std::min({options.train_count, options.validation_count, options.test_count}) < 1) {
    fail(
        "synthetic_text: {} training, {} validation and {} test characters are asked for; at least 1 of each is needed",
        options.train_count, options.validation_count, options.test_count);
  }
  const Lexicon lexicon(options.seed);
  Dataset dataset;
  dataset.name = "synthetic_text";
  dataset.synthetic = true;
  dataset.vocabulary = vocabulary_of(kAlphabet);
  dataset.class_count = static_cast<int>(dataset.vocabulary.size());
  const auto write = [&](SplitKind kind, int count) {
    return write_split(lexicon, options.seed, kind, count, dataset.vocabulary);
  };
  dataset.train = write(SplitKind::train, options.train_count);
  dataset.validation = write(SplitKind::validation, options.validation_count);
  dataset.test = write(SplitKind::test, options.test_count);
  dataset.provenance = fmt::format(
      "synthetic text, {} training + {} validation + {} test characters, made by code (not the Penn Treebank)",
      options.train_count, options.validation_count, options.test_count);
  return dataset;
}

}  // namespace ohmic
