#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ohmic/core/config.h"

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
};
inline constexpr std::array<std::string_view, 21> kLayerKinds = {"dense",
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
                                                                 "dropout"};

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
  std::int64_t padding = -1;  ///< -1: half the kernel of a convolution, none of a pool
  std::int64_t dilation = 1;
  std::int64_t groups = 1;
  std::int64_t height = 1, width = 1;  ///< of a reshape
  double slope = 0.01;
  double rate = 0.5;
  double epsilon = 1e-5;
  double momentum = 0.1;
};

void describe(FieldVisitor& v, LayerSpec& s);

/// Columns under the kernel of a convolution or pool.
inline int kernel_width(const LayerSpec& s) { return static_cast<int>(s.kernel_width > 0 ? s.kernel_width : s.kernel); }

/// Where nothing is said, a convolution of stride 1 keeps the size of the image.
inline int convolution_padding(const LayerSpec& s) {
  return static_cast<int>(s.padding >= 0 ? s.padding : s.dilation * (s.kernel - 1) / 2);
}

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
