#pragma once

#include <cstdint>

#include "ohmic/core/aligned.h"
#include "ohmic/core/digit_panels.h"
#include "ohmic/core/pair_kernel.h"

namespace ohmic {

/// How weights and noise variances become digits.
struct DigitScale {
  float weight_step;      ///< weight of one step of the 16-bit fixed point
  float variance_step;    ///< squared weight of one step of the variance digit
  float variance_middle;  ///< squared weight of variance digit 0

  static constexpr int kMostSteps = 127 * 256 + 127;  ///< both digits stay in [-128, 127]
};

/// The effective conductances of a matrix as two signed 8-bit digits, W = weight_step (256 high + low), beside the
/// variance of one read of each pair in one more 8-bit digit, var = middle + variance_step digit: 3 bytes per weight,
/// in the order in which the kernels take them, so that nothing has to be packed when a weight has changed.
class DigitMatrix {
 public:
  DigitMatrix(int rows, int columns, const DigitScale& scale);

  int rows() const { return rows_; }
  int columns() const { return columns_; }
  const DigitScale& scale() const { return scale_; }

  void set(int row, int column, const PairDigits& digits) {
    put(row, column, digits);
    ++version_;
  }
  /// The digits of rows 4 group .. 4 group + 3, to be written.
  DigitGroup group(int group) {
    ++version_;
    return {digits_.data() + static_cast<std::size_t>(group) * DigitPanels::kGroupBytes, panel_bytes_};
  }
  /// Becomes the transpose of `other`.
  void assign_transposed(const DigitMatrix& other);

  PairDigits digits(int row, int column) const;
  float weight(int row, int column) const;
  float variance(int row, int column) const;

  /// Groups of four rows [first, first + groups).
  DigitPanels panels(int first_group, int groups) const {
    return {digits_.data() + static_cast<std::size_t>(first_group) * DigitPanels::kGroupBytes, groups, columns_,
            panel_bytes_};
  }
  /// Changes whenever a digit does.
  std::uint64_t version() const { return version_; }
  std::size_t bytes() const { return digits_.size(); }

 private:
  // Of the high digit; low and variance digits follow kKindBytes apart.
  std::size_t at(int row, int column) const {
    return static_cast<std::size_t>(row / 4) * DigitPanels::kGroupBytes + DigitGroup::at(column, panel_bytes_) +
           static_cast<std::size_t>(row % 4);
  }
  void put(int row, int column, const PairDigits& digits) {
    std::int8_t* to = digits_.data() + at(row, column);
    to[0] = digits.high;
    to[DigitPanels::kKindBytes] = digits.low;
    to[2 * DigitPanels::kKindBytes] = digits.variance;
  }

  int rows_, columns_;
  std::size_t panel_bytes_;
  DigitScale scale_;
  AlignedVector<std::int8_t> digits_;
  std::uint64_t version_ = 0;
};

}  // namespace ohmic
