#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ohmic/network/spec.h"

namespace ohmic {

/// Writes layers one after the other. Each function returns the name by which its output is called. Channels are
/// followed, so that a depthwise convolution or a half of them can be asked for.
class NetworkWriter {
 public:
  explicit NetworkWriter(int input_channels) { channels_["input"] = input_channels; }

  int channels(const std::string& name) const { return channels_.at(name); }
  std::vector<LayerSpec> take() { return std::move(layers_); }

  /// padding -1: keeps the size at stride 1.
  std::string convolution(const std::string& name, const std::string& from, int width, int kernel, int stride,
                          int padding = -1) {
    LayerSpec& s = windowed(LayerKind::convolution, name, from, kernel, stride, padding);
    s.units = width;
    s.bias = false;
    return made(name, width);
  }
  std::string transposed_convolution(const std::string& name, const std::string& from, int width, int kernel,
                                     int stride) {
    LayerSpec& s = windowed(LayerKind::transposed_convolution, name, from, kernel, stride, 0);
    s.units = width;
    s.bias = false;
    return made(name, width);
  }
  std::string convolution_norm(const std::string& name, const std::string& from, int width, int kernel, int stride) {
    return norm(name + ".norm", convolution(name, from, width, kernel, stride));
  }
  std::string convolution_norm_relu(const std::string& name, const std::string& from, int width, int kernel,
                                    int stride) {
    return relu(name + ".relu", convolution_norm(name, from, width, kernel, stride));
  }
  /// With a bias in place of the batch norm.
  std::string convolution_relu(const std::string& name, const std::string& from, int width, int kernel, int stride,
                               int padding = -1) {
    convolution(name, from, width, kernel, stride, padding);
    layers_.back().bias = true;
    return relu(name + ".relu", name);
  }
  std::string depthwise_norm_relu(const std::string& name, const std::string& from, int kernel, int stride) {
    convolution(name, from, channels(from), kernel, stride);
    layers_.back().groups = channels(from);
    return relu(name + ".relu", norm(name + ".norm", name));
  }
  std::string dense(const std::string& name, const std::string& from, int units) {
    LayerSpec& s = layer(LayerKind::dense, name, {from});
    s.units = units;
    return made(name, units);
  }
  std::string norm(const std::string& name, const std::string& from) {
    layer(LayerKind::batch_norm, name, {from});
    return made(name, channels(from));
  }
  std::string relu(const std::string& name, const std::string& from) {
    layer(LayerKind::relu, name, {from});
    return made(name, channels(from));
  }
  std::string norm_relu(const std::string& name, const std::string& from) {
    return relu(name + ".relu", norm(name + ".norm", from));
  }
  std::string max_pool(const std::string& name, const std::string& from, int kernel, int stride, int padding) {
    windowed(LayerKind::max_pool, name, from, kernel, stride, padding);
    return made(name, channels(from));
  }
  std::string average_pool(const std::string& name, const std::string& from, int kernel, int stride) {
    windowed(LayerKind::average_pool, name, from, kernel, stride, 0);
    return made(name, channels(from));
  }
  std::string global_pool(const std::string& name, const std::string& from) {
    layer(LayerKind::global_average_pool, name, {from});
    return made(name, channels(from));
  }
  std::string add(const std::string& name, const std::string& a, const std::string& b) {
    layer(LayerKind::add, name, {a, b});
    return made(name, channels(a));
  }
  std::string add_relu(const std::string& name, const std::string& a, const std::string& b) {
    return relu(name + ".relu", add(name + ".add", a, b));
  }
  std::string concat(const std::string& name, const std::vector<std::string>& from) {
    layer(LayerKind::concat, name, from);
    int sum = 0;
    for (const std::string& f : from) sum += channels(f);
    return made(name, sum);
  }

 private:
  LayerSpec& layer(LayerKind kind, const std::string& name, std::vector<std::string> inputs) {
    LayerSpec s;
    s.kind = kind;
    s.name = name;
    s.inputs = std::move(inputs);
    s.weight_scale = WeightScale::fan_in;
    return layers_.emplace_back(std::move(s));
  }
  LayerSpec& windowed(LayerKind kind, const std::string& name, const std::string& from, int kernel, int stride,
                      int padding) {
    LayerSpec& s = layer(kind, name, {from});
    s.kernel = kernel;
    s.stride = stride;
    s.padding = padding;
    return s;
  }
  std::string made(const std::string& name, int channels) {
    channels_[name] = channels;
    return name;
  }

  std::vector<LayerSpec> layers_;
  std::map<std::string, int> channels_;
};

}  // namespace ohmic
