#include "ohmic/core/config.h"

#include <algorithm>
#include <cctype>

namespace ohmic {

void FieldVisitor::field(const FieldInfo& info, int& value) {
  using Limits = std::numeric_limits<int>;
  FieldInfo bounded = info;
  bounded.min = std::max(info.min, static_cast<double>(Limits::min()));
  bounded.max = std::min(info.max, static_cast<double>(Limits::max()));
  std::int64_t wide = value;
  field(bounded, wide);
  value = static_cast<int>(wide);
}

namespace {

/// Capitals and the choice between - and _ are no difference worth a suggestion of something else.
std::string normalised(std::string_view word) {
  std::string result(word);
  for (char& c : result) c = c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

/// Insertions, deletions, changes and swaps of two neighbours that turn `a` into `b` (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

std::string nearest_name(std::string_view word, std::span<const std::string> candidates) {
  constexpr std::size_t kLongestWord = 200;  // nobody mistypes such a name; keeps the distance cheap on hostile input
  if (word.size() > kLongestWord) return {};
  const std::string wanted = normalised(word);
  const std::string* nearest = nullptr;
  std::size_t nearest_distance = 0;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(wanted, normalised(candidate));
    const bool is_near = 3 * distance <= std::max(word.size(), candidate.size());
    if (is_near && (nearest == nullptr || distance < nearest_distance)) {
      nearest = &candidate;
      nearest_distance = distance;
    }
  }
  return nearest == nullptr ? std::string() : *nearest;
}

}  // namespace ohmic
