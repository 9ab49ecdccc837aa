#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ohmic/core/safetensors.h"

namespace ohmic {

/// How often things of a few kinds happened to each of many elements, exactly and in few bits. The counts of 64
/// elements stand upright: word j holds bit j of all of them, so that one more for any of the 64 is a carry that
/// ripples through words. Elements lie in parts of 4,096; a part has as many
/// words per block and kind as the highest count of this kind, or of a later one, needs: log2(highest) + 1 bits per
/// element and kind, if later kinds are rarer. Parts are independent: different ones may be counted at the same time.
class CountPlanes {
 public:
  static constexpr std::size_t kBlock = 64;          ///< elements of a word
  static constexpr std::size_t kBlocksPerPart = 64;  ///< words of a part
  static constexpr std::size_t kPart = kBlock * kBlocksPerPart;

  explicit CountPlanes(std::size_t elements = 0, std::size_t kinds = 1)
      : elements_(elements), kinds_(kinds), parts_((elements + kPart - 1) / kPart) {}

  std::size_t size() const { return elements_; }
  std::size_t kinds() const { return kinds_; }
  /// One more for each element whose bit is set: bit e of marks[kind] is element 64 block + e. The marks, a word per
  /// kind, are used up.
  void add(std::size_t block, std::span<std::uint64_t> marks);
  void add_one(std::size_t element, std::size_t kind);

  std::uint64_t count(std::size_t element, std::size_t kind) const;
  std::vector<std::uint64_t> counts(std::size_t kind) const;
  /// Of all elements and kinds.
  std::uint64_t total() const;

  void save(const std::string& name, SafetensorsWriter& out) const;
  void load(const std::string& name, const SafetensorsFile& in);
  std::size_t bytes() const;

 private:
  using Level = std::vector<std::uint64_t>;  // a word per block and kind, those of a block side by side
  std::size_t blocks_of(std::size_t part) const {
    return std::min(kBlocksPerPart, (elements_ - part * kPart + kBlock - 1) / kBlock);
  }

  std::size_t elements_, kinds_;
  std::vector<std::vector<Level>> parts_;  ///< [part][bit of the count]
};

}  // namespace ohmic
