#pragma once

// Cells and lines that do not work.

#include <cstdint>
#include <span>
#include <vector>

#include "ohmic/core/config.h"

namespace ohmic {

/// Shares of cells and lines that are broken, at random places that the seed picks.
struct FaultSpec {
  double stuck_low = 0;     ///< of cells
  double stuck_high = 0;    ///< of cells
  double dead_rows = 0;     ///< of the word lines of each array
  double dead_columns = 0;  ///< of the bit lines of each array
  bool remap = false;       ///< see remapping.h

  bool any() const { return stuck_low + stuck_high + dead_rows + dead_columns > 0; }
};

void describe(FieldVisitor& v, FaultSpec& s);

enum class FaultKind : std::uint8_t {
  stuck_low,   ///< conducts the least a cell can, whatever is done to it
  stuck_high,  ///< conducts the most
  dead,        ///< on a broken line: conducts nothing and makes no noise
};

struct Fault {
  std::uint32_t cell;  ///< 2 unit + side
  FaultKind kind;
};

/// Where the faults of a tile are, ascending by cell.
class FaultMap {
 public:
  struct Shape {
    int inputs, outputs, lanes;
    int array_rows, array_columns;
  };

  FaultMap() = default;
  FaultMap(const FaultSpec& spec, const Shape& shape, std::uint64_t seed, std::uint32_t unit);
  /// These, in any order.
  explicit FaultMap(std::vector<Fault> faults);

  bool empty() const { return faults_.empty(); }
  /// The faults of cells [first, first + count).
  std::span<const Fault> range(std::uint32_t first, std::uint32_t count) const;
  bool is_faulty(std::uint32_t cell) const { return !range(cell, 1).empty(); }
  std::span<const Fault> all() const { return faults_; }

 private:
  std::vector<Fault> faults_;
};

}  // namespace ohmic
