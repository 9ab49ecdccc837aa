#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ohmic {

struct DownloadOptions {
  std::vector<std::string> mirrors;  ///< https:// or file://, each ending in '/'; tried in order
  long connect_timeout_ms = 3000;    ///< per mirror; short, so that a machine without network is not kept waiting
  long total_timeout_s = 300;        ///< per file
  std::size_t size_limit = std::size_t{256} << 20;  ///< bytes per file: no server can fill the memory
  bool show_progress = true;                        ///< on stderr, once it takes more than 2 s
};

/// Downloads a file into memory from the first mirror that delivers content with this SHA-256. Error lists what each
/// mirror answered.
std::vector<std::uint8_t> download_file(std::string_view name, std::string_view sha256, const DownloadOptions& options);

}  // namespace ohmic
