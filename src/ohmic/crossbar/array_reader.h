#pragma once

#include <functional>
#include <span>

#include "ohmic/core/matrix.h"
#include "ohmic/core/patch_kernel.h"
#include "ohmic/core/random.h"
#include "ohmic/crossbar/converter.h"
#include "ohmic/crossbar/counters.h"
#include "ohmic/crossbar/digit_matrix.h"
#include "ohmic/crossbar/specs.h"

namespace ohmic {

/// What one product's noise is drawn for.
struct ReadKey {
  /// Row blocks of a tile, arrays of slices and copies counted: they share 24 bits with the tile's number.
  static constexpr std::int64_t kMostBlocks = 1 << 10;

  std::uint64_t seed;
  Purpose purpose;
  std::uint32_t unit;        ///< tile number, below 2^14
  std::uint64_t first_read;  ///< sample v of a batch is read number first_read + v; a number must not be used twice
  int first_block = 0;       ///< number of the first block, where several readers share a tile

  RandomStream stream(int block, std::uint64_t read) const {
    return {seed, purpose, (unit << 10) | static_cast<std::uint32_t>(first_block + block), read};
  }
  /// Where the dither of a read's squares begins; the noise comes from another generator, so the element is free.
  std::uint32_t dither(std::uint64_t read) const { return random_word(stream(0, read), 0xffffffe0u); }
  std::array<std::uint32_t, 2> words() const {
    return {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
  }
};

/// Full scales of one sample: what came in and what came out, for calibration.
struct FullScales {
  float input = 0;
  float output = 0;
};

/// Fills weights and variances (rows x columns each) of the cells as they are; for exact inputs.
using ExactCells = std::function<void(std::span<float> weights, std::span<float> variances)>;

/// One direction of a tile: y = x W through the converters, for the matrix split into blocks of rows of which each has
/// its own analog sum, read noise and ADC conversion. The noise of one output is one Gaussian of variance sum_i x_i^2
/// var_ij, which is exactly the law of independent Gaussian cells.
///
/// `read` is for few vectors: groups of four rows that are all zero are skipped. PatchReader reads batches and images
/// through the same digits and converters; both give the same bits, because the sums are integers and the noise is
/// keyed by the read number.
class ArrayReader {
 public:
  ArrayReader(int rows, int columns, int block_rows, int block_columns, const PeripherySpec& periphery,
              const DigitScale& scale, bool noisy);

  DigitMatrix& digits() { return digits_; }
  const DigitMatrix& digits() const { return digits_; }

  /// x: vectors x rows, y: vectors x columns; all outputs are multiplied by `factor`. With `calibrate` the vectors
  /// count for per_layer ranges. There must be a DAC.
  void read(MatrixView<const float> x, MatrixView<float> y, const ReadKey& key, bool calibrate, Counters& counters,
            float factor = 1);

  ConverterRange& dac_range() { return dac_range_; }
  ConverterRange& adc_range() { return adc_range_; }
  const ConverterRange& dac_range() const { return dac_range_; }
  const ConverterRange& adc_range() const { return adc_range_; }
  const PeripherySpec& periphery() const { return periphery_; }
  bool is_noisy() const { return noisy_; }
  int block_rows() const { return block_rows_; }

  /// What code 1 of the DAC stands for in a sample whose largest magnitude is `largest`; 0 if all of it is zero.
  float dac_step(float largest) const;
  /// What the ADC does, to be completed.
  OutputConversion conversion() const;
  /// Notes the samples of a batch in their order.
  void observe(std::span<const FullScales> samples);
  /// Counts the products and conversions of `vectors` vectors, each cut into `blocks` row blocks.
  void count(std::size_t vectors, std::size_t blocks, Counters& counters) const;
  std::size_t bytes() const { return digits_.bytes(); }

 private:
  struct Scratch;

  int block_count() const { return (rows_ + block_rows_ - 1) / block_rows_; }
  int block_begin(int block) const { return block * block_rows_; }
  int block_size(int block) const { return std::min(block_rows_, rows_ - block_begin(block)); }

  void read_one(std::span<const float> x, std::span<float> y, float factor, const ReadKey& key, std::uint64_t read,
                FullScales& seen) const;
  bool gather_groups(int block, Scratch& scratch) const;

  int rows_, columns_, block_rows_, block_columns_;
  PeripherySpec periphery_;
  bool noisy_;
  ConverterRange dac_range_, adc_range_;
  DigitMatrix digits_;
};

}  // namespace ohmic
