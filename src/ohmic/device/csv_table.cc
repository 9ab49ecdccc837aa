#include "ohmic/device/csv_table.h"

#include <optional>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kBlank = " \t\v\f";
constexpr std::string_view kControls = "\t\n\v\f\r\x1a";  ///< that a text may hold; the last ends old DOS files

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kBlank) - first + 1));
}

// Reads a row at a time; knows the line it is on.
class CsvScanner {
 public:
  CsvScanner(std::string_view text, std::string_view source) : text_(text), source_(source) {}

  bool at_end() const { return at_ >= text_.size(); }
  std::size_t line() const { return line_; }
  /// The rest of this line, without moving.
  std::string_view rest_of_line() const { return text_.substr(at_, text_.find_first_of("\r\n", at_) - at_); }
  void skip_line() {
    at_ = std::min(text_.find_first_of("\r\n", at_), text_.size());
    end_line();
  }
  CsvRow row(char separator) {
    CsvRow row{line_, {}};
    do {
      row.fields.push_back(field(separator));
    } while (take(separator));
    end_line();
    return row;
  }

 private:
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool is_end_of_line() const { return at_end() || text_[at_] == '\n' || text_[at_] == '\r'; }
  void end_line() {
    if (at_end()) return;
    take('\r');
    take('\n');
    ++line_;
  }
  void skip_blanks(char separator) {
    while (!is_end_of_line() && text_[at_] != separator && kBlank.find(text_[at_]) != std::string_view::npos) ++at_;
  }
  std::string field(char separator) {
    skip_blanks(separator);
    if (take('"')) return quoted(separator);
    const std::size_t start = at_;
    while (!is_end_of_line() && text_[at_] != separator) ++at_;
    return trimmed(text_.substr(start, at_ - start));
  }
  std::string quoted(char separator);

  std::string_view text_;
  std::string source_;
  std::size_t at_ = 0, line_ = 1;
};

std::string CsvScanner::quoted(char separator) {
  const std::size_t start = line_;
  std::string value;
  while (true) {
    if (at_end()) fail("{}:{}: this quote is never closed; close it, or remove it", source_, start);
    const char c = text_[at_++];
    if (c == '"' && !take('"')) break;
    if (c == '\n') ++line_;
    value += c;
  }
  skip_blanks(separator);
  if (!is_end_of_line() && text_[at_] != separator) {
    fail("{}:{}: there is text after a closing quote; write a quote inside quotes twice (\"\")", source_, line_);
  }
  return trimmed(value);
}

// A table may begin with comments, and any row may be one.
bool is_skipped(std::string_view line) {
  const std::size_t first = line.find_first_not_of(kBlank);
  return first == std::string_view::npos || line[first] == '#';
}

char separator_of(std::string_view header) {
  for (const char separator : {'\t', ';'}) {
    if (header.find(separator) != std::string_view::npos) return separator;
  }
  return ',';
}

void require_text(std::string_view text, std::string_view source) {
  std::size_t line = 1;
  for (const char c : text) {
    if (c == '\n') ++line;
    if (static_cast<unsigned char>(c) >= 0x20 || kControls.find(c) != std::string_view::npos) continue;
    fail(
        "{}:{}: this is no text (it holds a byte {:#04x}, as UTF-16, spreadsheets and pictures do); export the table "
        "as "
        "CSV in UTF-8",
        source, line, static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
}

// How many bytes after this one belong to its character; nothing if it cannot begin one.
std::optional<std::size_t> bytes_to_follow(unsigned char first) {
  if (first < 0x80) return 0;
  if (first >= 0xc2 && first < 0xe0) return 1;
  if (first >= 0xe0 && first < 0xf0) return 2;
  if (first >= 0xf0 && first < 0xf5) return 3;
  return std::nullopt;
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto follow = bytes_to_follow(static_cast<unsigned char>(text[at]));
    if (!follow || at + *follow >= text.size()) return false;
    for (std::size_t k = 0; k < *follow; ++k) {
      if ((static_cast<unsigned char>(text[++at]) & 0xc0) != 0x80) return false;
    }
  }
  return true;
}

std::string utf8_of_latin1(std::string_view text) {
  std::string utf8;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) utf8 += static_cast<char>(0xc0 | (byte >> 6));
    utf8 += static_cast<char>(byte < 0x80 ? byte : 0x80 | (byte & 0x3f));
  }
  return utf8;
}

void require_width(const CsvRow& row, const CsvTable& table) {
  if (row.fields.size() == table.header.size()) return;
  fail("{}: this row has {} fields, the header has {}; {}", table.place(row.line), row.fields.size(),
       table.header.size(),
       row.fields.size() > table.header.size()
           ? "is a comma used in numbers? write 0.5, or separate the fields by semicolons"
           : "fill in what is missing (an empty field counts)");
}

}  // namespace

std::string CsvTable::place(std::size_t line) const { return fmt::format("{}:{}", source, line); }

CsvTable parse_csv(std::string_view text, std::string_view source) {
  require_text(text, source);
  if (!is_utf8(text)) return parse_csv(utf8_of_latin1(text), source);
  if (text.ends_with('\x1a')) text.remove_suffix(1);
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  CsvTable table;
  table.source = source;
  CsvScanner scanner(text, source);
  while (!scanner.at_end()) {
    if (is_skipped(scanner.rest_of_line())) {
      scanner.skip_line();
      continue;
    }
    if (table.header.empty()) {
      table.separator = separator_of(scanner.rest_of_line());
      table.header_line = scanner.line();
      table.header = scanner.row(table.separator).fields;
      continue;
    }
    table.rows.push_back(scanner.row(table.separator));
    require_width(table.rows.back(), table);
  }
  if (table.header.empty()) fail("{}: there is no header; name the columns in the first line", source);
  return table;
}

}  // namespace ohmic
