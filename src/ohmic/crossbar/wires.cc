#include "ohmic/crossbar/wires.h"

#include <algorithm>
#include <cstddef>

#include "ohmic/core/error.h"
#include "ohmic/crossbar/wire_around.h"
#include "ohmic/crossbar/wire_ladders.h"
#include "ohmic/crossbar/wire_network.h"

namespace ohmic {
namespace {

LineEnds ends_of(DriveSide side) { return {side != DriveSide::right, side != DriveSide::left}; }
LineEnds ends_of(SenseSide side) { return {side != SenseSide::bottom, side != SenseSide::top}; }

LineFamily uniform_lines(std::size_t lines, std::size_t cells, double ohm, LineEnds ends) {
  return {std::vector<double>(lines, ohm), std::vector<double>(cells + 1, 1.0), ends};
}

template <class Real>
LineFamily word_lines(const WireSpec& spec, MatrixView<Real> cells) {
  return uniform_lines(cells.rows, cells.columns, spec.row_ohm, ends_of(spec.drive));
}

template <class Real>
LineFamily bit_lines(const WireSpec& spec, MatrixView<Real> cells) {
  return uniform_lines(cells.columns, cells.rows, spec.column_ohm, ends_of(spec.sense));
}

template <class Real>
void transpose(MatrixView<const Real> from, MatrixView<Real> to) {
  constexpr std::size_t kBlock = 16;  // both sides of a block stay in the nearest cache
  for (std::size_t r0 = 0; r0 < from.rows; r0 += kBlock) {
    for (std::size_t c0 = 0; c0 < from.columns; c0 += kBlock) {
      for (std::size_t r = r0; r < std::min(r0 + kBlock, from.rows); ++r) {
        for (std::size_t c = c0; c < std::min(c0 + kBlock, from.columns); ++c) {
          to.data[c * to.columns + r] = from.data[r * from.columns + c];
        }
      }
    }
  }
}

// With perfect lines in one direction those of the other one stand alone: M = G times the ladder's shares.
std::vector<double> map_of_ladders(const LineFamily& lines, MatrixView<const double> cells_by_line) {
  std::vector<double> map(cells_by_line.rows * cells_by_line.columns);
  ladder_shares<double>({cells_by_line, lines}, {map.data(), cells_by_line.rows, cells_by_line.columns});
  for (std::size_t k = 0; k < map.size(); ++k) map[k] *= cells_by_line.data[k];
  return map;
}

std::vector<double> transposed(MatrixView<const double> from) {
  std::vector<double> to(from.rows * from.columns);
  transpose<double>(from, {to.data(), from.columns, from.rows});
  return to;
}

}  // namespace

std::vector<double> exact_wire_map(const WireSpec& spec, MatrixView<const double> cells) {
  OHMIC_EXPECT(cells.rows > 0 && cells.columns > 0);
  if (spec.row_ohm > 0 && spec.column_ohm > 0) {
    return solve_wire_network({cells, word_lines(spec, cells), bit_lines(spec, cells)});
  }
  if (spec.column_ohm > 0) return map_of_ladders(bit_lines(spec, cells), cells);
  if (spec.row_ohm <= 0) return {cells.data, cells.data + cells.rows * cells.columns};
  const std::vector<double> by_line = transposed(cells);
  const std::vector<double> map = map_of_ladders(word_lines(spec, cells), {by_line.data(), cells.columns, cells.rows});
  return transposed({map.data(), cells.columns, cells.rows});
}

namespace {

// The current of each line alone at 1 V. cells, shares: cells x lines.
std::vector<float> line_loads(MatrixView<const float> cells, MatrixView<const float> shares) {
  std::vector<float> loads(cells.columns, 0.0f);
  for (std::size_t k = 0; k < cells.rows; ++k) {
    const std::span<const float> row = cells.row(k), share = shares.row(k);
    for (std::size_t l = 0; l < loads.size(); ++l) loads[l] += row[l] * share[l];
  }
  return loads;
}

void multiply(std::span<float> values, std::span<const float> factors) {
  for (std::size_t k = 0; k < values.size(); ++k) values[k] *= factors[k];
}

void fill(Matrix& matrix, float value) { std::fill(matrix.values().begin(), matrix.values().end(), value); }

}  // namespace

void WireMap::renew(const WireSpec& spec, MatrixView<const float> conductance_us) {
  through_.resize(conductance_us.rows, conductance_us.columns);
  around_us_.resize(conductance_us.rows, conductance_us.columns);
  fill(through_, 1);
  fill(around_us_, 0);
  if (spec.model == WireModel::none || through_.values().empty()) return;
  const Loads loads = renew_through(spec, conductance_us);
  if (spec.model == WireModel::exact) {
    renew_around_exactly(spec, conductance_us);
  } else if (spec.row_ohm > 0 && spec.column_ohm > 0) {
    // With perfect lines in one direction nothing gets around a cell.
    const LineFamily word = word_lines(spec, conductance_us), bit = bit_lines(spec, conductance_us);
    estimate_around({conductance_us, word, bit, loads.word_us, loads.bit_us}, kGroups, around_us_.view());
  }
}

WireMap::Loads WireMap::renew_through(const WireSpec& spec, MatrixView<const float> cells) {
  Loads loads;
  if (spec.column_ohm > 0) {
    ladder_shares<float>({cells, bit_lines(spec, cells)}, through_.view());
    loads.bit_us = line_loads(cells, through_.view());
  }
  if (spec.row_ohm > 0) {
    Matrix turned(cells.columns, cells.rows), turned_share(cells.columns, cells.rows);
    transpose<float>(cells, turned.view());
    ladder_shares<float>({turned.view(), word_lines(spec, cells)}, turned_share.view());
    loads.word_us = line_loads(turned.view(), turned_share.view());
    Matrix word_share(cells.rows, cells.columns);
    transpose<float>(turned_share.view(), word_share.view());
    multiply(through_.values(), word_share.values());
  }
  return loads;
}

void WireMap::renew_around_exactly(const WireSpec& spec, MatrixView<const float> cells) {
  const std::vector<double> conductance(cells.data, cells.data + cells.rows * cells.columns);
  const std::vector<double> map = exact_wire_map(spec, {conductance.data(), cells.rows, cells.columns});
  for (std::size_t k = 0; k < map.size(); ++k) {
    const double direct = conductance[k] * static_cast<double>(through_.values()[k]);
    around_us_.values()[k] = static_cast<float>(map[k] - direct);
  }
}

void WireMap::apply(MatrixView<const float> conductance_us, MatrixView<float> effective_us) const {
  OHMIC_EXPECT(conductance_us.rows == rows() && conductance_us.columns == columns());
  const std::span<const float> through = through_.values(), around = around_us_.values();
  for (std::size_t k = 0; k < through.size(); ++k) {
    effective_us.data[k] = conductance_us.data[k] * through[k] + around[k];
  }
}

}  // namespace ohmic
