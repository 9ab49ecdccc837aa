#include "ohmic/network/spec.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "ohmic/core/error.h"

namespace ohmic {

namespace {

using Kind = LayerKind;

constexpr std::array kSized = {Kind::dense,   Kind::convolution, Kind::transposed_convolution,
                               Kind::lstm,    Kind::embedding,   Kind::one_hot,
                               Kind::reshape, Kind::arithmetic,  Kind::matmul,
                               Kind::mean,    Kind::permute,     Kind::pick,
                               Kind::constant};
constexpr std::array kMatrices = {Kind::dense, Kind::convolution, Kind::transposed_convolution, Kind::lstm};
constexpr std::array kConvolutions = {Kind::convolution, Kind::transposed_convolution};
constexpr std::array kWindows = {Kind::convolution, Kind::transposed_convolution, Kind::max_pool, Kind::average_pool};
constexpr std::array kNorms = {Kind::batch_norm, Kind::layer_norm};
constexpr std::array kTransposed = {Kind::transposed_convolution};
constexpr std::array kAveragePool = {Kind::average_pool};
constexpr std::array kResponseNorm = {Kind::response_norm};
constexpr std::array kElementwise = {Kind::elementwise};
constexpr std::array kArithmetic = {Kind::arithmetic};
constexpr std::array kPick = {Kind::pick};
constexpr std::array kTensors = {Kind::arithmetic, Kind::matmul,   Kind::mean,   Kind::permute,
                                 Kind::pick,       Kind::constant, Kind::reshape};
constexpr std::array kWithDims = {Kind::arithmetic, Kind::matmul, Kind::mean, Kind::permute, Kind::pick};
constexpr std::array kTwoTensors = {Kind::arithmetic, Kind::matmul};

// Visits the settings that serve a kind of layer.
class Settings {
 public:
  Settings(FieldVisitor& visitor, Kind kind) : visitor_(visitor), kind_(kind) {}

  template <class T>
  void field(std::span<const Kind> kinds, const FieldInfo& info, T& value) {
    if (serves(kinds)) visitor_.field(info, value);
  }
  template <class Names, class E>
  void choice(std::span<const Kind> kinds, const FieldInfo& info, const Names& names, E& value) {
    if (serves(kinds)) visitor_.choice(info, names, value);
  }

 private:
  bool serves(std::span<const Kind> kinds) const {
    return visitor_.wants_all() || std::find(kinds.begin(), kinds.end(), kind_) != kinds.end();
  }

