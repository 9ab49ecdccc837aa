#pragma once

// The vector kernels: elementwise loops over floats and small integers, compiled for several instruction sets and
// chosen at run time. Every kernel gives the same bits on every instruction set: sums run in a fixed order in each
// column, and no multiply-add is fused.

#include <cstdint>
#include <span>
#include <vector>

#include "ohmic/core/digit_panels.h"
#include "ohmic/core/random.h"

namespace ohmic {

/// out[i] = gaussian of element 32 first_block + i of the stream.
void gaussians(const RandomStream& stream, std::span<float> out, std::uint32_t first_block = 0);

/// out[i] = random_word of element 32 first_block + i of the stream.
void random_words(const RandomStream& stream, std::span<std::uint32_t> out, std::uint32_t first_block = 0);

/// Largest |x|; 0 for an empty span.
float max_abs(std::span<const float> x);

/// codes[i] = round(clamp(x[i] * inverse_step, -levels, levels)), ties to even.
void quantise(std::span<const float> x, float inverse_step, int levels, std::span<std::int8_t> codes);

/// The squares of codes as bytes 0 .. 255, scaled so that the largest code gives 255. Whether to round up or down is
/// decided by a low-discrepancy sequence over the rows that starts at a random `offset`: the expected byte is exact, so
/// small codes beside a large one keep their share. `first_row` is the row of codes[0].
struct SquaredCodes {
  float step = 0;        ///< squared code of one byte step; 0 if all codes are zero
  std::int64_t sum = 0;  ///< of the bytes
};
SquaredCodes square_codes(std::span<const std::int8_t> codes, std::size_t first_row, std::uint32_t offset,
                          std::uint8_t* squares);

/// How the values of a sample become bytes: codes as by `quantise`, squares as by `square_codes`.
struct ByteScale {
  float inverse_step = 0;       ///< of the codes
  int levels = 0;               ///< largest code possible
  std::int32_t multiplier = 0;  ///< square byte = code^2 multiplier / 2^16, rounded up or down
  std::uint32_t offset = 0;     ///< of the rounding
  float square_step = 0;        ///< squared code of one byte step; 0 if all codes are zero

  /// step: of code 1, 0 or above. largest: max_abs of the sample.
  static ByteScale of(float step, int levels, float largest, std::uint32_t offset);
};
/// bytes[i] = code of x[i] + 128 and, unless null, squares[i]; `first_row` is the row of x[0] in the sample.
void encode_bytes(std::span<const float> x, const ByteScale& scale, std::size_t first_row, std::uint8_t* bytes,
                  std::uint8_t* squares);

/// x[i] = 1 / (1 + exp(-x[i])), relative error below 3e-7.
void sigmoid(std::span<float> x);

/// x[i] = tanh(x[i]), relative error below 3e-7.
void hyperbolic_tangent(std::span<float> x);

/// x[i] = exp(x[i]) with x[i] clamped to -87 .. 87, relative error below 4e-7.
void exponentials(std::span<float> x);

/// sum[j] = sum over k of x[k] rows[k][j], in the order of k; rows[k] = base + index[k] * stride.
void weighted_row_sum(const float* base, std::size_t stride, std::span<const int> index, std::span<const float> x,
                      std::span<float> sum);

/// Rows `rows[k]` of a matrix with `columns` columns: row += x[k] * d, for each k in order.
void add_outer_product(float* matrix, std::size_t columns, std::span<const int> rows, std::span<const float> x,
                       std::span<const float> d);

/// The same; then appends to `crossed` the positions (row * columns + column) in those rows where |value| >= threshold.
void add_outer_product_and_find(float* matrix, std::size_t columns, std::span<const int> rows, std::span<const float> x,
                                std::span<const float> d, float threshold, std::vector<std::uint32_t>& crossed);

/// The non-zero groups of one quantised vector.
struct QuadVector {
  std::span<const std::int32_t> group;      ///< ascending
  std::span<const std::uint32_t> positive;  ///< four bytes: max(code, 0)
  std::span<const std::uint32_t> negative;  ///< four bytes: max(-code, 0)
  std::span<const std::uint32_t> squared;   ///< four bytes: dithered squares, 0..255
  bool any_negative = false;
};

/// sum[j] = sum of code (256 high + low), variance[j] = sum of square * variance digit, for the columns of whole
/// panels: exact integers. `variance` null: no noise.
void quad_product(const DigitPanels& matrix, const QuadVector& vector, std::int32_t* sum, std::int32_t* variance);

}  // namespace ohmic
