#include "ohmic/crossbar/wire_around.h"

#include <algorithm>
#include <vector>

#include "ohmic/crossbar/wire_ladders.h"

namespace ohmic {
namespace {

// Cuts the cells of one direction into groups of nearly equal size.
class GroupAxis {
 public:
  GroupAxis(std::size_t cells, std::size_t groups) : cells_(cells), groups_(std::min(cells, groups)) {}

  std::size_t cells() const { return cells_; }
  std::size_t size() const { return groups_; }
  std::size_t begin(std::size_t group) const { return group * cells_ / groups_; }
  double width(std::size_t group) const { return static_cast<double>(begin(group + 1) - begin(group)); }
  /// In pieces of the line, from the terminal before the first cell.
  double middle(std::size_t group) const { return 0.5 * static_cast<double>(begin(group) + begin(group + 1) + 1); }

  /// As many equal lines as make a group of lines that carry these loads: (sum load)^2 / sum load^2. What counts for
  /// the cells is the mean drop weighted by load, so that dead lines in a group carry nothing for the others.
  double lines_in_parallel(std::size_t group, std::span<const float> load_us) const {
    double sum = 0, squares = 0;
    for (const float load : load_us.subspan(begin(group), begin(group + 1) - begin(group))) {
      sum += load;
      squares += static_cast<double>(load) * load;
    }
    return squares > 0 ? sum * sum / squares : width(group);
  }
  /// The groups' lines: from middle to middle along this axis; across it they are bundled by `across`.
  LineFamily lines(const LineFamily& fine, const GroupAxis& across, std::span<const float> load_us) const {
    LineFamily coarse{{}, {}, fine.ends};
    for (std::size_t g = 0; g < across.size(); ++g) {
      coarse.line_ohm.push_back(fine.line_ohm[0] / across.lines_in_parallel(g, load_us));
    }
    double last = 0;
    for (std::size_t g = 0; g < size(); ++g) {
      coarse.length.push_back(middle(g) - last);
      last = middle(g);
    }
    coarse.length.push_back(static_cast<double>(cells_ + 1) - last);
    return coarse;
  }

 private:
  std::size_t cells_, groups_;
};

// Linear interpolation between the middles of the groups, and straight on beyond the outer ones.
struct Interpolation {
  std::vector<std::size_t> run;  ///< cells [run[g], run[g + 1]) lie between the groups g and g + 1
  std::vector<float> weight;     ///< of group g + 1, per cell

  explicit Interpolation(const GroupAxis& axis) : weight(axis.cells(), 0.0f) {
    const std::size_t runs = std::max<std::size_t>(axis.size(), 2) - 1;
    run.assign(runs + 1, axis.cells());
    run[0] = 0;
    for (std::size_t g = 0; g < runs && axis.size() > 1; ++g) {
      const double from = axis.middle(g), step = axis.middle(g + 1) - from;
      if (g + 1 < runs) run[g + 1] = static_cast<std::size_t>(axis.middle(g + 1));
      for (std::size_t k = run[g]; k < run[g + 1]; ++k) {
        weight[k] = static_cast<float>((static_cast<double>(k + 1) - from) / step);
      }
    }
  }
};

using Numbers = std::vector<double>;

Numbers group_sums(MatrixView<const float> cells, const GroupAxis& rows, const GroupAxis& columns) {
  Numbers sums(rows.size() * columns.size(), 0.0);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t i = rows.begin(r); i < rows.begin(r + 1); ++i) {
      const std::span<const float> row = cells.row(i);
      for (std::size_t c = 0; c < columns.size(); ++c) {
        float sum = 0;
        for (std::size_t j = columns.begin(c); j < columns.begin(c + 1); ++j) sum += row[j];
        sums[r * columns.size() + c] += sum;
      }
    }
  }
  return sums;
}

// The coarse array, solved both ways: exactly and line by line.
class CoarseArray {
 public:
  CoarseArray(const LoadedLines& array, std::size_t groups)
      : rows_(array.conductance_us.rows, groups),
        columns_(array.conductance_us.columns, groups),
        word_(columns_.lines(array.word, rows_, array.word_load_us)),
        bit_(rows_.lines(array.bit, columns_, array.bit_load_us)),
        conductance_us_(group_sums(array.conductance_us, rows_, columns_)) {
    give_dead_groups_a_trace();
  }

