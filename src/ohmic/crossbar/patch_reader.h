#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "ohmic/core/aligned.h"
#include "ohmic/core/matrix.h"
#include "ohmic/core/patch_kernel.h"
#include "ohmic/crossbar/array_reader.h"
#include "ohmic/crossbar/patches.h"

namespace ohmic {

/// What one row block of a patch product covers: values [first, end) of the patch, which may begin and end within a
/// kernel position.
struct PatchBlock {
  int first, end;
};

/// The row blocks of patches on arrays with `array_rows` rows: each but the last fills its array.
std::vector<PatchBlock> patch_blocks(const PatchShape& shape, int array_rows);

/// Reads images through one array in one direction: each position of each sample is one vector. A batch of vectors is
/// one of images of one pixel. It shares digits and converter ranges with the ArrayReader.
///
/// DAC: one scale per sample. ADC: per position and row block. A per_layer range learns once per sample, from the
/// largest of all its positions. Noise as in ArrayReader, with the squares of a whole sample scaled together.
class PatchReader {
 public:
  /// x: batch x image of `in`, each wanted once, whose patches have as many values as the array has rows. With `into`
  /// null, y: batch x (positions x columns). Else the columns are patches of `into`, which has the same positions, and
  /// y: batch x image of `into` gets their sums, with `is_added` on top of what is there. All outputs are multiplied by
  /// `factor`; then `finish`, if any, gets those of positions.
  void read(ArrayReader& array, const SampleBatch& x, const PatchShape& in, const PatchShape* into, MatrixView<float> y,
            CodeImages& codes, const ReadKey& key, bool calibrate, const ExactCells& exact, Counters& counters,
            float factor = 1, const FinishRows& finish = {}, bool is_added = false);

  /// The codes that `read` would drive the array with, without driving it: what a digital unit makes for the gradient
  /// where nobody needs the product. Ranges do not learn from it.
  static void encode_only(const ArrayReader& array, const SampleBatch& x, const PatchShape& in, CodeImages& codes);

  std::size_t bytes() const;

 private:
  struct Job;
  struct Scratch;
  struct SampleAtBlock;

  void prepare_digits(const DigitMatrix& digits, const PatchShape& in, int array_rows);
  void regroup(const DigitMatrix& digits, const PatchShape& in);
  DigitPanels panels_of(const DigitMatrix& digits, std::size_t block) const;
  void load_exact(const ArrayReader& array, const ExactCells& exact);
  void read_samples(const Job& job, std::size_t begin, std::size_t end) const;
  void prepare_samples(const Job& job, std::size_t begin, std::size_t samples, Scratch& s) const;
  static void fill_rows(const Job& job, const SampleAtBlock& sample, std::size_t first, std::span<PatchRow> rows);
  void add_to_lines(const Job& job, std::size_t begin, std::size_t first, std::size_t count,
                    OutputConversion conversion, const float* values, Scratch& s) const;
  void read_rows(const Job& job, std::size_t block, std::size_t begin, Scratch& s) const;
  void encode(const Job& job, std::size_t sample, std::size_t place, Scratch& s) const;
  void sum_windows(const Job& job, const std::uint8_t* squares, std::size_t place, Scratch& s) const;
  void read_exact(const Job& job, std::size_t sample) const;

  PatchShape shape_;
  std::vector<PatchBlock> blocks_;
  std::uint64_t version_ = ~0ull;
  std::vector<int> block_groups_;  ///< where each block's groups of four rows begin, and where the last one's end
  std::optional<DigitMatrix> regrouped_;
  AlignedVector<std::int32_t> corrections_;  ///< blocks x columns of whole panels
  std::vector<float> exact_weights_, exact_variances_;
  std::uint64_t exact_version_ = ~0ull;
};

}  // namespace ohmic
