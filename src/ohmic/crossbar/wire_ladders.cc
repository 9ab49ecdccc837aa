#include "ohmic/crossbar/wire_ladders.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace ohmic {
namespace {

// Pieces of all lines at one place, in megaohm, which goes with uS.
template <class Real>
void piece_of_lines(std::span<const double> line_ohm, double length, Real* resistance) {
  for (std::size_t l = 0; l < line_ohm.size(); ++l) resistance[l] = static_cast<Real>(1e-6 * line_ohm[l] * length);
}

// What a terminal at 1 V is for the cell next to it; nothing if the line ends without one.
template <class Real>
void start_side(const Real* resistance, bool has_terminal, std::size_t lines, Real* conductance, Real* source) {
  for (std::size_t l = 0; l < lines; ++l) conductance[l] = source[l] = has_terminal ? 1 / resistance[l] : 0;
}

// From one cell to the next one: past the load, then through a piece.
template <class Real>
void pass_cell(const Real* load, const Real* resistance, std::size_t lines, Real* conductance, Real* source) {
  for (std::size_t l = 0; l < lines; ++l) {
    const Real loaded = conductance[l] + load[l];
    const Real damping = 1 / (1 + resistance[l] * loaded);
    conductance[l] = loaded * damping;
    source[l] *= damping;
  }
}

// Lines at a time: their state stays in the nearest cache.
constexpr std::size_t kLines = 64;

template <class Real>
struct Side {
  Real conductance[kLines], source[kLines];
};

// The lines [begin, end) of the ladders.
template <class Real>
class LadderBlock {
 public:
  LadderBlock(const Ladders<Real>& ladders, std::size_t begin, std::size_t end)
      : ladders_(ladders),
        begin_(begin),
        lines_(end - begin),
        ohm_(std::span(ladders.lines.line_ohm).subspan(begin, lines_)) {}

  // `before` gets, for each cell, what lies before it.
  void solve(MatrixView<Real> share, std::vector<Side<Real>>& before) {
    const std::size_t cells = share.rows;
    start(0, ladders_.lines.ends.first);
    for (std::size_t k = 0; k < cells; ++k) {
      before[k] = side_;
      pass(k, k + 1);
    }
    start(cells, ladders_.lines.ends.last);
    for (std::size_t k = cells; k-- > 0;) {
      voltages(before[k], k, share.row(k).data() + begin_);
      pass(k, k);
    }
  }

 private:
  const Real* load(std::size_t cell) const { return ladders_.load_us.row(cell).data() + begin_; }
  void start(std::size_t piece, bool has_terminal) {
    piece_of_lines(ohm_, ladders_.lines.length[piece], piece_);
    start_side(piece_, has_terminal, lines_, side_.conductance, side_.source);
  }
  void pass(std::size_t cell, std::size_t piece) {
    piece_of_lines(ohm_, ladders_.lines.length[piece], piece_);
    pass_cell(load(cell), piece_, lines_, side_.conductance, side_.source);
  }
  void voltages(const Side<Real>& before, std::size_t cell, Real* out) const {
    const Real* loads = load(cell);
    for (std::size_t l = 0; l < lines_; ++l) {
      out[l] = (before.source[l] + side_.source[l]) / (before.conductance[l] + side_.conductance[l] + loads[l]);
    }
  }

  const Ladders<Real>& ladders_;
  std::size_t begin_, lines_;
  std::span<const double> ohm_;
  Real piece_[kLines];
  Side<Real> side_;
};

}  // namespace

template <class Real>
void ladder_shares(const Ladders<Real>& ladders, MatrixView<Real> share) {
  std::vector<Side<Real>> before(share.rows);
  for (std::size_t begin = 0; begin < share.columns; begin += kLines) {
    LadderBlock<Real>(ladders, begin, std::min(begin + kLines, share.columns)).solve(share, before);
  }
}

template void ladder_shares<float>(const Ladders<float>&, MatrixView<float>);
template void ladder_shares<double>(const Ladders<double>&, MatrixView<double>);

}  // namespace ohmic
