#include "ohmic/crossbar/faults.h"

#include <algorithm>

#include "ohmic/core/random.h"

namespace ohmic {
namespace {

// What `when` of the fault stream means.
constexpr std::uint64_t kCells = 0, kRows = 1, kColumns = 2;

// Lines are numbered per lane, side and array along them: a word line of one array is not that of the next.
std::vector<bool> dead_lines(double rate, std::size_t count, const RandomStream& stream) {
  std::vector<bool> dead(count);
  if (rate <= 0) return dead;
  for (std::size_t i = 0; i < count; ++i) dead[i] = random_uniform(stream, static_cast<std::uint32_t>(i)) < rate;
  return dead;
}

}  // namespace

void describe(FieldVisitor& v, FaultSpec& s) {
  v.field({"stuck_low", "", "share of cells stuck at the lowest conductance", 0, 1}, s.stuck_low);
  v.field({"stuck_high", "", "share of cells stuck at the highest conductance", 0, 1}, s.stuck_high);
  v.field({"dead_rows", "", "share of word lines, in each array, that conduct nothing", 0, 1}, s.dead_rows);
  v.field({"dead_columns", "", "share of bit lines, in each array, that conduct nothing", 0, 1}, s.dead_columns);
  v.field(
      {"remap", "",
       "when weights are programmed, exchange the rows and columns of each array so that broken cells carry weights "
       "near what they conduct"},
      s.remap);
}

FaultMap::FaultMap(const FaultSpec& spec, const Shape& shape, std::uint64_t seed, std::uint32_t unit) {
  if (!spec.any()) return;
  const auto stream = [&](std::uint64_t when) { return RandomStream(seed, Purpose::fault, unit, when); };
  const int row_blocks = (shape.inputs - 1) / shape.array_rows + 1;
  const int column_blocks = (shape.outputs - 1) / shape.array_columns + 1;
  const auto lines = [&](int lines_of_matrix, int blocks) {
    return static_cast<std::size_t>(2 * shape.lanes * lines_of_matrix) * static_cast<std::size_t>(blocks);
  };
  const auto dead_rows = dead_lines(spec.dead_rows, lines(shape.inputs, column_blocks), stream(kRows));
  const auto dead_columns = dead_lines(spec.dead_columns, lines(shape.outputs, row_blocks), stream(kColumns));
  const RandomStream cells = stream(kCells);
  std::uint32_t cell = 0;
  for (int lane = 0; lane < shape.lanes; ++lane) {
    for (int i = 0; i < shape.inputs; ++i) {
      for (int j = 0; j < shape.outputs; ++j) {
        for (int side = 0; side < 2; ++side, ++cell) {
          const int plane = 2 * lane + side;
          const int row = (plane * column_blocks + j / shape.array_columns) * shape.inputs + i;
          const int column = (plane * row_blocks + i / shape.array_rows) * shape.outputs + j;
          const double u = random_uniform(cells, cell);
          if (dead_rows[static_cast<std::size_t>(row)] || dead_columns[static_cast<std::size_t>(column)]) {
            faults_.push_back({cell, FaultKind::dead});
          } else if (u < spec.stuck_low) {
            faults_.push_back({cell, FaultKind::stuck_low});
          } else if (u > 1 - spec.stuck_high) {
            faults_.push_back({cell, FaultKind::stuck_high});
          }
        }
      }
    }
  }
}

FaultMap::FaultMap(std::vector<Fault> faults) : faults_(std::move(faults)) {
  std::sort(faults_.begin(), faults_.end(), [](const Fault& a, const Fault& b) { return a.cell < b.cell; });
}

std::span<const Fault> FaultMap::range(std::uint32_t first, std::uint32_t count) const {
  const auto before = [](const Fault& fault, std::uint32_t cell) { return fault.cell < cell; };
  const auto begin = std::lower_bound(faults_.begin(), faults_.end(), first, before);
  const auto end = std::lower_bound(begin, faults_.end(), first + count, before);
  return {faults_.data() + (begin - faults_.begin()), static_cast<std::size_t>(end - begin)};
}

}  // namespace ohmic
