#pragma once

#include <array>
#include <span>
#include <string_view>

#include "ohmic/core/matrix.h"

namespace ohmic {

enum class LossKind {
  squared_error,         ///< half the sum of (output - target)^2, where a label is 1 at its class and 0 elsewhere
  cross_entropy,         ///< -log softmax(outputs) of the label
  binary_cross_entropy,  ///< -t log sigmoid(output) - (1 - t) log(1 - sigmoid(output))
};
inline constexpr std::array<std::string_view, 3> kLossKinds = {"squared_error", "cross_entropy",
                                                               "binary_cross_entropy"};

// Each function returns the loss summed over the batch, in an order that depends on sizes only, and overwrites
// `gradient`, of the size of `outputs`, with the gradient of that sum.
//
// Labels: outputs are taken as one row per label, so that a sequence may have one label per step. A label that is no
// column of its row is an Error.

double squared_error(MatrixView<const float> outputs, std::span<const int> labels, MatrixView<float> gradient);
double squared_error(MatrixView<const float> outputs, MatrixView<const float> targets, MatrixView<float> gradient);

/// Outputs are logits.
double cross_entropy(MatrixView<const float> outputs, std::span<const int> labels, MatrixView<float> gradient);

/// Outputs are logits, targets 0 .. 1. With labels, the target is 1 at the label's class and 0 elsewhere; where a row
/// has one output only, the label is its target.
double binary_cross_entropy(MatrixView<const float> outputs, std::span<const int> labels, MatrixView<float> gradient);
double binary_cross_entropy(MatrixView<const float> outputs, MatrixView<const float> targets,
                            MatrixView<float> gradient);

double label_loss(LossKind kind, MatrixView<const float> outputs, std::span<const int> labels,
                  MatrixView<float> gradient);

}  // namespace ohmic
