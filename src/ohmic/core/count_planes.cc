#include "ohmic/core/count_planes.h"

#include <algorithm>
#include <array>

#include "ohmic/core/error.h"

namespace ohmic {
namespace {

// The same words with room for `width` kinds in each block.
std::vector<std::uint64_t> widened(const std::vector<std::uint64_t>& level, std::size_t blocks, std::size_t width) {
  std::vector<std::uint64_t> wide(blocks * width);
  const std::size_t before = level.size() / blocks;
  for (std::size_t b = 0; b < blocks; ++b) std::copy_n(level.data() + b * before, before, wide.data() + b * width);
  return wide;
}

}  // namespace

// A level has words for as many of the first kinds as had a carry there: level.size() / blocks. Things of later kinds
// should be rarer.
void CountPlanes::add(std::size_t block, std::span<std::uint64_t> marks) {
  OHMIC_EXPECT(marks.size() == kinds_);
  const std::size_t part = block / kBlocksPerPart, blocks = blocks_of(part);
  std::vector<Level>& levels = parts_[part];
  for (std::size_t j = 0;; ++j) {
    while (!marks.empty() && marks.back() == 0) marks = marks.first(marks.size() - 1);
    if (marks.empty()) return;
    if (j == levels.size()) levels.emplace_back();
    if (levels[j].size() < marks.size() * blocks) levels[j] = widened(levels[j], blocks, marks.size());
    const std::size_t width = levels[j].size() / blocks;
    std::uint64_t* const words = levels[j].data() + block % kBlocksPerPart * width;
    for (std::size_t k = 0; k < marks.size(); ++k) {
      const std::uint64_t carry = marks[k];
      marks[k] = words[k] & carry;
      words[k] ^= carry;
    }
  }
}

void CountPlanes::add_one(std::size_t element, std::size_t kind) {
  constexpr std::size_t kMostKinds = 16;
  OHMIC_EXPECT(kind < kinds_ && kinds_ <= kMostKinds);
  std::array<std::uint64_t, kMostKinds> marks{};
  marks[kind] = std::uint64_t{1} << element % kBlock;
  add(element / kBlock, std::span(marks).first(kinds_));
}

std::uint64_t CountPlanes::count(std::size_t element, std::size_t kind) const {
  std::uint64_t count = 0;
  const std::vector<Level>& levels = parts_[element / kPart];
  for (std::size_t j = 0; j < levels.size(); ++j) {
    const std::size_t width = levels[j].size() / blocks_of(element / kPart);
    if (kind >= width) continue;
    count |= (levels[j][element % kPart / kBlock * width + kind] >> element % kBlock & 1) << j;
  }
  return count;
}

std::vector<std::uint64_t> CountPlanes::counts(std::size_t kind) const {
  std::vector<std::uint64_t> counts(elements_);
  for (std::size_t e = 0; e < elements_; ++e) counts[e] = count(e, kind);
  return counts;
}

std::uint64_t CountPlanes::total() const {
  std::uint64_t total = 0;
  for (const std::vector<Level>& levels : parts_) {
    for (std::size_t j = 0; j < levels.size(); ++j) {
      for (const std::uint64_t word : levels[j]) total += static_cast<std::uint64_t>(std::popcount(word)) << j;
    }
  }
  return total;
}

// How many bits each part's counts have, of how many kinds each; then all words, part by part and bit by bit.
void CountPlanes::save(const std::string& name, SafetensorsWriter& out) const {
  std::vector<std::uint8_t> widths;
  std::vector<std::uint64_t> words;
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    widths.push_back(static_cast<std::uint8_t>(parts_[p].size()));
    for (const Level& level : parts_[p]) {
      widths.push_back(static_cast<std::uint8_t>(level.size() / blocks_of(p)));
      words.insert(words.end(), level.begin(), level.end());
    }
  }
  out.keep(name + ".widths", widths);
  out.keep(name, words);
}

void CountPlanes::load(const std::string& name, const SafetensorsFile& in) {
  const auto widths = in.read<std::uint8_t>(name + ".widths");
  const auto words = in.read<std::uint64_t>(name);
  std::size_t next_width = 0, next_word = 0;
  const auto damaged = [&] { fail("{} has other words than {}.widths says; restore the file", name, name); };
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    if (next_width == widths.size() || widths.size() - next_width <= widths[next_width]) damaged();
    parts_[p].resize(widths[next_width++]);
    for (Level& level : parts_[p]) {
      const std::size_t size = widths[next_width++] * blocks_of(p);
      if (words.size() - next_word < size) damaged();
      level.assign(words.begin() + static_cast<std::ptrdiff_t>(next_word),
                   words.begin() + static_cast<std::ptrdiff_t>(next_word + size));
      next_word += size;
    }
  }
  if (next_word != words.size()) damaged();
}

std::size_t CountPlanes::bytes() const {
  std::size_t bytes = parts_.size() * sizeof(std::vector<Level>);
  for (const std::vector<Level>& levels : parts_) {
    for (const Level& level : levels) bytes += sizeof(Level) + level.size() * sizeof(Level::value_type);
  }
  return bytes;
}

}  // namespace ohmic
