#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "ohmic/data/inflating_reader.h"

namespace ohmic {

/// Reads the plain files of a tar archive (POSIX ustar), gzip-compressed or not, front to back. Folders, links and
/// extended headers are passed over.
class TarReader {
 public:
  explicit TarReader(const std::filesystem::path& path) : reader_(path) {}

  /// Goes to the next plain file; its name with the folders as stored, or nothing at the end. Error: not a tar archive,
  /// a damaged header, cut off.
  std::optional<std::string> next();

  /// The content of the file that next() named; once. Error: cut off.
  std::vector<std::uint8_t> content();

 private:
  void skip(std::uint64_t bytes);
  void read_exactly(std::span<std::uint8_t> out);
  [[noreturn]] void fail_damaged(std::string_view found) const;

  InflatingReader reader_;
  std::uint64_t size_ = 0;  ///< of the present file
  std::uint64_t left_ = 0;  ///< of the present file and its padding
};

}  // namespace ohmic
