#pragma once

#include "ohmic/network/graph.h"

namespace ohmic {

/// Puts the factor of each batch norm into the digital weights of the convolution or dense layer that feeds it and
/// nothing else: with s = gamma / sqrt(variance + epsilon), columns and bias times s, mean times s, variance times s^2,
/// gamma = sqrt(that + epsilon). Outputs stay the same but for rounding, statistics can be estimated anew as before,
/// and what is left to batch norm is an offset. Returns how many were folded.
int fold_batch_norms(Graph& graph);

}  // namespace ohmic
