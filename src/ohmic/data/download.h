#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ohmic {

/// Where MNIST can be had, each ending in '/': file names are appended.
std::vector<std::string> public_mnist_mirrors();

struct DownloadOptions {
  std::vector<std::string> mirrors = public_mnist_mirrors();  ///< tried in order; https:// or file://
  long connect_timeout_ms = 3000;  ///< per mirror; short, so that a machine without network is not kept waiting
  long total_timeout_s = 300;      ///< per file
  std::size_t size_limit = std::size_t{64} << 20;  ///< bytes per file: no server can fill the memory
  bool show_progress = true;                       ///< on stderr, once it takes more than 2 s
};

/// Downloads a file into memory from the first mirror that delivers content with this SHA-256. Error lists what each
/// mirror answered.
std::vector<std::uint8_t> download_file(std::string_view name, std::string_view sha256, const DownloadOptions& options);

/// Downloads the four published files of MNIST into `folder`, which is made. All four are checked before the first is
/// written, so that a failure leaves nothing behind. Error: a download fails, the folder cannot be written.
void download_mnist(const std::filesystem::path& folder, const DownloadOptions& options);

}  // namespace ohmic
