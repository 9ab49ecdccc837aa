#pragma once

#include <string>

namespace ohmic {

/// docs/cells.md: every cell that ships with the program and every constant with its source, as Markdown.
/// scripts/check_docs compares the file with this text.
std::string cell_catalogue_markdown();

}  // namespace ohmic
