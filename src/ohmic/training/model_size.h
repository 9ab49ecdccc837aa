#pragma once

#include <cstdint>

#include "ohmic/network/graph.h"
#include "ohmic/training/experiment.h"

namespace ohmic {

/// Bits that hold a model: weights and, while training, what accumulates their changes. An analog weight counts
/// hybrid.msb_bits for each of its pairs, the accumulator hybrid.lsb_bits (32 where it is exact: mixed precision), and
/// digital weights and parameters (batch norm, biases of convolutions) 32. What optimisers remember does not count.
struct ModelSize {
  std::uint64_t training_bits = 0;
  std::uint64_t inference_bits = 0;

  ModelSize& operator+=(const ModelSize& other) {
    training_bits += other.training_bits;
    inference_bits += other.inference_bits;
    return *this;
  }
};

ModelSize model_size(const ExperimentSpec& spec, const Graph& graph);

}  // namespace ohmic
