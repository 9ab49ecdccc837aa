#include "ohmic/report/html_page.h"

#include <fmt/format.h>

#include "ohmic/core/error.h"
#include "ohmic/report/text.h"

namespace ohmic::report {
namespace {

std::string_view alignment_class(const TableColumn& column) {
  return column.alignment == Alignment::right ? " class=\"number\"" : "";
}

std::string table_row(const std::vector<TableColumn>& columns, const std::vector<std::string>& cells) {
  OHMIC_EXPECT(cells.size() == columns.size());
  std::string row = "<tr>";
  for (std::size_t k = 0; k < cells.size(); ++k) {
    const std::string_view tag = k == 0 ? "th" : "td";
    row +=
        fmt::format("<{0}{1}{2}>{3}</{0}>", tag, k == 0 ? " scope=\"row\"" : "", alignment_class(columns[k]), cells[k]);
  }
  return row + "</tr>\n";
}

}  // namespace

std::string html_page(std::string_view title, std::string_view body) {
  return fmt::format(R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{}</title>
<style>
{}</style>
</head>
<body>
<main>
{}</main>
</body>
</html>
)",
                     escape_html(title), style_sheet(), body);
}

std::string html_section(std::string_view heading, std::string_view content) {
  if (content.empty()) return {};
  return fmt::format("<section>\n<h2>{}</h2>\n{}</section>\n", escape_html(heading), content);
}

std::string html_details(std::string_view summary, std::string_view content) {
  return fmt::format("<details>\n<summary>{}</summary>\n{}</details>\n", summary, content);
}

std::string html_note(std::string_view text) { return fmt::format("<p class=\"note\">{}</p>\n", escape_html(text)); }

std::string html_table(std::string_view caption, const std::vector<TableColumn>& columns,
                       const std::vector<std::vector<std::string>>& rows) {
  std::string head;
  for (const TableColumn& column : columns) {
    head += fmt::format("<th scope=\"col\"{}>{}</th>", alignment_class(column), escape_html(column.heading));
  }
  std::string body;
  for (const auto& row : rows) body += table_row(columns, row);
  return fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\">\n<table>\n<caption>{0}</caption>\n"
      "<thead><tr>{1}</tr></thead>\n<tbody>\n{2}</tbody>\n</table>\n</div>\n",
      escape_html(caption), head, body);
}

}  // namespace ohmic::report
