#include "ohmic/crossbar/tile_wires.h"

#include <algorithm>

#include "ohmic/core/parallel.h"

namespace ohmic {

std::vector<TileWires::Block> TileWires::blocks(const CellArray& cells) const {
  const auto block_rows = static_cast<int>(spec_.periphery.array_rows);
  const auto block_columns = static_cast<int>(spec_.periphery.array_columns);
  std::vector<Block> all;
  for (int lane = 0; lane < cells.layout().lanes(); ++lane) {
    for (int row = 0; row < spec_.inputs; row += block_rows) {
      for (int column = 0; column < spec_.outputs; column += block_columns) {
        all.push_back({lane, row, std::min(block_rows, spec_.inputs - row), column,
                       std::min(block_columns, spec_.outputs - column)});
      }
    }
  }
  return all;
}

void TileWires::keep(const Block& block, std::size_t first_unit, const WireMap& map, Plane& plane) const {
  for (int row = 0; row < block.rows; ++row) {
    const auto r = static_cast<std::size_t>(row);
    const std::size_t at = first_unit + r * static_cast<std::size_t>(spec_.outputs);
    const auto through = map.through().row(r);
    const auto around = map.around_us().row(r);
    std::copy(through.begin(), through.end(), plane.through.begin() + static_cast<std::ptrdiff_t>(at));
    std::copy(around.begin(), around.end(), plane.around_us.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

void TileWires::renew_block(const Block& block, const CellArray& cells) {
  const auto columns = static_cast<std::size_t>(block.columns);
  const std::size_t first_unit = static_cast<std::size_t>(block.lane) * cells.crossings() +
                                 static_cast<std::size_t>(block.first_row) * static_cast<std::size_t>(spec_.outputs) +
                                 static_cast<std::size_t>(block.first_column);
  std::array<Matrix, 2> conductance;
  for (Matrix& m : conductance) m.resize(static_cast<std::size_t>(block.rows), columns);
  std::vector<float> variance(columns);
  for (std::size_t r = 0; r < static_cast<std::size_t>(block.rows); ++r) {
    const auto unit = static_cast<std::uint32_t>(first_unit + r * static_cast<std::size_t>(spec_.outputs));
    cells.values(unit, columns, {conductance[0].row(r).data(), variance.data()},
                 {conductance[1].row(r).data(), variance.data()});
  }
  const std::size_t sides = cells.is_single() ? 1 : 2;
  for (std::size_t side = 0; side < sides; ++side) {
    WireMap map;
    map.renew(spec_.wires, static_cast<const Matrix&>(conductance[side]).view());
    keep(block, first_unit, map, planes_[side]);
  }
}

void TileWires::renew(const CellArray& cells) {
  if (!any()) return;
  for (Plane& plane : planes_) {
    plane.through.resize(cells.units(), 1.0f);  // references have no wires
    plane.around_us.resize(cells.units(), 0.0f);
  }
  const std::vector<Block> all = blocks(cells);
  parallel_chunks(all.size(), 1, [&](std::size_t begin, std::size_t) { renew_block(all[begin], cells); });
}

void TileWires::apply(std::uint32_t first, std::size_t count, const CellsOut& plus, const CellsOut& minus) const {
  const std::array<const CellsOut*, 2> out = {&plus, &minus};
  for (std::size_t side = 0; side < 2; ++side) {
    const float* through = planes_[side].through.data() + first;
    const float* around = planes_[side].around_us.data() + first;
    for (std::size_t i = 0; i < count; ++i) {
      out[side]->conductance_us[i] = out[side]->conductance_us[i] * through[i] + around[i];
      out[side]->variance_us2[i] *= through[i] * through[i];
    }
  }
}

void TileWires::save(const std::string& prefix, SafetensorsWriter& out) const {
  if (!any()) return;
  const auto count = static_cast<std::int64_t>(planes_[0].through.size());
  for (std::size_t side = 0; side < 2; ++side) {
    const std::string name = prefix + (side == 0 ? ".wires_plus" : ".wires_minus");
    out.add(name + ".through", std::span<const float>(planes_[side].through), {count});
    out.add(name + ".around_us", std::span<const float>(planes_[side].around_us), {count});
  }
}

bool TileWires::load(const std::string& prefix, const SafetensorsFile& in) {
  if (!any() || !in.contains(prefix + ".wires_plus.through")) return false;
  for (std::size_t side = 0; side < 2; ++side) {
    const std::string name = prefix + (side == 0 ? ".wires_plus" : ".wires_minus");
    in.read(name + ".through", std::span<float>(planes_[side].through));
    in.read(name + ".around_us", std::span<float>(planes_[side].around_us));
  }
  return true;
}

std::size_t TileWires::bytes() const {
  std::size_t total = 0;
  for (const Plane& plane : planes_) total += (plane.through.capacity() + plane.around_us.capacity()) * sizeof(float);
  return total;
}

}  // namespace ohmic