  FieldVisitor& visitor_;
  Kind kind_;
};

// Tensors are described by their extents, the last one fastest.
void describe_tensors(Settings& f, LayerSpec& s) {
  f.field(kWithDims,
          {"dims", "",
           "extents of the input: of permute and arithmetic all, of pick and mean [outer, those meant, inner], of "
           "matmul [.., rows, columns]"},
          s.dims);
  f.field(kTwoTensors,
          {"other_dims", "", "extents of the second input of arithmetic (or its constants) and matmul; 1 is repeated"},
          s.other_dims);
  f.field(std::array{Kind::permute}, {"order", "", "which extent of the input comes first, second, .., from 0"},
          s.order);
  f.field(kPick, {"indices", "", "which of those meant are taken, from 0; -1 for the fill value"}, s.indices);
  f.field(kPick, {"fill", "", "value at index -1"}, s.fill);
  f.field(std::array{Kind::matmul}, {"transposed", "", "whether the first input is stored [.., columns, rows]"},
          s.transposed);
  f.field(std::array{Kind::matmul}, {"other_transposed", "", "likewise the second"}, s.other_transposed);
  f.choice(kArithmetic, {"operation", "", "what is done with the two inputs"}, kOperations, s.operation);
  f.field(kArithmetic, {"reversed", "", "whether the constants are the first operand, not the second"}, s.reversed);
  f.choice(kElementwise, {"function", "", "what is done to each number"}, kFunctions, s.function);
  f.field(kElementwise, {"low", "", "least output of clip"}, s.low);
  f.field(kElementwise, {"high", "", "largest output of clip"}, s.high);
  f.field(std::array{Kind::elementwise, Kind::response_norm},
          {"alpha", "", "slope of hard_sigmoid; weight of the squares in response_norm"}, s.alpha);
  f.field(std::array{Kind::elementwise, Kind::response_norm}, {"beta", "", "hard_sigmoid at 0; power of response_norm"},
          s.beta);
  f.field(std::array{Kind::embedding},
          {"vocabulary", "", "tokens that an embedding knows; 0: those of the data", 0, 1e9}, s.vocabulary);
  f.field(kResponseNorm, {"size", "", "channels that response_norm sums over", 1, 65536}, s.size);
  f.field(kResponseNorm, {"fill", "", "added to the sum in response_norm"}, s.fill);
}

}  // namespace

PixelSteps strides(const LayerSpec& s) {
  return {static_cast<int>(s.stride), static_cast<int>(s.stride_width > 0 ? s.stride_width : s.stride)};
}

PixelSteps dilations(const LayerSpec& s) {
  return {static_cast<int>(s.dilation), static_cast<int>(s.dilation_width > 0 ? s.dilation_width : s.dilation)};
}

namespace {

Border padding_from(const LayerSpec& s, std::int64_t top) {
  const std::int64_t left = s.padding_left >= 0 ? s.padding_left : top;
  const std::int64_t bottom = s.padding_bottom >= 0 ? s.padding_bottom : top;
  const std::int64_t right = s.padding_right >= 0 ? s.padding_right : left;
  return {static_cast<int>(top), static_cast<int>(left), static_cast<int>(bottom), static_cast<int>(right)};
}

}  // namespace

Border convolution_padding(const LayerSpec& s) {
  return padding_from(s, s.padding >= 0 ? s.padding : s.dilation * (s.kernel - 1) / 2);
}

Border pool_padding(const LayerSpec& s) { return padding_from(s, std::max<std::int64_t>(s.padding, 0)); }

void describe(FieldVisitor& v, LayerSpec& s) {
  v.choice({"kind", "", "what the layer does"}, kLayerKinds, s.kind);
  v.field({"name", "", "by which other layers and files call it; empty: its kind and number"}, s.name);
  v.field({"inputs", "", "names of the layers it takes; \"input\" is the sample; empty: the layer before"}, s.inputs);
  Settings f(v, s.kind);
  f.field(kSized,
          {"units", "",
           "outputs of dense (0 in the last layer: the classes of the data) and lstm, channels of a convolution, "
           "reshape or tensor, width of an embedding, classes of one_hot (0: those of the data)",
           0, 1e6},
          s.units);
  f.field(kMatrices, {"bias", "", "whether a bias is added; in dense and lstm it is a further row of the matrix"},
          s.bias);
  f.choice(kMatrices, {"weights", "", "where the weights live, unless training.rule makes all digital"}, kWeightKinds,
           s.weights);
  f.choice(kMatrices,
           {"weight_scale", "", "what a stored weight of 1 stands for: 1, or what gives fresh cells the spread of He"},
           kWeightScales, s.weight_scale);
  f.field(kWindows, {"kernel", "pixels", "height, and width unless that is given, of a convolution or pool", 1, 1024},
          s.kernel);
  f.field(kWindows, {"kernel_width", "pixels", "width of the kernel; 0: as its height", 0, 1024}, s.kernel_width);
  f.field(kWindows, {"stride", "pixels", "of a convolution or pool", 1, 1024}, s.stride);
  f.field(kWindows, {"stride_width", "pixels", "from column to column; 0: as stride", 0, 1024}, s.stride_width);
  f.field(
      kWindows,
      {"padding", "pixels", "zeros around the image; -1: half the kernel for a convolution, none for a pool", -1, 1024},
      s.padding);
  f.field(kWindows, {"padding_left", "pixels", "left of the image; -1: as padding, which is above it", -1, 1024},
          s.padding_left);
  f.field(kWindows, {"padding_bottom", "pixels", "below the image; -1: as padding", -1, 1024}, s.padding_bottom);
  f.field(kWindows, {"padding_right", "pixels", "right of the image; -1: as padding_left", -1, 1024}, s.padding_right);
  f.field(kTransposed, {"output_padding", "pixels", "rows that the output is larger; below the stride", 0, 1023},
          s.output_padding);
  f.field(kTransposed, {"output_padding_width", "pixels", "columns likewise", 0, 1023}, s.output_padding_width);
  f.field(kAveragePool, {"count_padding", "", "whether pixels around the image count as zeros in the mean"},
          s.count_padding);
  f.field(kConvolutions, {"dilation", "pixels", "distance between the pixels under a convolution's kernel", 1, 1024},
          s.dilation);
  f.field(kConvolutions, {"dilation_width", "pixels", "from column to column; 0: as dilation", 0, 1024},
          s.dilation_width);
  f.field(std::array{Kind::convolution},
          {"groups", "", "parts of the channels that a convolution keeps apart", 1, 65536}, s.groups);
  f.field(kTensors, {"steps", "", "of a reshape (0: as they are) or of a tensor that is made", 0, 1e9}, s.steps);
  f.field(kTensors, {"height", "pixels", "of a reshape or of a tensor that is made", 1, 1e6}, s.height);
  f.field(kTensors, {"width", "pixels", "of a reshape or of a tensor that is made", 1, 1e6}, s.width);
  describe_tensors(f, s);
  f.field(std::array{Kind::leaky_relu}, {"slope", "", "of leaky_relu below zero", 0, 1}, s.slope);
  f.field(std::array{Kind::dropout}, {"rate", "", "share of the values that dropout sets to zero", 0, 0.999}, s.rate);
  f.field(kNorms, {"epsilon", "", "added to the variance", 0, 1}, s.epsilon);
  f.field(std::array{Kind::batch_norm},
          {"momentum", "", "weight of one batch in the running statistics of batch_norm", 0, 1}, s.momentum);
}

void describe(FieldVisitor& v, ResnetSpec& s) {
  v.field({"blocks", "blocks", "of each stage; 1, 2, 3, 5 for ResNet-8, -14, -20, -32", 1, 200}, s.blocks);
  v.field({"channels", "", "of each stage", 1, 4096}, s.channels);
  v.field({"width", "", "factor on all channels, which are then rounded to whole numbers", 0.01, 64}, s.width);
  v.field({"classes", "", "outputs", 1, 1e6}, s.classes);
  v.choice({"first_and_last", "", "where the weights of the first and the last layer live"}, kWeightKinds,
           s.first_and_last);
}

void describe(FieldVisitor& v, NetworkSpec& s) {
  v.choice({"family", "", "how the layers are given: listed, or a residual network"}, kNetworkFamilies, s.family);
  if (s.family == NetworkFamily::resnet || v.wants_all()) {
    v.section({"resnet", "", "of the family resnet"}, s.resnet);
  }
  v.list({"layers", "", "the layers in order; of the family layers"}, s.layers);
}

namespace {

class ResnetWriter {
 public:
  explicit ResnetWriter(const ResnetSpec& spec) : spec_(spec) {}

