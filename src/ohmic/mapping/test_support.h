#pragma once

#include "ohmic/core/kernels.h"
#include "ohmic/mapping/network_writer.h"
#include "ohmic/mapping/networks.h"
#include "ohmic/mapping/plan.h"

namespace ohmic {

inline StageGraph stages_of(const std::string& network) {
  const NamedNetwork n = make_named_network(network);
  return make_stage_graph(n.network, n.input, n.classes);
}

inline StageGraph stages_of(NetworkWriter& writer, const Shape& input) {
  NetworkSpec network;
  network.layers = writer.take();
  return make_stage_graph(network, input, 10);
}

/// Keyed choices for tests over random graphs.
class Choices {
 public:
  explicit Choices(std::uint64_t seed) : stream_(seed, Purpose::augmentation, 0, 0) {}

  /// low .. high, both possible.
  int between(int low, int high) {
    return low + static_cast<int>(random_word(stream_, next_++) % static_cast<std::uint32_t>(high - low + 1));
  }
  bool flip() { return between(0, 1) == 1; }

 private:
  RandomStream stream_;
  std::uint32_t next_ = 0;
};

/// A random network with kernels, strides, pools, residual blocks, branches that are joined, and transposed
/// convolutions.
class RandomNetwork {
 public:
  explicit RandomNetwork(std::uint64_t seed) : c_(seed), writer_(3) {
    shape_ = {1, c_.between(5, 13), c_.between(5, 13), 3};
    input_ = shape_;
    std::string at = "input";
    const int parts = c_.between(1, 5);
    for (int p = 0; p < parts; ++p) at = part(at);
    if (c_.flip()) at = writer_.global_pool("end.pool", at);
    writer_.dense("classifier", at, 4);
  }

  const Shape& input() const { return input_; }
  NetworkSpec spec() {
    NetworkSpec network;
    network.layers = writer_.take();
    return network;
  }

 private:
  std::string name(const char* kind) { return std::string(kind) + std::to_string(++number_); }

  std::string part(const std::string& at) {
    switch (c_.between(0, 5)) {
      case 0:
        return residual(at);
      case 1:
        return branches(at);
      case 2:
        return dense_layer(at);
      case 3:
        return shrink(at);
      case 4:
        return grow(at);
      default:
        return writer_.convolution_norm_relu(name("conv"), at, c_.between(1, 6), 1 + 2 * c_.between(0, 2), 1);
    }
  }

  std::string residual(const std::string& from) {
    const std::string n = name("residual");
    std::string at = from;
    const int length = c_.between(1, 3), width = writer_.channels(from);
    for (int l = 0; l < length; ++l) {
      at = writer_.convolution_norm(n + ".conv" + std::to_string(l), at, width, 1 + 2 * c_.between(0, 1), 1);
    }
    if (c_.flip()) return writer_.add_relu(n, at, from);
    return writer_.add_relu(n, at, writer_.convolution_norm(n + ".shortcut", from, width, 1, 1));
  }

  std::string branches(const std::string& from) {
    const std::string n = name("branch");
    std::vector<std::string> ends;
    const int count = c_.between(2, 4);
    for (int b = 0; b < count; ++b) {
      std::string at = from;
      const std::string m = n + "." + std::to_string(b);
      const int length = c_.between(1, 3);
      for (int l = 0; l < length; ++l) {
        const std::string k = m + "." + std::to_string(l);
        at = c_.between(0, 3) == 0
                 ? writer_.max_pool(k, at, 3, 1, 1)
                 : writer_.convolution_norm_relu(k, at, c_.between(1, 4), 1 + 2 * c_.between(0, 2), 1);
      }
      ends.push_back(at);
    }
    return writer_.concat(n, ends);
  }

  std::string dense_layer(const std::string& at) {
    const std::string n = name("dense");
    return writer_.concat(n, {at, writer_.convolution_norm_relu(n + ".conv", at, 2, 3, 1)});
  }

  std::string shrink(const std::string& at) {
    if (shape_.height < 4 || shape_.width < 4) return writer_.relu(name("relu"), at);
    const int kernel = c_.between(1, 3), padding = kernel / 2;
    shape_.height = (shape_.height + 2 * padding - kernel) / 2 + 1;
    shape_.width = (shape_.width + 2 * padding - kernel) / 2 + 1;
    if (c_.flip()) return writer_.max_pool(name("pool"), at, kernel, 2, padding);
    return writer_.relu(name("relu"), writer_.convolution(name("strided"), at, 3, kernel, 2, padding));
  }

  std::string grow(const std::string& at) {
    if (shape_.height > 10 || shape_.width > 10) return writer_.relu(name("relu"), at);
    const int kernel = c_.between(2, 3);
    shape_.height = (shape_.height - 1) * 2 + kernel;
    shape_.width = (shape_.width - 1) * 2 + kernel;
    return writer_.relu(name("relu"), writer_.transposed_convolution(name("transposed"), at, 2, kernel, 2));
  }

  Choices c_;
  NetworkWriter writer_;
  Shape shape_, input_;
  int number_ = 0;
};

}  // namespace ohmic
