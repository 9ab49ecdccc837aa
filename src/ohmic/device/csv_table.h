#pragma once

// Tables as spreadsheets and instruments write them: comma, semicolon or tab, quoted fields, comments, any line end.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ohmic {

/// One row and the line of the file on which it starts, counted from 1.
struct CsvRow {
  std::size_t line = 0;
  std::vector<std::string> fields;
};

struct CsvTable {
  std::string source;  ///< the file's name, for messages
  std::vector<std::string> header;
  std::size_t header_line = 1;
  char separator = ',';
  std::vector<CsvRow> rows;  ///< each with as many fields as the header

  /// "file:line".
  std::string place(std::size_t line) const;
};

/// Parses CSV text. The first line that is neither empty nor a comment (#) is the header; the separator is the one of
/// tab, semicolon and comma that stands in it. Fields are trimmed; quotes are as in RFC 4180. A byte-order mark, CRLF
/// and CR line ends are understood; bytes that are not UTF-8 are taken for Latin-1, as older instruments write it.
/// Error names file and line: an open quote, text after a closed one, a row with more or fewer fields than the header,
/// bytes that are no text (UTF-16, binary), no header.
CsvTable parse_csv(std::string_view text, std::string_view source);

}  // namespace ohmic
