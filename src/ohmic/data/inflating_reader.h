#pragma once

#include <zlib.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string_view>
#include <vector>

namespace ohmic {

/// Reads a file front to back, decompressing when it starts with the gzip signature. Unlike zlib's gzread it reports a
/// stream that ends early and bytes after the last gzip member.
class InflatingReader {
 public:
  /// Opens the file. Error: missing, a folder, not permitted.
  explicit InflatingReader(std::filesystem::path path);
  ~InflatingReader();
  InflatingReader(const InflatingReader&) = delete;
  InflatingReader& operator=(const InflatingReader&) = delete;

  /// Fills `out` as far as the content reaches and returns the number of bytes written. Error: cut or corrupt gzip.
  std::size_t read(std::span<std::uint8_t> out);

  /// All that is left. Memory grows with what the file really holds. Error: more than `limit` bytes.
  std::vector<std::uint8_t> read_all(std::size_t limit);

  const std::filesystem::path& path() const { return path_; }

 private:
  void refill();
  std::size_t read_plain(std::span<std::uint8_t> out);
  std::size_t read_gzip(std::span<std::uint8_t> out);
  [[noreturn]] void fail_damaged(std::string_view found) const;

  std::filesystem::path path_;
  std::ifstream file_;
  std::array<char, 1 << 16> buffer_;
  z_stream stream_{};  ///< next_in/avail_in also serve the plain case
  bool gzip_ = false;
  bool between_members_ = false;
};

}  // namespace ohmic
