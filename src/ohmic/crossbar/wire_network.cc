#include "ohmic/crossbar/wire_network.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>

#include "ohmic/crossbar/elimination.h"

namespace ohmic {
namespace {

enum PartSide : std::size_t { kLeft, kRight, kTop, kBottom };
using SideSizes = std::array<std::size_t, 4>;

// A part of the grid: its admittance matrix between the line ends of each side, in the order of `PartSide`.
struct Part {
  SideSizes ends{};
  std::vector<double> admittance_us;

  std::size_t count() const { return std::accumulate(ends.begin(), ends.end(), std::size_t{0}); }
};

struct Range {
  std::size_t begin, end;
  std::size_t size() const { return end - begin; }
  std::size_t middle() const { return begin + size() / 2; }
};

// The conductance from the cell to the end of its part. Parts are cut in the middle of a piece; a terminal is at its
// end.
double arm_us(const LineFamily& lines, std::size_t line, std::size_t piece) {
  const bool outermost = piece == 0 || piece + 1 == lines.length.size();
  return (outermost ? 1e6 : 2e6) / (lines.line_ohm[line] * lines.length[piece]);
}

// The arms of the cell in the order of PartSide; 0 where the line ends without a terminal.
std::array<double, 4> arms_us(const WireNetwork& network, std::size_t row, std::size_t column) {
  const auto pair = [](const LineFamily& lines, std::size_t line, std::size_t cell) {
    const bool has_first = cell > 0 || lines.ends.first;
    const bool has_last = cell + 2 < lines.length.size() || lines.ends.last;
    return std::array{has_first ? arm_us(lines, line, cell) : 0, has_last ? arm_us(lines, line, cell + 1) : 0};
  };
  const auto word = pair(network.word, row, column), bit = pair(network.bit, column, row);
  return {word[0], word[1], bit[0], bit[1]};
}

// Nothing leads to ground, hence the rows of an admittance matrix add up to 0.
void set_diagonal(std::vector<double>& y, std::size_t count) {
  for (std::size_t r = 0; r < count; ++r) {
    double others = 0;
    for (std::size_t c = 0; c < count; ++c) {
      if (c != r) others += y[r * count + c];
    }
    y[r * count + r] = -others;
  }
}

// One cell: two stars (its nodes on the word line and on the bit line) with the cell's conductance between them, both
// nodes eliminated by hand, without a difference of large numbers.
Part cell_part(const WireNetwork& network, std::size_t row, std::size_t column) {
  const std::array<double, 4> arms = arms_us(network, row, column);
  const double g = network.conductance_us.row(row)[column];
  const double word = arms[kLeft] + arms[kRight], bit = arms[kTop] + arms[kBottom];
  const double scale = 1 / (word * bit + g * (word + bit));
  Part part;
  for (std::size_t s = 0; s < 4; ++s) part.ends[s] = arms[s] > 0 ? 1 : 0;
  for (std::size_t s = 0; s < 4; ++s) {
    for (std::size_t t = 0; t < 4; ++t) {
      if (part.ends[s] == 0 || part.ends[t] == 0) continue;
      const bool same_line = s / 2 == t / 2;
      const double through = !same_line ? g : (s < 2 ? bit : word) + g;
      part.admittance_us.push_back(-arms[s] * arms[t] * through * scale);
    }
  }
  set_diagonal(part.admittance_us, part.count());
  return part;
}

// Where the ends of each side of a part begin in the matrix of the pair.
using SideOffsets = std::array<std::size_t, 4>;

// Adds a part's matrix to that of the pair.
void add_part(const Part& part, const SideOffsets& offset, std::vector<double>& pair, std::size_t width) {
  const double* source = part.admittance_us.data();
  for (std::size_t s = 0; s < 4; ++s) {
    for (std::size_t r = 0; r < part.ends[s]; ++r) {
      for (std::size_t t = 0; t < 4; ++t) {
        double* target = pair.data() + (offset[s] + r) * width + offset[t];
        for (std::size_t c = 0; c < part.ends[t]; ++c) target[c] += source[c];
        source += part.ends[t];
      }
    }
  }
}

// The block of rows and columns from `first` on, made symmetric from its upper triangle.
std::vector<double> symmetric_rest(const std::vector<double>& matrix, std::size_t width, std::size_t first) {
  const std::size_t count = width - first;
  std::vector<double> rest(count * count);
  for (std::size_t r = 0; r < count; ++r) {
    const double* source = matrix.data() + (first + r) * width + first;
    std::copy(source + r, source + count, rest.begin() + static_cast<std::ptrdiff_t>(r * count + r));
    for (std::size_t c = 0; c < r; ++c) rest[r * count + c] = rest[c * count + r];
  }
  return rest;
}

// Puts two parts together where side `joint` of the first meets the opposite side of the second.
Part join(const Part& first, const Part& second, PartSide joint) {
  const std::size_t opposite = joint ^ 1U;
  const std::size_t joined = first.ends[joint];
  Part part;
  SideOffsets first_at{}, second_at{};
  std::size_t at = joined;  // the common ends stand in front
  for (std::size_t s = 0; s < 4; ++s) {
    const std::size_t of_first = s == joint ? 0 : first.ends[s], of_second = s == opposite ? 0 : second.ends[s];
    first_at[s] = s == joint ? 0 : at;
    second_at[s] = s == opposite ? 0 : at + of_first;
    part.ends[s] = of_first + of_second;
    at += part.ends[s];
  }
  std::vector<double> pair(at * at, 0.0);
  add_part(first, first_at, pair, at);
  add_part(second, second_at, pair, at);
  eliminate_first(pair, at, joined);
  part.admittance_us = symmetric_rest(pair, at, joined);
  return part;
}

Part solve_part(const WireNetwork& network, Range rows, Range columns) {
  if (rows.size() == 1 && columns.size() == 1) return cell_part(network, rows.begin, columns.begin);
  if (rows.size() > columns.size()) {
    return join(solve_part(network, {rows.begin, rows.middle()}, columns),
                solve_part(network, {rows.middle(), rows.end}, columns), kBottom);
  }
  return join(solve_part(network, rows, {columns.begin, columns.middle()}),
              solve_part(network, rows, {columns.middle(), columns.end}), kRight);
}

}  // namespace

std::vector<double> solve_wire_network(const WireNetwork& network) {
  const std::size_t rows = network.conductance_us.rows, columns = network.conductance_us.columns;
  const Part array = solve_part(network, {0, rows}, {0, columns});
  const std::size_t count = array.count(), words = array.ends[kLeft] + array.ends[kRight];
  std::vector<double> map(rows * columns, 0.0);
  for (std::size_t w = 0; w < words; ++w) {
    for (std::size_t b = words; b < count; ++b) {
      map[w % rows * columns + (b - words) % columns] -= array.admittance_us[w * count + b];
    }
  }
  return map;
}

}  // namespace ohmic
