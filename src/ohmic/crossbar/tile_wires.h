#pragma once

#include <array>
#include <string>
#include <vector>

#include "ohmic/core/cell_kernel.h"
#include "ohmic/core/safetensors.h"
#include "ohmic/crossbar/cell_array.h"
#include "ohmic/crossbar/wires.h"

namespace ohmic {

/// The wires of all arrays of a tile. The cells of G+ and of G- of each lane stand in arrays of their own [assumed], of
/// at most array_rows x array_columns cells. 16 bytes per unit.
class TileWires {
 public:
  explicit TileWires(const TileSpec& spec) : spec_(spec) {}

  bool any() const { return spec_.wires.model != WireModel::none; }
  /// From what the cells conduct now.
  void renew(const CellArray& cells);
  /// From cells as they are to cells as the terminals see them: units [first, first + count) of one lane.
  void apply(std::uint32_t first, std::size_t count, const CellsOut& plus, const CellsOut& minus) const;

  void save(const std::string& prefix, SafetensorsWriter& out) const;
  /// False if the file has none.
  bool load(const std::string& prefix, const SafetensorsFile& in);
  std::size_t bytes() const;

 private:
  // WireMap's, for all units.
  struct Plane {
    std::vector<float> through, around_us;
  };
  struct Block {
    int lane, first_row, rows, first_column, columns;
  };

  std::vector<Block> blocks(const CellArray& cells) const;
  void renew_block(const Block& block, const CellArray& cells);
  void keep(const Block& block, std::size_t first_unit, const WireMap& map, Plane& plane) const;

  TileSpec spec_;
  std::array<Plane, 2> planes_;  ///< of G+ and of G-
};

}  // namespace ohmic
