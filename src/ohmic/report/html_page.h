#pragma once

// The page around the content: head, style sheet, and the few HTML elements that the report is made of.

#include <string>
#include <string_view>
#include <vector>

namespace ohmic::report {

/// A whole document. `title` is text, `body` is HTML. The policy in its head forbids scripts and every outside
/// resource.
std::string html_page(std::string_view title, std::string_view body);

/// The style sheet: light by default, dark where the reader prefers it, plain for print.
std::string style_sheet();

/// A section with a plain heading (text) over its content (HTML); empty if the content is.
std::string html_section(std::string_view heading, std::string_view content);

/// A closed part that opens on a click; `summary` and `content` are HTML.
std::string html_details(std::string_view summary, std::string_view content);

/// A caption under a chart, from text.
std::string html_note(std::string_view text);

enum class Alignment { left, right };

struct TableColumn {
  std::string heading;  ///< text
  Alignment alignment = Alignment::left;
};

/// A table whose first column names the row. Cells are HTML and as many per row as columns; a wide table scrolls on its
/// own.
std::string html_table(std::string_view caption, const std::vector<TableColumn>& columns,
                       const std::vector<std::vector<std::string>>& rows);

}  // namespace ohmic::report
