#include "ohmic/crossbar/assignment.h"

#include <limits>

namespace ohmic {
namespace {

// Rows are taken in one after the other; potentials keep reduced costs from falling below 0.
class Assignment {
 public:
  explicit Assignment(const Matrix& cost)
      : cost_(cost),
        size_(cost.rows()),
        row_potential_(size_ + 1, 0.0),
        column_potential_(size_ + 1, 0.0),
        row_of_(size_ + 1, 0),
        before_(size_ + 1, 0) {}

  std::vector<int> solve() {
    for (std::size_t row = 1; row <= size_; ++row) take_in(row);
    std::vector<int> column_of(size_, 0);
    for (std::size_t c = 1; c <= size_; ++c) column_of[row_of_[c] - 1] = static_cast<int>(c - 1);
    return column_of;
  }

 private:
  // Numbers begin at 1; column 0 stands for the row that is taken in.
  void take_in(std::size_t row) {
    row_of_[0] = row;
    std::vector<double> distance(size_ + 1, std::numeric_limits<double>::infinity());
    std::vector<bool> reached(size_ + 1, false);
    std::size_t column = 0;
    while (row_of_[column] != 0) {
      reached[column] = true;
      column = step(column, distance, reached);
    }
    for (; column != 0; column = before_[column]) row_of_[column] = row_of_[before_[column]];
  }

  // Lengthens the shortest path by one column, which is returned.
  std::size_t step(std::size_t from, std::vector<double>& distance, const std::vector<bool>& reached) {
    const std::size_t row = row_of_[from];
    const std::span<const float> costs = cost_.row(row - 1);
    double least = std::numeric_limits<double>::infinity();
    std::size_t next = 0;
    for (std::size_t c = 1; c <= size_; ++c) {
      if (reached[c]) continue;
      const double reduced = static_cast<double>(costs[c - 1]) - row_potential_[row] - column_potential_[c];
      if (reduced < distance[c]) {
        distance[c] = reduced;
        before_[c] = from;
      }
      if (distance[c] < least) {
        least = distance[c];
        next = c;
      }
    }
    for (std::size_t c = 0; c <= size_; ++c) {
      if (reached[c]) {
        row_potential_[row_of_[c]] += least;
        column_potential_[c] -= least;
      } else {
        distance[c] -= least;
      }
    }
    return next;
  }

  const Matrix& cost_;
  std::size_t size_;
  std::vector<double> row_potential_, column_potential_;
  std::vector<std::size_t> row_of_, before_;
};

}  // namespace

std::vector<int> cheapest_assignment(const Matrix& cost) { return Assignment(cost).solve(); }

}  // namespace ohmic
