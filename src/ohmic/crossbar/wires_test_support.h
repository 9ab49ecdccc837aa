#pragma once

// Arrays with wires, as the tests of wires.h and of its approximation take them.

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "ohmic/core/config.h"
#include "ohmic/core/matrix.h"
#include "ohmic/crossbar/wires.h"

namespace ohmic::test {

using Numbers = std::vector<double>;

inline constexpr std::array kDrives = {DriveSide::left, DriveSide::right, DriveSide::both};
inline constexpr std::array kSenses = {SenseSide::bottom, SenseSide::top, SenseSide::both};

inline WireSpec wires(double row_ohm, double column_ohm, DriveSide drive = DriveSide::left,
                      SenseSide sense = SenseSide::bottom, WireModel model = WireModel::exact) {
  return {model, row_ohm, column_ohm, drive, sense};
}

inline std::string name(const WireSpec& spec) { return to_toml(spec); }

// The same numbers in double and single precision.
struct Cells {
  std::size_t rows, columns;
  Numbers us;
  std::vector<float> single;

  template <class F>
  Cells(std::size_t row_count, std::size_t column_count, const F& value)
      : rows(row_count), columns(column_count), us(rows * columns), single(us.size()) {
    for (std::size_t k = 0; k < us.size(); ++k) {
      single[k] = static_cast<float>(value(k / columns, k % columns));
      us[k] = single[k];
    }
  }
  MatrixView<const double> view() const { return {us.data(), rows, columns}; }
  MatrixView<const float> single_view() const { return {single.data(), rows, columns}; }
  Cells transposed() const {
    return Cells(columns, rows, [&](std::size_t r, std::size_t c) { return us[c * columns + r]; });
  }
};

inline Cells uniform_cells(std::size_t rows, std::size_t columns, double dead = 0) {
  std::mt19937 random(static_cast<unsigned>(rows * 1000 + columns));
  std::uniform_real_distribution<double> value(0, 20), chance(0, 1);
  return Cells(rows, columns, [&](std::size_t, std::size_t) {
    const double us = value(random);
    return chance(random) < dead ? 0 : us;
  });
}

// As the cells of one side of trained differential pairs: half of them low, few high.
inline Cells trained_cells(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> weight(0, 2);
  return Cells(size, size, [&](std::size_t, std::size_t) { return 0.1 + std::max(0.0, weight(random)); });
}

struct Shape {
  std::size_t rows, columns;
};

// 24 x 20 cells at 240 ohm lose as much as 256 x 256 at about 2 ohm: a drop goes with the square of the length.
inline constexpr double kHighOhm = 240;

}  // namespace ohmic::test
