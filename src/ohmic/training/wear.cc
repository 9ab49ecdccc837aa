#include "ohmic/training/wear.h"

#include <algorithm>
#include <limits>

namespace ohmic {

void describe(FieldVisitor& v, WearSpec& s) {
  v.field({"endurance", "writes", "SETs and RESETs together that a cell stands", 1, 1e18}, s.endurance);
  v.field({"duty", "", "share of the time in which the chip trains, for the projected lifetime", 1e-9, 1}, s.duty);
}

void WearRecord::add(const std::string& name, std::span<const std::uint64_t> sets,
                     std::span<const std::uint64_t> resets) {
  auto kind = std::find_if(kinds_.begin(), kinds_.end(), [&](const Kind& k) { return k.name == name; });
  if (kind == kinds_.end()) kind = kinds_.insert(kinds_.end(), Kind{name, 0, 0, 0, 0, 0, 0, {}, {}});
  kind->cells += sets.size();
  for (std::size_t i = 0; i < sets.size(); ++i) {
    kind->sets += sets[i];
    kind->resets += resets[i];
    kind->most_sets = std::max(kind->most_sets, sets[i]);
    kind->most_resets = std::max(kind->most_resets, resets[i]);
    kind->most_writes = std::max(kind->most_writes, sets[i] + resets[i]);
    ++kind->cells_by_sets[sets[i]];
    ++kind->cells_by_resets[resets[i]];
  }
}

std::uint64_t WearRecord::most_writes() const {
  std::uint64_t most = 0;
  for (const Kind& kind : kinds_) most = std::max(most, kind.most_writes);
  return most;
}

Lifetime projected_lifetime(const WearSpec& spec, std::uint64_t most_writes, double seconds) {
  if (most_writes == 0) {
    return {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  }
  const double trainings = spec.endurance / static_cast<double>(most_writes);
  return {trainings, trainings * seconds / spec.duty};
}

}  // namespace ohmic
