#include "ohmic/core/count_planes.h"

#include <array>

#include "ohmic/core/error.h"

namespace ohmic {

void CountPlanes::add(std::size_t block, std::span<std::uint64_t> marks) {
  OHMIC_EXPECT(marks.size() == kinds_);
  const std::size_t part = block / kBlocksPerPart;
  std::vector<Level>& levels = parts_[part];
  for (std::size_t j = 0;; ++j) {
    std::uint64_t left = 0;
    for (const std::uint64_t carry : marks) left |= carry;
    if (left == 0) return;
    if (j == levels.size()) levels.emplace_back(blocks_of(part) * kinds_, 0);
    std::uint64_t* const words = levels[j].data() + block % kBlocksPerPart * kinds_;
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
    count |= (levels[j][element % kPart / kBlock * kinds_ + kind] >> element % kBlock & 1) << j;
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

// The bits that each part's counts have, then all words, part by part and bit by bit.
void CountPlanes::save(const std::string& name, SafetensorsWriter& out) const {
  std::vector<std::uint8_t> levels_of_parts;
  std::vector<std::uint64_t> words;
  for (const std::vector<Level>& levels : parts_) {
    levels_of_parts.push_back(static_cast<std::uint8_t>(levels.size()));
    for (const Level& level : levels) words.insert(words.end(), level.begin(), level.end());
  }
  out.keep(name + ".bits", levels_of_parts);
  out.keep(name, words);
}

void CountPlanes::load(const std::string& name, const SafetensorsFile& in) {
  std::vector<std::uint8_t> levels_of_parts(parts_.size());
  in.read(name + ".bits", std::span<std::uint8_t>(levels_of_parts));
  const auto words = in.read<std::uint64_t>(name);
  std::size_t wanted = 0;
  for (std::size_t p = 0; p < parts_.size(); ++p) wanted += levels_of_parts[p] * blocks_of(p) * kinds_;
  if (wanted != words.size()) fail("{} has {} words; {} are wanted", name, words.size(), wanted);
  auto next = words.begin();
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    const auto size = static_cast<std::ptrdiff_t>(blocks_of(p) * kinds_);
    parts_[p].clear();
    for (int j = 0; j < levels_of_parts[p]; ++j, next += size) parts_[p].emplace_back(next, next + size);
  }
}

std::size_t CountPlanes::bytes() const {
  std::size_t bytes = parts_.size() * sizeof(parts_[0]);
  for (const std::vector<Level>& levels : parts_) {
    for (const Level& level : levels) bytes += sizeof level + level.size() * sizeof level[0];
  }
  return bytes;
}

}  // namespace ohmic
