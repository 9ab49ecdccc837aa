#pragma once

// The vector kernels of reads: many vectors or positions' patches times the digits of one row block, with noise, then
// the ADC. As in kernels.h all instruction sets give the same bits.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ohmic/core/kernels.h"

namespace ohmic {

/// correction[j] = -128 times the sum of 256 high + low over all rows, for the columns of whole panels: codes go into
/// the products with 128 added.
void panel_corrections(const DigitPanels& panels, std::int32_t* correction);

/// One position of one sample.
struct PatchRow {
  const std::uint8_t* codes;             ///< + 128; group q of its patch is the four bytes at codes + offsets[q]
  std::array<std::uint32_t, 4> counter;  ///< of the noise of output 0 (cipher_random.h); output j has word j % 4 of the
                                         ///< counter j / 4 further on
  float mean_scale;                      ///< weight units of one step of (256 high + low)
  float variance_scale;                  ///< squared weight units of one step of a variance sum
  float variance_offset;                 ///< added to the scaled variance
};

struct PatchProduct {
  DigitPanels panels;
  const std::int32_t* correction;    ///< panel_corrections
  const std::int32_t* offsets;       ///< of the groups of a patch, in bytes
  std::ptrdiff_t squares;            ///< from a code to its square byte; 0: noiseless
  std::array<std::uint32_t, 2> key;  ///< of the noise

  bool is_noisy() const { return squares != 0; }
};

/// analog[r stride + j] = mean + noise of output j at row r, 0 for j from `columns` to the end of the last panel;
/// largest[r] = the largest |analog|. stride >= 16 panels.
void patch_analog(const PatchProduct& product, std::span<const PatchRow> rows, float* analog, std::size_t stride,
                  float* largest);

/// Whether patch_analog by these digits takes several hundred rows at once best. Tile registers take as long to wake up
/// as many products by them take.
bool wants_many_rows(const DigitPanels& panels);

/// Sums that are there already, as sparse vectors make them: rows x stride each.
struct AnalogSums {
  const std::int32_t* mean;      ///< of code times weight
  const std::int32_t* variance;  ///< of square times variance digit; null: noiseless
  int columns;
  std::array<std::uint32_t, 2> key;
};

/// What patch_analog does with its sums; the codes of `rows` do not matter.
void analog_of_sums(const AnalogSums& sums, std::span<const PatchRow> rows, float* analog, std::size_t stride,
                    float* largest);

/// How an ADC treats the outputs of one vector at one row block.
enum class AdcMode {
  off,         ///< exact
  fixed,       ///< full scale = range
  per_vector,  ///< full scale = the largest |output| of the vector
};

/// Outputs [from, from + length) go to out[to ...].
struct OutputRun {
  std::int32_t from, length, to;
};

/// How analog outputs are converted and where they go: out[to + i] = factor ADC(analog[from + i]), or is increased by
/// it.
struct OutputConversion {
  AdcMode adc;
  float range;  ///< full scale, for fixed
  int levels;
  std::span<const OutputRun> runs;
  bool accumulate;
  float factor = 1;
};

/// Row r's outputs from analog + r stride, with full scale largest[r] for per_vector, to out[r].
void convert_outputs(const OutputConversion& conversion, const float* analog, std::size_t stride, const float* largest,
                     std::span<float* const> out);

/// sums[p] = sum of the bytes [first, first + count) of pixel p.
void sum_pixels(const std::uint8_t* pixels, std::size_t pixel_bytes, std::size_t first, std::size_t count,
                std::span<std::int32_t> sums);

}  // namespace ohmic
