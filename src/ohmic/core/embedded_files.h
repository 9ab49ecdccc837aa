#pragma once

#include <span>
#include <string_view>

namespace ohmic {

/// A file of the repository that is built into the program.
struct EmbeddedFile {
  std::string_view path;  ///< as in the repository, e.g. "presets/cells/pcm.toml"
  std::string_view text;
};

/// Every preset and experiment that ships with the program.
std::span<const EmbeddedFile> embedded_files();

}  // namespace ohmic
