#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "ohmic/crossbar/digit_matrix.h"

namespace ohmic {

/// The exact integer product of many quantised vectors with the rows [first_row, first_row + row_count) of a
/// DigitMatrix, by oneDNN.
///
/// Where the processor multiplies bytes with 32-bit sums (VNNI, AMX) the digits go in as they are. Elsewhere oneDNN's
/// byte products may saturate in 16 bits, so the digits go in as floats: sums of at most 512 products of 8-bit numbers
/// stay below 2^24, hence are exact in fp32 too, and both paths give the same integers.
class BatchProduct {
 public:
  BatchProduct(int first_row, int row_count, int columns);
  ~BatchProduct();
  BatchProduct(BatchProduct&&) noexcept;
  BatchProduct& operator=(BatchProduct&&) noexcept;

  /// Vectors per call of `multiply`; fewer must be padded.
  static constexpr int kVectors = 64;

  /// Takes over the digits if they have changed since.
  void load(const DigitMatrix& digits);

  /// codes, squares: kVectors x row_count (squares null: no variances). sum: of code (256 high + low), variance: of
  /// square times variance digit; kVectors x columns each. Callable from several threads at once.
  void multiply(const std::int8_t* codes, const std::uint8_t* squares, std::int32_t* sum, std::int32_t* variance) const;

  std::size_t bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ohmic
