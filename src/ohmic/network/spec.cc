#include "ohmic/network/spec.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "ohmic/core/error.h"

namespace ohmic {

namespace {

using Kind = LayerKind;

constexpr std::array kSized = {Kind::dense,  Kind::convolution, Kind::transposed_convolution,
                               Kind::lstm,   Kind::embedding,   Kind::one_hot,
                               Kind::reshape};
constexpr std::array kMatrices = {Kind::dense, Kind::convolution, Kind::transposed_convolution, Kind::lstm};
constexpr std::array kConvolutions = {Kind::convolution, Kind::transposed_convolution};
constexpr std::array kWindows = {Kind::convolution, Kind::transposed_convolution, Kind::max_pool, Kind::average_pool};
constexpr std::array kNorms = {Kind::batch_norm, Kind::layer_norm};

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

}  // namespace

void describe(FieldVisitor& v, LayerSpec& s) {
  v.choice({"kind", "", "what the layer does"}, kLayerKinds, s.kind);
  v.field({"name", "", "by which other layers and files call it; empty: its kind and number"}, s.name);
  v.field({"inputs", "", "names of the layers it takes; \"input\" is the sample; empty: the layer before"}, s.inputs);
  Settings f(v, s.kind);
  f.field(kSized,
          {"units", "",
           "outputs of dense (0 in the last layer: the classes of the data) and lstm, channels of a convolution or "
           "reshape, width of an embedding, classes of one_hot (0: those of the data)",
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
  f.field(
      kWindows,
      {"padding", "pixels", "zeros around the image; -1: half the kernel for a convolution, none for a pool", -1, 1024},
      s.padding);
  f.field(kConvolutions, {"dilation", "pixels", "distance between the pixels under a convolution's kernel", 1, 1024},
          s.dilation);
  f.field(std::array{Kind::convolution},
          {"groups", "", "parts of the channels that a convolution keeps apart", 1, 65536}, s.groups);
  f.field(std::array{Kind::reshape}, {"height", "pixels", "of a reshape", 1, 65536}, s.height);
  f.field(std::array{Kind::reshape}, {"width", "pixels", "of a reshape", 1, 65536}, s.width);
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
