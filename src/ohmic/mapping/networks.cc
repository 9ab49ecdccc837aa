#include "ohmic/mapping/networks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ohmic/core/error.h"
#include "ohmic/mapping/network_writer.h"

namespace ohmic {
namespace {

constexpr int kImageNetClasses = 1000;
constexpr Shape kCifarImage{1, 32, 32, 3};
constexpr Shape kImageNetImage{1, 224, 224, 3};

// He et al. 2016, section 4.2, with 1x1 shortcuts where the shape changes; channels 16-28-56 are those of Joshi et al.
NamedNetwork cifar_resnet(std::int64_t blocks, std::vector<double> channels) {
  NamedNetwork n;
  n.input = kCifarImage;
  n.classes = 10;
  n.network.family = NetworkFamily::resnet;
  n.network.resnet.blocks = blocks;
  n.network.resnet.channels = std::move(channels);
  expand(n.network);
  return n;
}

NamedNetwork finish(NetworkWriter& w, const Shape& input, int classes) {
  NamedNetwork n;
  n.input = input;
  n.classes = classes;
  n.network.layers = w.take();
  return n;
}

using Block = std::string (*)(NetworkWriter&, const std::string&, const std::string&, int, int);

std::string basic_block(NetworkWriter& w, const std::string& name, const std::string& from, int width, int stride) {
  const std::string a = w.convolution_norm_relu(name + ".conv1", from, width, 3, stride);
  const std::string b = w.convolution_norm(name + ".conv2", a, width, 3, 1);
  const bool changes = stride > 1 || w.channels(from) != width;
  return w.add_relu(name, b, changes ? w.convolution_norm(name + ".shortcut", from, width, 1, stride) : from);
}

// The stride is in the 3x3 convolution (torchvision), not in the first 1x1 one (the paper).
std::string bottleneck_block(NetworkWriter& w, const std::string& name, const std::string& from, int width,
                             int stride) {
  const std::string a = w.convolution_norm_relu(name + ".conv1", from, width, 1, 1);
  const std::string b = w.convolution_norm_relu(name + ".conv2", a, width, 3, stride);
  const std::string c = w.convolution_norm(name + ".conv3", b, 4 * width, 1, 1);
  const bool changes = stride > 1 || w.channels(from) != 4 * width;
  return w.add_relu(name, c, changes ? w.convolution_norm(name + ".shortcut", from, 4 * width, 1, stride) : from);
}

NamedNetwork imagenet_resnet(const std::array<int, 4>& blocks, Block block) {
  NetworkWriter w(kImageNetImage.channels);
  std::string at = w.convolution_norm_relu("stem", "input", 64, 7, 2);
  at = w.max_pool("stem.pool", at, 3, 2, 1);
  for (int stage = 0; stage < 4; ++stage) {
    for (int b = 0; b < blocks[static_cast<std::size_t>(stage)]; ++b) {
      at = block(w, fmt::format("stage{}.block{}", stage + 1, b + 1), at, 64 << stage, stage > 0 && b == 0 ? 2 : 1);
    }
  }
  w.dense("classifier", w.global_pool("pool", at), kImageNetClasses);
  return finish(w, kImageNetImage, kImageNetClasses);
}

NamedNetwork resnet18() { return imagenet_resnet({2, 2, 2, 2}, basic_block); }
NamedNetwork resnet34() { return imagenet_resnet({3, 4, 6, 3}, basic_block); }
NamedNetwork resnet50() { return imagenet_resnet({3, 4, 6, 3}, bottleneck_block); }
NamedNetwork resnet20() { return cifar_resnet(3, {16, 32, 64}); }
NamedNetwork resnet32() { return cifar_resnet(5, {16, 32, 64}); }
NamedNetwork resnet32_narrow() { return cifar_resnet(5, {16, 28, 56}); }

// Widths of 3x3 convolutions; 0 is a 2x2 pool. Dense layers follow.
NamedNetwork vgg(const std::vector<int>& widths, const std::vector<int>& dense, const Shape& input, int classes) {
  NetworkWriter w(input.channels);
  std::string at = "input";
  int convolutions = 0, pools = 0;
  for (const int width : widths) {
    at = width > 0 ? w.convolution_norm_relu(fmt::format("conv{}", ++convolutions), at, width, 3, 1)
                   : w.max_pool(fmt::format("pool{}", ++pools), at, 2, 2, 0);
  }
  for (std::size_t d = 0; d < dense.size(); ++d) {
    const std::string name = fmt::format("dense{}", d + 1);
    at = w.relu(name + ".relu", w.dense(name, at, dense[d]));
  }
  w.dense("classifier", at, classes);
  return finish(w, input, classes);
}

NamedNetwork vgg9() { return vgg({64, 64, 0, 128, 128, 0, 256, 256, 0}, {512, 512}, kCifarImage, 10); }
NamedNetwork vgg16() {
  return vgg({64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0}, {4096, 4096},
             kImageNetImage, kImageNetClasses);
}

NamedNetwork alexnet() {
  NetworkWriter w(kImageNetImage.channels);
  std::string at = w.max_pool("pool1", w.convolution_relu("conv1", "input", 64, 11, 4, 2), 3, 2, 0);
  at = w.max_pool("pool2", w.convolution_relu("conv2", at, 192, 5, 1), 3, 2, 0);
  at = w.convolution_relu("conv3", at, 384, 3, 1);
  at = w.convolution_relu("conv4", at, 256, 3, 1);
  at = w.max_pool("pool3", w.convolution_relu("conv5", at, 256, 3, 1), 3, 2, 0);
  at = w.relu("dense1.relu", w.dense("dense1", at, 4096));
  at = w.relu("dense2.relu", w.dense("dense2", at, 4096));
  w.dense("classifier", at, kImageNetClasses);
  return finish(w, kImageNetImage, kImageNetClasses);
}

NamedNetwork squeezenet() {
  NetworkWriter w(kImageNetImage.channels);
  const auto fire = [&](const std::string& name, const std::string& from, int squeeze, int expand) {
    const std::string s = w.convolution_relu(name + ".squeeze", from, squeeze, 1, 1);
    return w.concat(name, {w.convolution_relu(name + ".expand1", s, expand, 1, 1),
                           w.convolution_relu(name + ".expand3", s, expand, 3, 1)});
  };
  std::string at = w.max_pool("pool1", w.convolution_relu("conv1", "input", 64, 3, 2, 0), 3, 2, 0);
  at = fire("fire3", fire("fire2", at, 16, 64), 16, 64);
  at = w.max_pool("pool3", at, 3, 2, 0);
  at = fire("fire5", fire("fire4", at, 32, 128), 32, 128);
  at = w.max_pool("pool5", at, 3, 2, 0);
  at = fire("fire7", fire("fire6", at, 48, 192), 48, 192);
  at = fire("fire9", fire("fire8", at, 64, 256), 64, 256);
  w.global_pool("pool10", w.convolution_relu("conv10", at, kImageNetClasses, 1, 1));
  return finish(w, kImageNetImage, kImageNetClasses);
}

// Branches: 1x1; 1x1 then 3x3; 1x1 then 5x5; 3x3 pool then 1x1.
std::string inception(NetworkWriter& w, const std::string& name, const std::string& from,
                      const std::array<int, 6>& widths) {
  const std::string a = w.convolution_norm_relu(name + ".1x1", from, widths[0], 1, 1);
  const std::string b = w.convolution_norm_relu(name + ".3x3_reduce", from, widths[1], 1, 1);
  const std::string c = w.convolution_norm_relu(name + ".3x3", b, widths[2], 3, 1);
  const std::string d = w.convolution_norm_relu(name + ".5x5_reduce", from, widths[3], 1, 1);
  const std::string e = w.convolution_norm_relu(name + ".5x5", d, widths[4], 5, 1);
  const std::string f = w.max_pool(name + ".pool", from, 3, 1, 1);
  return w.concat(name, {a, c, e, w.convolution_norm_relu(name + ".pool_project", f, widths[5], 1, 1)});
}

NamedNetwork googlenet() {
  NetworkWriter w(kImageNetImage.channels);
  std::string at = w.max_pool("pool1", w.convolution_norm_relu("conv1", "input", 64, 7, 2), 3, 2, 1);
  at = w.convolution_norm_relu("conv2", at, 64, 1, 1);
  at = w.max_pool("pool2", w.convolution_norm_relu("conv3", at, 192, 3, 1), 3, 2, 1);
  at = inception(w, "3a", at, {64, 96, 128, 16, 32, 32});
  at = inception(w, "3b", at, {128, 128, 192, 32, 96, 64});
  at = w.max_pool("pool3", at, 3, 2, 1);
  at = inception(w, "4a", at, {192, 96, 208, 16, 48, 64});
  at = inception(w, "4b", at, {160, 112, 224, 24, 64, 64});
  at = inception(w, "4c", at, {128, 128, 256, 24, 64, 64});
  at = inception(w, "4d", at, {112, 144, 288, 32, 64, 64});
  at = inception(w, "4e", at, {256, 160, 320, 32, 128, 128});
  at = w.max_pool("pool4", at, 3, 2, 1);
  at = inception(w, "5a", at, {256, 160, 320, 32, 128, 128});
  at = inception(w, "5b", at, {384, 192, 384, 48, 128, 128});
  w.dense("classifier", w.global_pool("pool5", at), kImageNetClasses);
  return finish(w, kImageNetImage, kImageNetClasses);
}

// Layers of a dense block: batch norm, ReLU, 1x1, batch norm, ReLU, 3x3, joined to all before.
std::string dense_block(NetworkWriter& w, const std::string& name, std::string at, int layers, int growth) {
  for (int l = 0; l < layers; ++l) {
    const std::string layer = fmt::format("{}.layer{}", name, l + 1);
    const std::string inner = w.convolution(layer + ".conv1", w.norm_relu(layer, at), 4 * growth, 1, 1);
    const std::string fresh = w.convolution(layer + ".conv2", w.norm_relu(layer + ".inner", inner), growth, 3, 1);
    at = w.concat(layer + ".concat", {at, fresh});
  }
  return at;
}

NamedNetwork densenet121() {
  constexpr int kGrowth = 32;
  NetworkWriter w(kImageNetImage.channels);
  std::string at = w.max_pool("stem.pool", w.convolution_norm_relu("stem", "input", 64, 7, 2), 3, 2, 1);
  const std::array layers = {6, 12, 24, 16};
  for (std::size_t b = 0; b < layers.size(); ++b) {
    at = dense_block(w, fmt::format("block{}", b + 1), at, layers[b], kGrowth);
    const std::string name = fmt::format("transition{}", b + 1);
    const std::string norm = w.norm_relu(name, at);
    if (b + 1 == layers.size()) {
      w.dense("classifier", w.global_pool("pool", norm), kImageNetClasses);
    } else {
      at = w.average_pool(name + ".pool", w.convolution(name + ".conv", norm, w.channels(norm) / 2, 1, 1), 2, 2);
    }
  }
  return finish(w, kImageNetImage, kImageNetClasses);
}

NamedNetwork mobilenet_v2() {
  struct Stage {
    int expansion, width, blocks, stride;
  };
  constexpr std::array kStages = {Stage{1, 16, 1, 1}, Stage{6, 24, 2, 2},  Stage{6, 32, 3, 2}, Stage{6, 64, 4, 2},
                                  Stage{6, 96, 3, 1}, Stage{6, 160, 3, 2}, Stage{6, 320, 1, 1}};
  NetworkWriter w(kImageNetImage.channels);
  std::string at = w.convolution_norm_relu("stem", "input", 32, 3, 2);
  int number = 0;
  for (const Stage& stage : kStages) {
    for (int b = 0; b < stage.blocks; ++b) {
      const std::string name = fmt::format("block{}", ++number), from = at;
      const int stride = b == 0 ? stage.stride : 1, inner = stage.expansion * w.channels(from);
      if (stage.expansion > 1) at = w.convolution_norm_relu(name + ".expand", at, inner, 1, 1);
      at = w.depthwise_norm_relu(name + ".depthwise", at, 3, stride);
      at = w.convolution_norm(name + ".project", at, stage.width, 1, 1);
      if (stride == 1 && w.channels(from) == stage.width) at = w.add(name + ".add", at, from);
    }
  }
  at = w.convolution_norm_relu("head", at, 1280, 1, 1);
  w.dense("classifier", w.global_pool("pool", at), kImageNetClasses);
  return finish(w, kImageNetImage, kImageNetClasses);
}

NamedNetwork unet() {
  constexpr Shape kImage{1, 256, 256, 3};
  constexpr int kDepth = 4, kClasses = 2;
  NetworkWriter w(kImage.channels);
  const auto twice = [&](const std::string& name, const std::string& from, int width) {
    return w.convolution_norm_relu(name + ".conv2", w.convolution_norm_relu(name + ".conv1", from, width, 3, 1), width,
                                   3, 1);
  };
  std::vector<std::string> across;
  std::string at = "input";
  for (int d = 0; d < kDepth; ++d) {
    at = twice(fmt::format("down{}", d + 1), at, 64 << d);
    across.push_back(at);
    at = w.max_pool(fmt::format("down{}.pool", d + 1), at, 2, 2, 0);
  }
  at = twice("bottom", at, 64 << kDepth);
  for (int d = kDepth; d-- > 0;) {
    const std::string name = fmt::format("up{}", d + 1);
    at = w.transposed_convolution(name + ".transposed", at, 64 << d, 2, 2);
    at = twice(name, w.concat(name + ".concat", {across[static_cast<std::size_t>(d)], at}), 64 << d);
  }
  w.convolution("classifier", at, kClasses, 1, 1);
  return finish(w, kImage, kClasses);
}

// Small networks with each kind of join, quick enough for trying things out.
NamedNetwork small_inception() {
  constexpr Shape kImage{1, 16, 16, 3};
  NetworkWriter w(kImage.channels);
  std::string at = w.convolution_norm_relu("stem", "input", 16, 3, 1);
  at = inception(w, "a", at, {8, 8, 16, 4, 8, 8});
  at = inception(w, "b", w.max_pool("pool", at, 3, 2, 1), {16, 12, 24, 6, 12, 12});
  w.dense("classifier", w.global_pool("pool2", at), 10);
  return finish(w, kImage, 10);
}

NamedNetwork small_dense_block() {
  constexpr Shape kImage{1, 16, 16, 3};
  NetworkWriter w(kImage.channels);
  std::string at = dense_block(w, "block1", w.convolution_norm_relu("stem", "input", 16, 3, 1), 3, 8);
  at = w.average_pool("transition.pool", w.convolution("transition", w.norm_relu("transition", at), 20, 1, 1), 2, 2);
  at = w.norm_relu("end", dense_block(w, "block2", at, 3, 8));
  w.dense("classifier", w.global_pool("pool", at), 10);
  return finish(w, kImage, 10);
}

struct Entry {
  std::string_view name, description;
  NamedNetwork (*make)();
};

constexpr std::array kNetworks = {
    Entry{"resnet20", "CIFAR-10, channels 16-32-64 (He et al. 2016, section 4.2), 1x1 shortcuts", resnet20},
    Entry{"resnet32", "CIFAR-10, channels 16-32-64 (He et al. 2016, section 4.2), 1x1 shortcuts", resnet32},
    Entry{"resnet32_narrow", "CIFAR-10, channels 16-28-56 (Joshi et al. 2020), 1x1 shortcuts", resnet32_narrow},
    Entry{"resnet18", "ImageNet (He et al. 2016)", resnet18},
    Entry{"resnet34", "ImageNet (He et al. 2016)", resnet34},
    Entry{"resnet50", "ImageNet (He et al. 2016), strides in the 3x3 convolutions", resnet50},
    Entry{"vgg9", "CIFAR-10: six 3x3 convolutions and three dense layers", vgg9},
    Entry{"vgg16", "ImageNet (Simonyan and Zisserman 2015, D), with batch norm", vgg16},
    Entry{"alexnet", "ImageNet (Krizhevsky 2014, one tower), without local response normalisation", alexnet},
    Entry{"squeezenet", "ImageNet (Iandola et al. 2016, version 1.1)", squeezenet},
    Entry{"googlenet", "ImageNet (Szegedy et al. 2015) with batch norm, without auxiliary classifiers", googlenet},
    Entry{"densenet121", "ImageNet (Huang et al. 2017)", densenet121},
    Entry{"mobilenet_v2", "ImageNet (Sandler et al. 2018); ReLU for ReLU6", mobilenet_v2},
    Entry{"unet", "256 x 256 images, 64 to 1024 channels (Ronneberger et al. 2015), padded 3x3 convolutions", unet},
    Entry{"small_inception", "16 x 16 images, two inception modules: small, for trying things out", small_inception},
    Entry{"small_dense_block", "16 x 16 images, two dense blocks: small, for trying things out", small_dense_block},
};

}  // namespace

std::vector<std::string> network_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kNetworks) names.emplace_back(entry.name);
  return names;
}

bool is_network_name(std::string_view name) {
  return std::any_of(kNetworks.begin(), kNetworks.end(), [&](const Entry& e) { return e.name == name; });
}

NamedNetwork make_named_network(std::string_view name) {
  const auto found = std::find_if(kNetworks.begin(), kNetworks.end(), [&](const Entry& e) { return e.name == name; });
  if (found == kNetworks.end()) {
    const auto names = network_names();
    const std::string near = nearest_name(name, names);
    fail("there is no network \"{}\"; choose one of {}{}", name, fmt::join(names, ", "),
         near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near));
  }
  NamedNetwork network = found->make();
  network.name = found->name;
  network.description = found->description;
  return network;
}

}  // namespace ohmic
