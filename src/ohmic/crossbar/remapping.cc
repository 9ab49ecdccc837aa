#include "ohmic/crossbar/remapping.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "ohmic/core/matrix.h"
#include "ohmic/crossbar/assignment.h"

namespace ohmic {
namespace {

// Where a faulty cell is.
struct PlacedFault {
  int lane, row, column, side;
  FaultKind kind;
};

PlacedFault place_of(const Fault& fault, const FaultMap::Shape& shape) {
  const auto outputs = static_cast<std::uint32_t>(shape.outputs), inputs = static_cast<std::uint32_t>(shape.inputs);
  const std::uint32_t unit = fault.cell / 2, crossing = unit % (inputs * outputs);
  return {static_cast<int>(unit / (inputs * outputs)), static_cast<int>(crossing / outputs),
          static_cast<int>(crossing % outputs), static_cast<int>(fault.cell % 2), fault.kind};
}

std::uint32_t cell_of(const PlacedFault& fault, const FaultMap::Shape& shape) {
  const auto outputs = static_cast<std::uint32_t>(shape.outputs), inputs = static_cast<std::uint32_t>(shape.inputs);
  const std::uint32_t crossing =
      static_cast<std::uint32_t>(fault.row) * outputs + static_cast<std::uint32_t>(fault.column);
  return 2 * (static_cast<std::uint32_t>(fault.lane) * inputs * outputs + crossing) +
         static_cast<std::uint32_t>(fault.side);
}

bool concerns(const PlacedFault& fault, const RemappingTask& task, int sides) {
  return fault.lane >= task.first_lane && fault.lane < task.first_lane + task.lanes && fault.side < sides;
}

float squared(float x) { return x * x; }

// One array: its lines, targets and faults. Positions count from its corner.
class Block {
 public:
  Block(const RemappingTask& task, int row, int column)
      : task_(task),
        row_(row),
        column_(column),
        rows_(std::min(task.shape.array_rows, task.shape.inputs - row)),
        columns_(std::min(task.shape.array_columns, task.shape.outputs - column)) {}

  void exchange(std::span<PlacedFault* const> faults) {
    load_targets();
    const std::vector<int> columns = assignment_of(
        faults, columns_, [&](const PlacedFault& fault, int column) { return cost(fault, fault.row - row_, column); },
        [&](const PlacedFault& fault) { return fault.column - column_; });
    for (PlacedFault* fault : faults)
      fault->column = column_ + columns[static_cast<std::size_t>(fault->column - column_)];
    const std::vector<int> rows = assignment_of(
        faults, rows_, [&](const PlacedFault& fault, int row) { return cost(fault, row, fault.column - column_); },
        [&](const PlacedFault& fault) { return fault.row - row_; });
    for (PlacedFault* fault : faults) fault->row = row_ + rows[static_cast<std::size_t>(fault->row - row_)];
  }

 private:
  void load_targets() {
    targets_.resize(static_cast<std::size_t>(rows_), 2 * static_cast<std::size_t>(columns_));
    for (int i = 0; i < rows_; ++i) {
      const int first = (row_ + i) * task_.shape.outputs + column_;
      task_.targets(static_cast<std::uint32_t>(first), targets_.row(static_cast<std::size_t>(i)));
    }
  }

  float cost(const PlacedFault& fault, int row, int column) const {
    const auto at = 2 * static_cast<std::size_t>(column) + static_cast<std::size_t>(fault.side);
    const float target = static_cast<const Matrix&>(targets_).row(static_cast<std::size_t>(row))[at];
    return squared(task_.stuck_us[static_cast<std::size_t>(fault.kind)] - target);
  }

  // For each line of the array, the line of weights that it takes.
  template <class Cost, class LineOf>
  static std::vector<int> assignment_of(std::span<PlacedFault* const> faults, int lines, const Cost& cost,
                                        const LineOf& line_of) {
    Matrix costs(static_cast<std::size_t>(lines), static_cast<std::size_t>(lines));
    std::fill(costs.values().begin(), costs.values().end(), 0.0f);
    for (const PlacedFault* fault : faults) {
      const std::span<float> row = costs.row(static_cast<std::size_t>(line_of(*fault)));
      for (int line = 0; line < lines; ++line) row[static_cast<std::size_t>(line)] += cost(*fault, line);
    }
    return cheapest_assignment(costs);
  }

  const RemappingTask& task_;
  int row_, column_, rows_, columns_;
  Matrix targets_;  ///< rows x (G+, G-) of the columns
};

}  // namespace

double fault_error_us2(const FaultMap& faults, const RemappingTask& task, int sides) {
  double sum = 0;
  std::array<float, 2> target{};
  for (const Fault& fault : faults.all()) {
    const PlacedFault at = place_of(fault, task.shape);
    if (!concerns(at, task, sides)) continue;
    task.targets(static_cast<std::uint32_t>(at.row * task.shape.outputs + at.column), target);
    const float missed = task.stuck_us[static_cast<std::size_t>(at.kind)] - target[static_cast<std::size_t>(at.side)];
    sum += static_cast<double>(squared(missed));
  }
  return sum;
}

FaultMap remapped(const FaultMap& faults, const RemappingTask& task, int sides) {
  std::vector<PlacedFault> placed;
  for (const Fault& fault : faults.all()) placed.push_back(place_of(fault, task.shape));
  for (int row = 0; row < task.shape.inputs; row += task.shape.array_rows) {
    for (int column = 0; column < task.shape.outputs; column += task.shape.array_columns) {
      std::vector<PlacedFault*> here;
      for (PlacedFault& fault : placed) {
        const bool inside = fault.row / task.shape.array_rows == row / task.shape.array_rows &&
                            fault.column / task.shape.array_columns == column / task.shape.array_columns;
        if (inside && concerns(fault, task, sides)) here.push_back(&fault);
      }
      if (!here.empty()) Block(task, row, column).exchange(here);
    }
  }
  std::vector<Fault> moved;
  for (const PlacedFault& fault : placed) moved.push_back({cell_of(fault, task.shape), fault.kind});
  return FaultMap(std::move(moved));
}

}  // namespace ohmic
