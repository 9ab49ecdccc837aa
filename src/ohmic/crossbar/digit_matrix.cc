#include "ohmic/crossbar/digit_matrix.h"

namespace ohmic {

DigitMatrix::DigitMatrix(int rows, int columns, const DigitScale& scale)
    : rows_(rows),
      columns_(columns),
      panel_bytes_(static_cast<std::size_t>((rows + 3) / 4) * DigitPanels::kGroupBytes),
      scale_(scale) {
  digits_.assign(static_cast<std::size_t>(panels(0, 0).panels()) * panel_bytes_ + DigitPanels::kBytesBehind, 0);
}

void DigitMatrix::assign_transposed(const DigitMatrix& other) {
  for (int row = 0; row < rows_; ++row) {
    for (int column = 0; column < columns_; ++column) put(row, column, other.digits(column, row));
  }
  ++version_;
}

PairDigits DigitMatrix::digits(int row, int column) const {
  const std::int8_t* from = digits_.data() + at(row, column);
  return {from[0], from[DigitPanels::kKindBytes], from[2 * DigitPanels::kKindBytes]};
}

float DigitMatrix::weight(int row, int column) const {
  const PairDigits d = digits(row, column);
  return scale_.weight_step * static_cast<float>(256 * d.high + d.low);
}

float DigitMatrix::variance(int row, int column) const {
  return scale_.variance_middle + scale_.variance_step * static_cast<float>(digits(row, column).variance);
}

}  // namespace ohmic
