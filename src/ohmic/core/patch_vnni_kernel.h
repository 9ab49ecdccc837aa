#pragma once

// The part of patch_kernel.h that AVX-512 with byte products (VNNI) and wide AES has a version of its own for.

#include "ohmic/core/patch_kernel.h"

namespace ohmic {

/// Whether the processor has all that is needed and no limit forbids it.
bool has_patch_vnni();

void patch_analog_vnni(const PatchProduct& product, std::span<const PatchRow> rows, float* analog, std::size_t stride,
                       float* largest);
void analog_of_sums_vnni(const AnalogSums& sums, std::span<const PatchRow> rows, float* analog, std::size_t stride,
                         float* largest);

/// Sums of the digits apart, panel after panel of sixteen columns.
struct DigitSums {
  const std::int32_t *high, *low;  ///< of code times digit, with panel_corrections in the low one
  const std::int32_t* variance;    ///< of square times variance digit; null: noiseless
  std::size_t panel_step;          ///< from one panel to the next; in a panel rows follow each other
  int columns;
  std::array<std::uint32_t, 2> key;
};

void analog_of_digits_vnni(const DigitSums& sums, std::span<const PatchRow> rows, float* analog, std::size_t stride,
                           float* largest);

}  // namespace ohmic
