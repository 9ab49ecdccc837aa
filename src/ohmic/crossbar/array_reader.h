#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "ohmic/core/matrix.h"
#include "ohmic/core/random.h"
#include "ohmic/crossbar/batch_product.h"
#include "ohmic/crossbar/converter.h"
#include "ohmic/crossbar/counters.h"
#include "ohmic/crossbar/digit_matrix.h"
#include "ohmic/crossbar/specs.h"

namespace ohmic {

/// What one product's noise is drawn for.
struct ReadKey {
  std::uint64_t seed;
  Purpose purpose;
  std::uint32_t unit;        ///< tile number, below 2^14
  std::uint64_t first_read;  ///< vector v of a batch is read number first_read + v; a number must not be used twice
  int first_block = 0;       ///< number of the first block, where several readers share a tile
};

/// Fills weights and variances (rows x columns each) of the cells as they are; for exact inputs.
using ExactCells = std::function<void(std::span<float> weights, std::span<float> variances)>;

/// Which code multiplies batches. All give the same integers.
enum class BatchPath {
  onednn,
  quads,  ///< our own, straight from the digits; needs AVX-512 VNNI
};

/// One direction of a tile: y = x W through the converters, for the matrix split into blocks of rows of which each has
/// its own analog sum, read noise and ADC conversion. The noise of one output is one Gaussian of variance sum_i x_i^2
/// var_ij, which is exactly the law of independent Gaussian cells.
///
/// One vector takes the sparse path (groups of four rows that are all zero are skipped), a batch goes through oneDNN;
/// both give the same bits, because the sums are integers and the noise is keyed by the read number.
class ArrayReader {
 public:
  ArrayReader(int rows, int columns, int block_rows, int block_columns, const PeripherySpec& periphery,
              const DigitScale& scale, bool noisy);

  DigitMatrix& digits() { return digits_; }
  const DigitMatrix& digits() const { return digits_; }

  /// x: batch x rows, y: batch x columns. With `calibrate` the vectors count for per_layer ranges.
  /// Without a DAC the weights are those of `exact`, or of the digits where it is empty.
  void read(MatrixView<const float> x, MatrixView<float> y, const ReadKey& key, bool calibrate, Counters& counters,
            const ExactCells& exact = {});

  /// Chooses the batch product; by default the fastest on this processor.
  void set_batch_path(BatchPath path) { batch_path_ = path; }

  ConverterRange& dac_range() { return dac_range_; }
  ConverterRange& adc_range() { return adc_range_; }
  const ConverterRange& dac_range() const { return dac_range_; }
  const ConverterRange& adc_range() const { return adc_range_; }
  const PeripherySpec& periphery() const { return periphery_; }
  bool is_noisy() const { return noisy_; }
  int block_rows() const { return block_rows_; }
  /// Counts the products and conversions of `vectors` vectors, each cut into `blocks` row blocks.
  void count(std::size_t vectors, std::size_t blocks, Counters& counters) const;
  std::size_t bytes() const;

 private:
  struct Scratch;
  struct Sums {
    const std::int32_t *sum, *variance;
  };
  // Full scales of one vector: what came in and what came out, for calibration.
  struct Observed {
    float input = 0;
    float output = 0;
  };

  int block_count() const { return (rows_ + block_rows_ - 1) / block_rows_; }
  int block_begin(int block) const { return block * block_rows_; }
  int block_size(int block) const { return std::min(block_rows_, rows_ - block_begin(block)); }

  std::size_t vectors_per_chunk(std::size_t vectors) const;
  float input_step(std::span<const float> x, Observed& seen) const;
  void read_one(std::span<const float> x, std::span<float> y, const ReadKey& key, std::uint64_t read,
                Observed& seen) const;
  void read_exact(std::span<const float> x, std::span<float> y, const ReadKey& key, std::uint64_t read,
                  Observed& seen) const;
  void read_chunk(MatrixView<const float> x, MatrixView<float> y, std::size_t begin, std::size_t end,
                  const ReadKey& key, std::span<Observed> seen) const;
  SquaredCodes square(int block, std::span<const std::int8_t> codes, const ReadKey& key, std::uint64_t read,
                      std::uint8_t* squares) const;
  bool gather_groups(int block, Scratch& scratch) const;
  void multiply(int block, int vectors, Scratch& scratch) const;
  float convert(int block, const Sums& sums, float step, const SquaredCodes& squared, const ReadKey& key,
                std::uint64_t read, std::span<float> y) const;
  void load_batch_products();
  void load_exact(const ExactCells& exact);

  int rows_, columns_, block_rows_, block_columns_;
  PeripherySpec periphery_;
  bool noisy_;
  ConverterRange dac_range_, adc_range_;
  BatchPath batch_path_;
  DigitMatrix digits_;
  std::vector<BatchProduct> batch_products_;
  // Without a DAC the inputs are no integers: a plain product of dequantised weights and variances, made when first
  // needed.
  std::vector<float> exact_weights_, exact_variances_;
  std::uint64_t exact_version_ = ~0ull;
};

}  // namespace ohmic
