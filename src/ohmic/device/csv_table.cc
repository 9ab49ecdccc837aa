#include "ohmic/device/csv_table.h"

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kBlank = " \t\v\f";

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
  if (text.find('\0') == std::string_view::npos) return;
  fail("{}: this is no text in UTF-8 (it holds zero bytes, as UTF-16 and spreadsheets do); export it as CSV in UTF-8",
       source);
}

void require_width(const CsvRow& row, const CsvTable& table) {
  if (row.fields.size() == table.header.size()) return;
  fail("{}: this row has {} fields, the header has {}; {}", table.place(row.line), row.fields.size(),
       table.header.size(),
       row.fields.size() > table.header.size() ? "is a comma used in numbers? write 0.5, not 0,5"
                                               : "fill in what is missing (an empty field counts)");
}

}  // namespace

std::string CsvTable::place(std::size_t line) const { return fmt::format("{}:{}", source, line); }

CsvTable parse_csv(std::string_view text, std::string_view source) {
  require_text(text, source);
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
