#include "ohmic/crossbar/reference/slow_wires.h"

#include <cmath>
#include <cstddef>
#include <utility>

namespace ohmic::reference {
namespace {

// A node is unknown, or its voltage is given (number < 0).
struct Node {
  std::ptrdiff_t number = -1;
  double volt = 0;
};

// sum_n matrix[m][n] volt[n] = right[m]: the currents out of node m add up to 0.
struct Equations {
  std::vector<std::vector<double>> matrix;
  std::vector<double> right;

  explicit Equations(std::size_t size) : matrix(size, std::vector<double>(size, 0.0)), right(size, 0.0) {}

  void leave(const Node& from, const Node& to, double conductance_us) {
    if (from.number < 0) return;
    auto& row = matrix[static_cast<std::size_t>(from.number)];
    row[static_cast<std::size_t>(from.number)] += conductance_us;
    if (to.number >= 0) {
      row[static_cast<std::size_t>(to.number)] -= conductance_us;
    } else {
      right[static_cast<std::size_t>(from.number)] += conductance_us * to.volt;
    }
  }
  void connect(const Node& a, const Node& b, double conductance_us) {
    leave(a, b, conductance_us);
    leave(b, a, conductance_us);
  }
  void pivot(std::size_t k) {
    std::size_t best = k;
    for (std::size_t r = k + 1; r < right.size(); ++r) {
      if (std::abs(matrix[r][k]) > std::abs(matrix[best][k])) best = r;
    }
    std::swap(matrix[k], matrix[best]);
    std::swap(right[k], right[best]);
  }
  std::vector<double> solve() {
    for (std::size_t k = 0; k < right.size(); ++k) {
      pivot(k);
      for (std::size_t r = k + 1; r < right.size(); ++r) {
        const double factor = matrix[r][k] / matrix[k][k];
        if (factor == 0) continue;
        for (std::size_t c = k; c < right.size(); ++c) matrix[r][c] -= factor * matrix[k][c];
        right[r] -= factor * right[k];
      }
    }
    std::vector<double> volt(right.size());
    for (std::size_t k = right.size(); k-- > 0;) {
      double rest = right[k];
      for (std::size_t c = k + 1; c < right.size(); ++c) rest -= matrix[k][c] * volt[c];
      volt[k] = rest / matrix[k][k];
    }
    return volt;
  }
};

class SlowArray {
 public:
  SlowArray(const WireSpec& spec, MatrixView<const double> cells, std::span<const double> word_volt,
            std::span<const double> bit_volt)
      : spec_(spec), cells_(cells), word_volt_(word_volt), bit_volt_(bit_volt) {}

  WireCurrents currents() const {
    Equations equations(2 * cells_.rows * cells_.columns);
    for (std::size_t i = 0; i < cells_.rows; ++i) connect_word_line(equations, i);
    for (std::size_t j = 0; j < cells_.columns; ++j) connect_bit_line(equations, j);
    for (std::size_t i = 0; i < cells_.rows; ++i) {
      for (std::size_t j = 0; j < cells_.columns; ++j) equations.connect(word(i, j), bit(i, j), cells_.row(i)[j]);
    }
    // A perfect line's nodes are no unknowns; something must stand in their place.
    for (std::size_t k = 0; k < equations.right.size(); ++k) {
      if (is_given(k)) equations.matrix[k][k] = 1;
    }
    return through_cells(equations.solve());
  }

 private:
  bool is_given(std::size_t number) const {
    return (number < cells_.rows * cells_.columns ? spec_.row_ohm : spec_.column_ohm) == 0;
  }
  Node word(std::size_t i, std::size_t j) const {
    if (spec_.row_ohm == 0) return {-1, word_volt_[i]};
    return {static_cast<std::ptrdiff_t>(i * cells_.columns + j), 0};
  }
  Node bit(std::size_t i, std::size_t j) const {
    if (spec_.column_ohm == 0) return {-1, bit_volt_[j]};
    return {static_cast<std::ptrdiff_t>((cells_.rows + i) * cells_.columns + j), 0};
  }
  void connect_word_line(Equations& equations, std::size_t i) const {
    if (spec_.row_ohm == 0) return;
    const double g = 1e6 / spec_.row_ohm;
    const Node terminal{-1, word_volt_[i]};
    for (std::size_t j = 1; j < cells_.columns; ++j) equations.connect(word(i, j - 1), word(i, j), g);
    if (spec_.drive != DriveSide::right) equations.connect(terminal, word(i, 0), g);
    if (spec_.drive != DriveSide::left) equations.connect(terminal, word(i, cells_.columns - 1), g);
  }
  void connect_bit_line(Equations& equations, std::size_t j) const {
    if (spec_.column_ohm == 0) return;
    const double g = 1e6 / spec_.column_ohm;
    const Node terminal{-1, bit_volt_[j]};
    for (std::size_t i = 1; i < cells_.rows; ++i) equations.connect(bit(i - 1, j), bit(i, j), g);
    if (spec_.sense != SenseSide::bottom) equations.connect(terminal, bit(0, j), g);
    if (spec_.sense != SenseSide::top) equations.connect(terminal, bit(cells_.rows - 1, j), g);
  }
  // Whatever leaves a line by its terminals came in by its cells.
  WireCurrents through_cells(const std::vector<double>& volt) const {
    const auto volt_of = [&](const Node& n) {
      return n.number < 0 ? n.volt : volt[static_cast<std::size_t>(n.number)];
    };
    WireCurrents out{std::vector<double>(cells_.rows, 0.0), std::vector<double>(cells_.columns, 0.0)};
    for (std::size_t i = 0; i < cells_.rows; ++i) {
      for (std::size_t j = 0; j < cells_.columns; ++j) {
        const double current = cells_.row(i)[j] * (volt_of(word(i, j)) - volt_of(bit(i, j)));
        out.bit[j] += current;
        out.word[i] -= current;
      }
    }
    return out;
  }

  const WireSpec& spec_;
  MatrixView<const double> cells_;
  std::span<const double> word_volt_, bit_volt_;
};

}  // namespace

WireCurrents slow_wire_currents(const WireSpec& spec, MatrixView<const double> conductance_us,
                                std::span<const double> word_volt, std::span<const double> bit_volt) {
  return SlowArray(spec, conductance_us, word_volt, bit_volt).currents();
}

std::vector<double> slow_wire_map(const WireSpec& spec, MatrixView<const double> conductance_us) {
  const std::vector<double> ground(conductance_us.columns, 0.0);
  std::vector<double> map;
  for (std::size_t i = 0; i < conductance_us.rows; ++i) {
    std::vector<double> volt(conductance_us.rows, 0.0);
    volt[i] = 1;
    const WireCurrents currents = slow_wire_currents(spec, conductance_us, volt, ground);
    map.insert(map.end(), currents.bit.begin(), currents.bit.end());
  }
  return map;
}

}  // namespace ohmic::reference
