#include "ohmic/onnx/operators.h"

#include <array>

namespace ohmic::onnx {
namespace {

struct Entry {
  std::string_view name;
  Operator import;
};

// In alphabetical order. Constant is computed while the model is read (fold.cc), as is all that depends on constants
// only.
constexpr std::array kOperators = {
    Entry{"Add", import_add},
    Entry{"AveragePool", import_average_pool},
    Entry{"BatchNormalization", import_batch_norm},
    Entry{"Cast", import_identity},
    Entry{"Clip", import_clip},
    Entry{"Concat", import_concat},
    Entry{"Constant", import_identity},
    Entry{"Conv", import_convolution},
    Entry{"ConvTranspose", import_transposed_convolution},
    Entry{"Div", import_divide},
    Entry{"Dropout", import_dropout},
    Entry{"Erf", import_erf},
    Entry{"Flatten", import_flatten},
    Entry{"Gather", import_gather},
    Entry{"Gelu", import_gelu},
    Entry{"Gemm", import_gemm},
    Entry{"GlobalAveragePool", import_global_average_pool},
    Entry{"HardSigmoid", import_hard_sigmoid},
    Entry{"HardSwish", import_hard_swish},
    Entry{"Identity", import_identity},
    Entry{"LRN", import_response_norm},
    Entry{"LSTM", import_lstm},
    Entry{"LayerNormalization", import_layer_norm},
    Entry{"LeakyRelu", import_leaky_relu},
    Entry{"LogSoftmax", import_log_softmax},
    Entry{"MatMul", import_matmul},
    Entry{"MaxPool", import_max_pool},
    Entry{"Mul", import_multiply},
    Entry{"Pad", import_pad},
    Entry{"Pow", import_power},
    Entry{"ReduceMean", import_reduce_mean},
    Entry{"Relu", import_relu},
    Entry{"Reshape", import_reshape},
    Entry{"Shape", import_shape},
    Entry{"Sigmoid", import_sigmoid},
    Entry{"Slice", import_slice},
    Entry{"Softmax", import_softmax},
    Entry{"Split", import_split},
    Entry{"Sqrt", import_sqrt},
    Entry{"Squeeze", import_squeeze},
    Entry{"Sub", import_subtract},
    Entry{"Tanh", import_tanh},
    Entry{"Transpose", import_transpose},
    Entry{"Unsqueeze", import_unsqueeze},
};

}  // namespace

Operator find_operator(std::string_view name) {
  for (const Entry& entry : kOperators) {
    if (entry.name == name) return entry.import;
  }
  return nullptr;
}

std::vector<std::string> operator_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kOperators) names.emplace_back(entry.name);
  return names;
}

}  // namespace ohmic::onnx
