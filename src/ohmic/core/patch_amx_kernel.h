#pragma once

// patch_analog with the sums by AMX, the tile registers of Intel's server processors: sixteen rows, sixteen columns and
// 64 bytes of each in one instruction.

#include "ohmic/core/patch_kernel.h"

namespace ohmic {

/// Whether the processor has AMX for bytes, the system lets this process use it, no limit forbids it, and the product
/// is large enough to gain.
bool prefers_patch_amx(const DigitPanels& panels);

void patch_analog_amx(const PatchProduct& product, std::span<const PatchRow> rows, float* analog, std::size_t stride,
                      float* largest);

}  // namespace ohmic
