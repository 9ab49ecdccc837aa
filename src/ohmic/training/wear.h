#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "ohmic/core/config.h"

namespace ohmic {

/// What the wear of a run is set against.
struct WearSpec {
  double endurance = 1e8;  ///< [assumed: the limit that Joshi et al., arXiv 2102.05271, are set against]
  double duty = 1;
};

void describe(FieldVisitor& v, WearSpec& s);

/// How often the cells of each kind (bit of the LSB, side of the MSB) were SET and RESET.
class WearRecord {
 public:
  struct Kind {
    std::string name;
    std::uint64_t cells = 0, sets = 0, resets = 0;
    std::uint64_t most_sets = 0, most_resets = 0;
    std::uint64_t most_writes = 0;  ///< SETs and RESETs of one cell
    std::map<std::uint64_t, std::uint64_t> cells_by_sets, cells_by_resets;
  };

  /// Adds cells to the kind `name`: how often each was SET and RESET.
  void add(const std::string& name, std::span<const std::uint64_t> sets, std::span<const std::uint64_t> resets);

  const std::vector<Kind>& kinds() const { return kinds_; }
  /// SETs and RESETs of the cell that was written most.
  std::uint64_t most_writes() const;

 private:
  std::vector<Kind> kinds_;
};

/// How long cells last when a training that takes `seconds` on the chip and writes its most-written cell `most_writes`
/// times (SETs and RESETs, each counted as one cycle of the endurance) is repeated, with the chip training for the
/// share `duty` of the time. Both are infinite where nothing was written.
struct Lifetime {
  double trainings = 0;
  double seconds = 0;
};
Lifetime projected_lifetime(const WearSpec& spec, std::uint64_t most_writes, double seconds);

}  // namespace ohmic
