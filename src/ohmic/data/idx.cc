#include "ohmic/data/idx.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "ohmic/core/error.h"
#include "ohmic/data/inflating_reader.h"

namespace ohmic {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestArray = std::uint64_t{1} << 30;
constexpr std::size_t kReadStep = std::size_t{1} << 22;
constexpr std::uint32_t kUnsignedByteType = 0x08;

[[noreturn]] void fail_damaged(const fs::path& path, const std::string& found_and_expected) {
  fail("{}: damaged or not an idx file: {}; delete it and let ohmic download it again, or pass --data FOLDER",
       path.string(), found_and_expected);
}

std::uint32_t read_big_endian(const fs::path& path, InflatingReader& reader) {
  std::array<std::uint8_t, 4> bytes{};
  const std::size_t got = reader.read(bytes);
  if (got < bytes.size()) fail_damaged(path, "it ends within the header");
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

void check_magic(const fs::path& path, std::uint32_t found, int rank) {
  const std::uint32_t expected = kUnsignedByteType << 8 | static_cast<std::uint32_t>(rank);
  if (found == expected) return;
  fail_damaged(path, fmt::format("it starts with 0x{:08x}, expected 0x{:08x} (unsigned bytes, {} dimension{})", found,
                                 expected, rank, rank == 1 ? "" : "s"));
}

/// The dimensions, whose product is known to be at most kLargestArray.
std::vector<int> read_shape(const fs::path& path, InflatingReader& reader, int rank) {
  std::vector<int> shape;
  std::uint64_t size = 1;
  for (int axis = 0; axis < rank; ++axis) {
    const std::uint32_t extent = read_big_endian(path, reader);
    if (extent == 0) fail_damaged(path, fmt::format("dimension {} is 0, expected at least 1", axis));
    size = extent > kLargestArray ? extent : size * extent;
    if (size > kLargestArray) {
      fail_damaged(path,
                   fmt::format("dimension {} is {}, expected at most {} bytes in all", axis, extent, kLargestArray));
    }
    shape.push_back(static_cast<int>(extent));
  }
  return shape;
}

std::vector<std::uint8_t> read_content(const fs::path& path, InflatingReader& reader, std::size_t expected) {
  std::vector<std::uint8_t> bytes;
  // Grown step by step, so that a lying header costs no more memory than the file has content.
  while (bytes.size() < expected) {
    const std::size_t begin = bytes.size();
    const std::size_t step = std::min(kReadStep, expected - begin);
    bytes.resize(begin + step);
    const std::size_t got = reader.read(std::span(bytes).subspan(begin));
    if (got < step) {
      fail_damaged(path, fmt::format("{} bytes after the header, expected {}: it is cut off", begin + got, expected));
    }
  }
  std::array<std::uint8_t, 1> beyond{};
  if (reader.read(beyond) != 0) {
    fail_damaged(path, fmt::format("it goes on after the {} bytes that its header announces", expected));
  }
  return bytes;
}

std::size_t product(const std::vector<int>& shape) {
  std::size_t size = 1;
  for (const int extent : shape) size *= static_cast<std::size_t>(extent);
  return size;
}

void check_labels(const fs::path& path, const std::vector<std::uint8_t>& labels, int class_count) {
  const auto bad = std::find_if(labels.begin(), labels.end(), [=](int label) { return label >= class_count; });
  if (bad == labels.end()) return;
  fail_damaged(path, fmt::format("label {} of sample {} is out of range, expected 0 to {}", *bad, bad - labels.begin(),
                                 class_count - 1));
}

}  // namespace

IdxArray read_idx(const fs::path& path, int rank) {
  InflatingReader reader(path);
  check_magic(path, read_big_endian(path, reader), rank);
  IdxArray array;
  array.shape = read_shape(path, reader, rank);
  array.bytes = read_content(path, reader, product(array.shape));
  return array;
}

Split read_idx_split(const fs::path& images_path, const fs::path& labels_path, int class_count) {
  IdxArray labels = read_idx(labels_path, 1);
  check_labels(labels_path, labels.bytes, class_count);
  IdxArray images = read_idx(images_path, 3);
  if (images.shape[0] != labels.shape[0]) {
    fail_damaged(images_path, fmt::format("{} images, but {} holds {} labels (one per image is expected)",
                                          images.shape[0], labels_path.string(), labels.shape[0]));
  }
  Split split;
  split.count = images.shape[0];
  split.sample_shape = {images.shape[1], images.shape[2]};
  split.pixels = std::move(images.bytes);
  split.labels = std::move(labels.bytes);
  return split;
}

}  // namespace ohmic
