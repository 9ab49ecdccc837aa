#include "ohmic/crossbar/digit_matrix.h"

#include <algorithm>
#include <cmath>

namespace ohmic {

DigitMatrix::DigitMatrix(int rows, int columns, const DigitScale& scale)
    : rows_(rows),
      columns_(columns),
      scale_(scale),
      inverse_weight_step_(1 / scale.weight_step),
      inverse_variance_step_(scale.variance_step > 0 ? 1 / scale.variance_step : 0) {
  const std::size_t size = static_cast<std::size_t>((rows + 3) / 4) * static_cast<std::size_t>(columns) * 4;
  high_.assign(size, 0);
  low_.assign(size, 0);
  variance_.assign(size, 0);
}

void DigitMatrix::set(int row, int column, float weight, float variance) {
  constexpr float kMost = DigitScale::kMostSteps;
  const std::size_t i = at(row, column);
  const int steps = static_cast<int>(std::lrint(std::clamp(weight * inverse_weight_step_, -kMost, kMost)));
  const int high = (steps + 128) >> 8;
  high_[i] = static_cast<std::int8_t>(high);
  low_[i] = static_cast<std::int8_t>(steps - 256 * high);
  const float digit = (variance - scale_.variance_middle) * inverse_variance_step_;
  variance_[i] = static_cast<std::int8_t>(std::lrint(std::clamp(digit, -128.0f, 127.0f)));
  ++version_;
}

float DigitMatrix::weight(int row, int column) const {
  const std::size_t i = at(row, column);
  return scale_.weight_step * static_cast<float>(256 * high_[i] + low_[i]);
}

float DigitMatrix::variance(int row, int column) const {
  return scale_.variance_middle + scale_.variance_step * static_cast<float>(variance_[at(row, column)]);
}

}  // namespace ohmic
