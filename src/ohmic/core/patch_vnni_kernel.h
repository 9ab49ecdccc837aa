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

}  // namespace ohmic
