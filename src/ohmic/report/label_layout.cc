#include "ohmic/report/label_layout.h"

#include <algorithm>
#include <numeric>

namespace ohmic::report {
namespace {

/// Labels that touch and therefore move as one.
struct Block {
  double sum;  ///< of the offsets wanted for the block's first label
  int count;
  double first() const { return sum / count; }
};

/// Pools neighbours that would overlap into blocks placed at their mean (isotonic regression).
std::vector<Block> pooled_blocks(const std::vector<double>& sorted, double spacing) {
  std::vector<Block> blocks;
  for (const double wanted : sorted) {
    blocks.push_back({wanted, 1});
    while (blocks.size() > 1) {
      const Block last = blocks.back();
      Block& before = blocks[blocks.size() - 2];
      if (before.first() + before.count * spacing <= last.first()) break;
      // Within the joined block, the last one's labels begin before.count spacings after the first label.
      before.sum += last.sum - last.count * before.count * spacing;
      before.count += last.count;
      blocks.pop_back();
    }
  }
  return blocks;
}

std::vector<double> unrolled(const std::vector<Block>& blocks, double spacing) {
  std::vector<double> positions;
  for (const Block& block : blocks) {
    for (int k = 0; k < block.count; ++k) positions.push_back(block.first() + k * spacing);
  }
  return positions;
}

/// Pushes labels in from both ends; they fit because the caller shrank the spacing if need be.
void keep_within(std::vector<double>& positions, double spacing, double low, double high) {
  const std::size_t n = positions.size();
  for (std::size_t k = 0; k < n; ++k) {
    positions[k] = std::max(positions[k], k == 0 ? low : positions[k - 1] + spacing);
  }
  for (std::size_t k = n; k-- > 0;) {
    positions[k] = std::min(positions[k], k + 1 == n ? high : positions[k + 1] - spacing);
  }
}

}  // namespace

std::vector<double> spread_labels(const std::vector<double>& wanted, double spacing, double low, double high) {
  const std::size_t n = wanted.size();
  if (n > 1) spacing = std::min(spacing, (high - low) / static_cast<double>(n - 1));
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return wanted[a] < wanted[b]; });
  std::vector<double> sorted;
  for (const std::size_t k : order) sorted.push_back(wanted[k]);
  std::vector<double> placed = unrolled(pooled_blocks(sorted, spacing), spacing);
  keep_within(placed, spacing, low, high);
  std::vector<double> result(n);
  for (std::size_t k = 0; k < n; ++k) result[order[k]] = placed[k];
  return result;
}

}  // namespace ohmic::report
