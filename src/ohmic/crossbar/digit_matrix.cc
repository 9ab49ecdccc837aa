#include "ohmic/crossbar/digit_matrix.h"

namespace ohmic {

DigitMatrix::DigitMatrix(int rows, int columns, const DigitScale& scale)
    : rows_(rows), columns_(columns), scale_(scale) {
  const std::size_t size = static_cast<std::size_t>((rows + 3) / 4) * static_cast<std::size_t>(columns) * 4;
  high_.assign(size, 0);
  low_.assign(size, 0);
  variance_.assign(size, 0);
}

void DigitMatrix::assign_transposed(const DigitMatrix& other) {
  for (int row = 0; row < rows_; ++row) {
    for (int column = 0; column < columns_; ++column) {
      const std::size_t from = other.at(column, row);
      set(row, column, {other.high_[from], other.low_[from], other.variance_[from]});
    }
  }
}

float DigitMatrix::weight(int row, int column) const {
  const std::size_t i = at(row, column);
  return scale_.weight_step * static_cast<float>(256 * high_[i] + low_[i]);
}

float DigitMatrix::variance(int row, int column) const {
  return scale_.variance_middle + scale_.variance_step * static_cast<float>(variance_[at(row, column)]);
}

}  // namespace ohmic
