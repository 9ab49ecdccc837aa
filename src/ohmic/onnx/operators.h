#pragma once

// The operators, one function each; the table is in operators.cc.

#include <string>
#include <vector>

#include "ohmic/onnx/import.h"

namespace ohmic::onnx {

void import_convolution(Import& net);
void import_transposed_convolution(Import& net);
void import_max_pool(Import& net);
void import_average_pool(Import& net);
void import_global_average_pool(Import& net);

void import_gemm(Import& net);
void import_matmul(Import& net);
void import_lstm(Import& net);

void import_batch_norm(Import& net);
void import_layer_norm(Import& net);
void import_response_norm(Import& net);
void import_softmax(Import& net);
void import_log_softmax(Import& net);
void import_reduce_mean(Import& net);

void import_relu(Import& net);
void import_leaky_relu(Import& net);
void import_clip(Import& net);
void import_sigmoid(Import& net);
void import_hard_sigmoid(Import& net);
void import_hard_swish(Import& net);
void import_tanh(Import& net);
void import_gelu(Import& net);
void import_erf(Import& net);
void import_sqrt(Import& net);
void import_add(Import& net);
void import_subtract(Import& net);
void import_multiply(Import& net);
void import_divide(Import& net);
void import_power(Import& net);

void import_identity(Import& net);
void import_dropout(Import& net);
void import_shape(Import& net);
void import_reshape(Import& net);
void import_flatten(Import& net);
void import_transpose(Import& net);
void import_squeeze(Import& net);
void import_unsqueeze(Import& net);
void import_concat(Import& net);
void import_split(Import& net);
void import_slice(Import& net);
void import_gather(Import& net);
void import_pad(Import& net);

// ---- what several of them need

/// Slices of an activation along an axis by number; -1 for `fill`.
Activation picked(Import& net, const Activation& a, std::size_t axis, const std::vector<double>& indices, double fill);

/// x W along an axis, W being [extent of the axis, outputs]; `bias`: empty or one number per output.
Activation dense(Import& net, const Activation& x, std::size_t axis, const Tensor& matrix,
                 const std::vector<float>& bias);

/// a op b, repeated to a common shape.
Activation combined(Import& net, Operation operation, const Activation& a, const Activation& b);
/// The same with known numbers; `reversed`: b op a.
Activation combined(Import& net, Operation operation, const Activation& a, const Tensor& b, bool reversed);

/// With dimensions of extent 1 in front until there are `rank`.
Activation aligned(const Activation& a, std::size_t rank);

/// Two dimensions changed for each other.
Activation swapped(Activation a, std::size_t i, std::size_t k);

/// [first + 0, first + step, ..]: indices for `picked`.
std::vector<double> stretch(std::int64_t first, std::int64_t step, std::int64_t count);

}  // namespace ohmic::onnx
