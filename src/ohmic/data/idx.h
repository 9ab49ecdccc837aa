#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "ohmic/data/dataset.h"

namespace ohmic {

/// The content of one idx file of unsigned bytes (LeCun's format: two zero bytes, type 08, rank, then one big-endian
/// uint32 per dimension, then the bytes, row-major).
struct IdxArray {
  std::vector<int> shape;
  std::vector<std::uint8_t> bytes;  ///< product(shape)
};

/// Reads an idx file of the given rank, gzip-compressed or plain (told apart by content). Error names the path and what
/// is wrong: unreadable, a cut or corrupt gzip stream, wrong magic, a dimension of 0, more than 1 GiB, too few or too
/// many bytes. Memory grows with what the file really holds, never with what its header claims.
IdxArray read_idx(const std::filesystem::path& path, int rank);

/// Reads one split: images (rank 3: count, rows, columns) and their labels (rank 1), which must agree in count and be
/// below `class_count`.
Split read_idx_split(const std::filesystem::path& images, const std::filesystem::path& labels, int class_count);

}  // namespace ohmic