  std::vector<LayerSpec> write() {
    convolution("stem", "input", channels(0), 3, 1).weights = spec_.first_and_last;
    std::string at = add(Kind::relu, "stem.relu", {add(Kind::batch_norm, "stem.norm", {"stem"})});
    for (std::size_t stage = 0; stage < spec_.channels.size(); ++stage) {
      for (std::int64_t block = 0; block < spec_.blocks; ++block) {
        const bool changes = block == 0 && stage > 0;
        at = residual(fmt::format("stage{}.block{}", stage + 1, block + 1), at, channels(stage), changes ? 2 : 1,
                      changes);
      }
    }
    add(Kind::global_average_pool, "pool", {at});
    LayerSpec& last = layer(Kind::dense, "classifier", {"pool"});
    last.units = spec_.classes;
    last.weight_scale = WeightScale::fan_in;
    last.weights = spec_.first_and_last;
    return std::move(layers_);
  }

 private:
  double channels(std::size_t stage) const { return std::max(1.0, std::round(spec_.width * spec_.channels.at(stage))); }

  LayerSpec& layer(Kind kind, const std::string& name, std::vector<std::string> inputs) {
    LayerSpec spec;
    spec.kind = kind;
    spec.name = name;
    spec.inputs = std::move(inputs);
    return layers_.emplace_back(std::move(spec));
  }

  std::string add(Kind kind, const std::string& name, std::vector<std::string> inputs) {
    layer(kind, name, std::move(inputs));
    return name;
  }

  LayerSpec& convolution(const std::string& name, const std::string& from, double channels, std::int64_t kernel,
                         std::int64_t stride) {
    LayerSpec& spec = layer(Kind::convolution, name, {from});
    spec.units = static_cast<std::int64_t>(channels);
    spec.kernel = kernel;
    spec.stride = stride;
    spec.bias = false;
    spec.weight_scale = WeightScale::fan_in;
    return spec;
  }

  std::string residual(const std::string& name, const std::string& from, double channels, std::int64_t stride,
                       bool projected) {
    convolution(name + ".conv1", from, channels, 3, stride);
    add(Kind::batch_norm, name + ".norm1", {name + ".conv1"});
    add(Kind::relu, name + ".relu1", {name + ".norm1"});
    convolution(name + ".conv2", name + ".relu1", channels, 3, 1);
    add(Kind::batch_norm, name + ".norm2", {name + ".conv2"});
    std::string around = from;
    if (projected) {
      convolution(name + ".shortcut", from, channels, 1, stride);
      around = add(Kind::batch_norm, name + ".shortcut_norm", {name + ".shortcut"});
    }
    add(Kind::add, name + ".add", {name + ".norm2", around});
    return add(Kind::relu, name + ".relu2", {name + ".add"});
  }

  const ResnetSpec& spec_;
  std::vector<LayerSpec> layers_;
};

}  // namespace

void expand(NetworkSpec& spec) {
  if (spec.family == NetworkFamily::layers) return;
  if (!spec.layers.empty()) {
    fail("network.family = \"{}\" makes its own layers, but network.layers lists {} too; remove one of the two",
         kNetworkFamilies[static_cast<std::size_t>(spec.family)], spec.layers.size());
  }
  if (spec.resnet.channels.empty())
    fail("network.resnet.channels is empty; give one number per stage, e.g. [16, 32, 64]");
  for (const double channels : spec.resnet.channels) {
    if (channels < 1 || channels != std::floor(channels)) {
      fail("network.resnet.channels holds {}; it must hold whole numbers from 1", channels);
    }
  }
  spec.layers = ResnetWriter(spec.resnet).write();
  spec.family = NetworkFamily::layers;
}

}  // namespace ohmic