  const GroupAxis& rows() const { return rows_; }
  const GroupAxis& columns() const { return columns_; }

  /// Current around the cells per load of the word line and load of the bit line; the last row and column once more, so
  /// that every group has a next one.
  std::vector<float> around_per_load() const {
    const std::size_t rows = rows_.size(), columns = columns_.size();
    const Numbers map = solve_wire_network({view(conductance_us_), word_, bit_});
    const Numbers word = word_shares(), bit = bit_shares();
    Numbers word_load(rows, 0.0), bit_load(columns, 0.0);
    for (std::size_t k = 0; k < map.size(); ++k) {
      word_load[k / columns] += conductance_us_[k] * word[k];
      bit_load[k % columns] += conductance_us_[k] * bit[k];
    }
    std::vector<float> around((rows + 1) * (columns + 1));
    for (std::size_t p = 0; p < around.size(); ++p) {
      const std::size_t r = std::min(p / (columns + 1), rows - 1), c = std::min(p % (columns + 1), columns - 1);
      const std::size_t k = r * columns + c;
      const double rest = map[k] - conductance_us_[k] * word[k] * bit[k];
      around[p] = static_cast<float>(rest / (word_load[r] * bit_load[c]));
    }
    return around;
  }

  bool is_dead() const { return conductance_us_[0] <= 0; }

 private:
  // So that what flows around per load has a value there too: living neighbours interpolate with it.
  void give_dead_groups_a_trace() {
    double sum = 0;
    for (const double g : conductance_us_) sum += g;
    const double trace = 1e-4 * sum / static_cast<double>(conductance_us_.size());
    for (double& g : conductance_us_) g = std::max(g, trace);
  }

  MatrixView<const double> view(const Numbers& numbers) const {
    return {numbers.data(), rows_.size(), columns_.size()};
  }

  Numbers bit_shares() const {
    Numbers share(conductance_us_.size());
    ladder_shares<double>({view(conductance_us_), bit_}, {share.data(), rows_.size(), columns_.size()});
    return share;
  }

  Numbers word_shares() const {
    const std::size_t rows = rows_.size(), columns = columns_.size();
    Numbers turned(conductance_us_.size()), turned_share(turned.size()), share(turned.size());
    for (std::size_t k = 0; k < turned.size(); ++k) turned[k % columns * rows + k / columns] = conductance_us_[k];
    ladder_shares<double>({{turned.data(), columns, rows}, word_}, {turned_share.data(), columns, rows});
    for (std::size_t k = 0; k < turned.size(); ++k) share[k] = turned_share[k % columns * rows + k / columns];
    return share;
  }

  GroupAxis rows_, columns_;
  LineFamily word_, bit_;
  Numbers conductance_us_;
};

// One row: `lower` and `upper` are the coarse values at both ends of each run, already blended over rows.
void fill_row(std::span<const float> blend, const Interpolation& columns, std::span<const float> bit_load,
              std::span<float> out) {
  for (std::size_t g = 0; g + 1 < columns.run.size(); ++g) {
    const float from = blend[g], step = blend[g + 1] - from;
    for (std::size_t j = columns.run[g]; j < columns.run[g + 1]; ++j) {
      out[j] = (from + columns.weight[j] * step) * bit_load[j];
    }
  }
}

}  // namespace

void estimate_around(const LoadedLines& array, std::size_t groups, MatrixView<float> around_us) {
  const CoarseArray coarse(array, groups);
  if (coarse.is_dead()) {
    std::fill_n(around_us.data, around_us.rows * around_us.columns, 0.0f);
    return;
  }
  const std::vector<float> per_load = coarse.around_per_load();
  const Interpolation rows(coarse.rows()), columns(coarse.columns());
  const std::size_t width = coarse.columns().size() + 1;
  std::vector<float> blend(width);
  for (std::size_t g = 0; g + 1 < rows.run.size(); ++g) {
    const float *lower = per_load.data() + g * width, *upper = lower + width;
    for (std::size_t i = rows.run[g]; i < rows.run[g + 1]; ++i) {
      const float weight = rows.weight[i], load = array.word_load_us[i];
      for (std::size_t k = 0; k < width; ++k) blend[k] = (lower[k] + weight * (upper[k] - lower[k])) * load;
      fill_row(blend, columns, array.bit_load_us, around_us.row(i));
    }
  }
}

}  // namespace ohmic
