#pragma once

#include <span>
#include <vector>

#include "ohmic/crossbar/tile.h"

namespace ohmic::reference {

/// One product y = x W of a tile the slow, obvious way, in double precision: every cell of every pair gets its own read
/// noise, every row block its own sum and ADC conversion. The numbers of the noise are `noise_key`'s. Ranges are per
/// vector. x: inputs values; returns outputs values.
std::vector<double> slow_forward(const Tile& tile, std::span<const float> x, std::uint64_t noise_key, bool noise);

/// The same through the transposed arrays. x: outputs values; returns inputs values.
std::vector<double> slow_backward(const Tile& tile, std::span<const float> x, std::uint64_t noise_key, bool noise);

}  // namespace ohmic::reference
