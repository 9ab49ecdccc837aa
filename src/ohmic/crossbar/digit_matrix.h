#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ohmic/core/kernels.h"
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
/// variance of one read of each pair in one more 8-bit digit, var = middle + variance_step digit. Rows stand in groups
/// of four, as the byte-wise multiply-add instructions want them: 3 bytes per weight.
class DigitMatrix {
 public:
  DigitMatrix(int rows, int columns, const DigitScale& scale);

  int rows() const { return rows_; }
  int columns() const { return columns_; }
  const DigitScale& scale() const { return scale_; }

  void set(int row, int column, const PairDigits& digits) {
    const std::size_t i = at(row, column);
    high_[i] = digits.high;
    low_[i] = digits.low;
    variance_[i] = digits.variance;
    ++version_;
  }
  /// The digits of rows 4 group .. 4 group + 3: columns x 4 bytes of each kind, to be written.
  struct Group {
    std::int8_t *high, *low, *variance;
  };
  Group group(int group) {
    const std::size_t i = at(4 * group, 0);
    ++version_;
    return {&high_[i], &low_[i], &variance_[i]};
  }
  /// Becomes the transpose of `other`.
  void assign_transposed(const DigitMatrix& other);

  float weight(int row, int column) const;
  float variance(int row, int column) const;

  /// Fetches the cache lines that `set` will write.
  void prefetch(int row, int column) const {
    const std::size_t i = at(row, column);
    __builtin_prefetch(&high_[i], 1);
    __builtin_prefetch(&low_[i], 1);
    __builtin_prefetch(&variance_[i], 1);
  }

  QuadMatrix quads() const { return {high_.data(), low_.data(), variance_.data(), columns_}; }
  /// Changes whenever a digit does.
  std::uint64_t version() const { return version_; }
  std::size_t bytes() const { return high_.size() * 3; }

 private:
  std::size_t at(int row, int column) const {
    return (static_cast<std::size_t>(row / 4) * static_cast<std::size_t>(columns_) + static_cast<std::size_t>(column)) *
               4 +
           static_cast<std::size_t>(row % 4);
  }

  int rows_, columns_;
  DigitScale scale_;
  std::vector<std::int8_t> high_, low_, variance_;
  std::uint64_t version_ = 0;
};

}  // namespace ohmic
