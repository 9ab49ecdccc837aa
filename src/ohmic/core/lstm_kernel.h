#pragma once

// The elementwise half of a long short-term memory, one sample at one step: vectors of `units` floats, gates in the
// order i f g o. As in kernels.h all instruction sets give the same bits.

#include <cstddef>

namespace ohmic {

struct LstmStep {
  std::size_t units;
  float* gates;  ///< 4 units; in: as the matrix gives them, out: after their functions
  const float* cell_before;
  float* cell;      ///< sigmoid(f) cell_before + sigmoid(i) tanh(g)
  float* squashed;  ///< tanh(cell)
  float* hidden;    ///< sigmoid(o) squashed
};
void lstm_step(const LstmStep& step);

/// The way back through such a step. The loss's gradient by `hidden` comes from outside and from the step after.
struct LstmStepBack {
  std::size_t units;
  const float *gates, *cell_before, *squashed;   ///< as lstm_step left them
  const float *outer_gradient, *later_gradient;  ///< their sum is the gradient by `hidden`
  float* cell_gradient;                          ///< in: by `cell`, from the step after; out: by `cell_before`
  float* deltas;                                 ///< 4 units; by the gates as the matrix gave them
};
void lstm_step_back(const LstmStepBack& step);

}  // namespace ohmic
