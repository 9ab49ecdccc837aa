#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/core/config.h"
#include "ohmic/network/window.h"

namespace ohmic {

enum class LayerKind {
  dense,
  convolution,
  transposed_convolution,
  lstm,
  embedding,
  one_hot,
  batch_norm,
  layer_norm,
  max_pool,
  average_pool,
  global_average_pool,
  add,
  concat,
  flatten,
  reshape,
  relu,
  leaky_relu,
  sigmoid,
  tanh,
  softmax,
  dropout,
  log_softmax,
  response_norm,
  elementwise,
  arithmetic,
  matmul,
  mean,
  permute,
  pick,
  constant,
};
inline constexpr std::array<std::string_view, 30> kLayerKinds = {"dense",
                                                                 "convolution",
                                                                 "transposed_convolution",
                                                                 "lstm",
                                                                 "embedding",
                                                                 "one_hot",
                                                                 "batch_norm",
                                                                 "layer_norm",
                                                                 "max_pool",
                                                                 "average_pool",
                                                                 "global_average_pool",
                                                                 "add",
                                                                 "concat",
                                                                 "flatten",
                                                                 "reshape",
                                                                 "relu",
                                                                 "leaky_relu",
                                                                 "sigmoid",
                                                                 "tanh",
                                                                 "softmax",
                                                                 "dropout",
                                                                 "log_softmax",
                                                                 "response_norm",
                                                                 "elementwise",
                                                                 "arithmetic",
                                                                 "matmul",
                                                                 "mean",
                                                                 "permute",
                                                                 "pick",
                                                                 "constant"};

/// What a layer of kind elementwise does to each number.
enum class Function { clip, hard_sigmoid, hard_swish, gelu, gelu_tanh, erf, sqrt };
inline constexpr std::array<std::string_view, 7> kFunctions = {"clip",      "hard_sigmoid", "hard_swish", "gelu",
                                                               "gelu_tanh", "erf",          "sqrt"};

/// What a layer of kind arithmetic does with two numbers.
enum class Operation { add, subtract, multiply, divide, power };
inline constexpr std::array<std::string_view, 5> kOperations = {"add", "subtract", "multiply", "divide", "power"};

enum class WeightKind {
  analog,   ///< on memory cells
  digital,  ///< in fp32
};
inline constexpr std::array<std::string_view, 2> kWeightKinds = {"analog", "digital"};

/// What a stored weight of 1 stands for.
enum class WeightScale {
  unit,    ///< 1
  fan_in,  ///< such that the weights of fresh cells have the spread sqrt(2 / inputs) of He et al. 2015
};
inline constexpr std::array<std::string_view, 2> kWeightScales = {"unit", "fan_in"};

struct LayerSpec {
  LayerKind kind = LayerKind::dense;
  std::string name;                 ///< empty: kind and number
  std::vector<std::string> inputs;  ///< names of layers; empty: the layer before
  std::int64_t units = 0;
  bool bias = true;
  WeightKind weights = WeightKind::analog;
  WeightScale weight_scale = WeightScale::unit;
  std::int64_t kernel = 3;
  std::int64_t kernel_width = 0;  ///< 0: as kernel
  std::int64_t stride = 1;
  std::int64_t stride_width = 0;                        ///< 0: as stride
  std::int64_t padding = -1;                            ///< -1: half the kernel of a convolution, none of a pool
  std::int64_t padding_left = -1, padding_bottom = -1;  ///< -1: as padding
  std::int64_t padding_right = -1;                      ///< -1: as padding_left
  std::int64_t output_padding = 0, output_padding_width = 0;
  bool count_padding = true;
  std::int64_t dilation = 1;
  std::int64_t dilation_width = 0;  ///< 0: as dilation
  std::int64_t groups = 1;
  std::int64_t steps = 0;              ///< of a reshape; 0: as they are
  std::int64_t height = 1, width = 1;  ///< of a reshape and of tensors
  Function function = Function::clip;
  Operation operation = Operation::add;
  std::vector<double> dims, other_dims, order, indices;
  bool transposed = false, other_transposed = false, reversed = false;
  double low = 0, high = 1, fill = 0, alpha = 0, beta = 0;
  std::int64_t size = 5;
  std::int64_t vocabulary = 0;  ///< of an embedding; 0: of the data
  double slope = 0.01;
  double rate = 0.5;
  double epsilon = 1e-5;
  double momentum = 0.1;
};

void describe(FieldVisitor& v, LayerSpec& s);

/// Columns under the kernel of a convolution or pool.
inline int kernel_width(const LayerSpec& s) { return static_cast<int>(s.kernel_width > 0 ? s.kernel_width : s.kernel); }

PixelSteps strides(const LayerSpec& s);
PixelSteps dilations(const LayerSpec& s);
/// Where nothing is said, a convolution of stride 1 keeps the size of the image.
Border convolution_padding(const LayerSpec& s);
/// Where nothing is said, none.
Border pool_padding(const LayerSpec& s);

/// Residual network for small images (He et al. 2016, section 4.2): a 3x3 convolution, one stage per entry of
/// `channels`, each of `blocks` blocks of two 3x3 convolutions with batch norm, a shortcut around each (1x1 convolution
/// with batch norm where the shape changes), stages after the first at half the resolution, global average pooling, a
/// dense layer. 6 blocks + 2 weighted layers deep for three stages: blocks = 1, 2, 3, 5 are ResNet-8, -14, -20, -32.
/// `width` multiplies all channels, rounded to whole numbers. Weights with the bias of the dense layer, ResNet-32 on
/// CIFAR-10: 464,442 with channels 16, 32, 64; 361,722 with 16, 28, 56.
struct ResnetSpec {
  std::int64_t blocks = 5;
  std::vector<double> channels = {16, 32, 64};
  double width = 1;
  std::int64_t classes = 10;
  WeightKind first_and_last = WeightKind::analog;
};

void describe(FieldVisitor& v, ResnetSpec& s);

enum class NetworkFamily {
  layers,  ///< as listed
  resnet,
};
inline constexpr std::array<std::string_view, 2> kNetworkFamilies = {"layers", "resnet"};

struct NetworkSpec {
  NetworkFamily family = NetworkFamily::layers;
  ResnetSpec resnet;
  std::vector<LayerSpec> layers;
};

void describe(FieldVisitor& v, NetworkSpec& s);

/// Writes a family out as layers; Error if layers are listed beside it.
void expand(NetworkSpec& spec);

}  // namespace ohmic
