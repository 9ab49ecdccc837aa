// Convolutions and pools.

#include <algorithm>

#include "ohmic/onnx/operators.h"

namespace ohmic::onnx {
namespace {

constexpr std::int64_t kMostPixels = 1 << 20;

// What slides over an image of one or two dimensions; the height of a row of pixels is 1.
struct Sliding {
  int kernel[2] = {1, 1}, stride[2] = {1, 1}, dilation[2] = {1, 1};
  int before[2] = {0, 0}, behind[2] = {0, 0};

  int reach(int k) const { return dilation[k] * (kernel[k] - 1) + 1; }
};

// The image that goes in: [batch, channels, (rows,) columns].
struct Image {
  Activation activation;
  int spatial;  ///< dimensions: 1 or 2
  int size[2];
  int channels;
};

Image image_of(Import& net, const Activation& given) {
  const Activation a = net.batch_first(given);
  if (a.rank() != 3 && a.rank() != 4) {
    net.refuse(
        "its input has {} dimensions; images of [batch, channels, rows, columns] or rows of pixels of [batch, "
        "channels, length] are understood",
        a.rank());
  }
  const bool is_row = a.rank() == 3;
  const int channels = static_cast<int>(a.extent(1));
  const int height = is_row ? 1 : static_cast<int>(a.extent(2)), width = static_cast<int>(a.extent(a.rank() - 1));
  const std::vector<std::size_t> order =
      is_row ? std::vector<std::size_t>{0, 2, 1} : std::vector<std::size_t>{0, 2, 3, 1};
  return {net.layers().arranged(a, order, {1, height, width, channels}), is_row ? 1 : 2, {height, width}, channels};
}

Activation as_image(Activation a, int spatial) {
  const Shape& s = a.shape;
  a.axes = spatial == 1 ? ordered_axes({1, s.channels, s.width}, {0, 2, 1})
                        : ordered_axes({1, s.channels, s.height, s.width}, {0, 2, 3, 1});
  a.batch_axis = 0;
  return a;
}

void read_pair(Import& net, const char* name, int spatial, std::int64_t least, int (&into)[2]) {
  const std::vector<std::int64_t> values = net.node().wholes(name);
  if (values.empty()) return;
  if (static_cast<int>(values.size()) != spatial) {
    net.refuse("its {} has {} numbers, but the image has {} dimensions", name, values.size(), spatial);
  }
  for (int k = 0; k < spatial; ++k) {
    into[2 - spatial + k] = net.bounded(name, values[static_cast<std::size_t>(k)], least, kMostPixels);
  }
}

void read_padding(Import& net, const Image& image, Sliding& s) {
  const std::string automatic = net.node().text("auto_pad", "NOTSET");
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
    for (int k = 2 - image.spatial; k < 2; ++k) {
      const int out = (image.size[k] + s.stride[k] - 1) / s.stride[k];
      const int total = std::max((out - 1) * s.stride[k] + s.reach(k) - image.size[k], 0);
      s.before[k] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
      s.behind[k] = total - s.before[k];
    }
    return;
  }
  if (automatic == "VALID") return;
  if (automatic != "NOTSET") net.refuse("auto_pad = \"{}\" is not known", automatic);
  const std::vector<std::int64_t> pads = net.node().wholes("pads");
  if (pads.empty()) return;
  if (static_cast<int>(pads.size()) != 2 * image.spatial) {
    net.refuse("its pads has {} numbers, but the image has {} dimensions", pads.size(), image.spatial);
  }
  for (int k = 0; k < image.spatial; ++k) {
    const int to = 2 - image.spatial + k;
    s.before[to] = net.bounded("pads", pads[static_cast<std::size_t>(k)], 0, kMostPixels);
    s.behind[to] = net.bounded("pads", pads[static_cast<std::size_t>(k + image.spatial)], 0, kMostPixels);
  }
}

Sliding read_steps(Import& net, const Image& image) {
  Sliding s;
  read_pair(net, "kernel_shape", image.spatial, 1, s.kernel);
  read_pair(net, "strides", image.spatial, 1, s.stride);
  read_pair(net, "dilations", image.spatial, 1, s.dilation);
  const auto product = [](int a, int b) { return static_cast<std::int64_t>(a) * b; };
  for (int k = 0; k < 2; ++k) {
    if (product(s.dilation[k], s.kernel[k]) > kMostPixels)
      net.refuse("its kernel of {} x {} is too large", s.kernel[0], s.kernel[1]);
  }
  return s;
}

void give_window(const Sliding& s, LayerSpec& spec) {
  spec.kernel = s.kernel[0];
  spec.kernel_width = s.kernel[1];
  spec.stride = s.stride[0];
  spec.stride_width = s.stride[1];
  spec.dilation = s.dilation[0];
  spec.dilation_width = s.dilation[1];
  spec.padding = s.before[0];
  spec.padding_left = s.before[1];
  spec.padding_bottom = s.behind[0];
  spec.padding_right = s.behind[1];
}

// The size of the output, and an Error where nothing is left.
Shape slid(Import& net, const Image& image, const Sliding& s, int channels) {
  int out[2];
  for (int k = 0; k < 2; ++k) {
    const std::int64_t room = std::int64_t{image.size[k]} + s.before[k] + s.behind[k] - s.reach(k);
    if (room < 0) {
      net.refuse("a kernel that reaches over {} x {} pixels does not fit on an image of {} x {} with its padding",
                 s.reach(0), s.reach(1), image.size[0], image.size[1]);
    }
    out[k] = static_cast<int>(room / s.stride[k]) + 1;
  }
  return {1, out[0], out[1], channels};
}

// Weights of [outputs, inputs, (rows,) columns], as rows x columns of a kernel.
const Tensor& kernel_tensor(Import& net, const Image& image, Sliding& s) {
  const Tensor& w = net.constant(1, "weights");
  if (w.rank() != image.spatial + 2 || w.count() == 0) {
    net.refuse("its weights are {}, but the image has {} dimensions", to_string(w.dims), image.spatial);
  }
  for (int k = 0; k < image.spatial; ++k) {
    const std::int64_t size = w.dims[static_cast<std::size_t>(2 + k)];
    int& kernel = s.kernel[2 - image.spatial + k];
    if (kernel != 1 && kernel != size)
      net.refuse("kernel_shape says {}, but its weights are {}", kernel, to_string(w.dims));
    kernel = net.bounded("kernel_shape", size, 1, kMostPixels);
  }
  return w;
}

void give_bias(Import& net, const std::string& layer, std::int64_t outputs) {
  if (!net.has_input(2)) return;
  const Tensor& bias = net.constant(2, "bias");
  if (static_cast<std::int64_t>(bias.count()) != outputs) {
    net.refuse("its bias has {} numbers for {} output channels", bias.count(), outputs);
  }
  net.layers().numbers()[layer + ".bias"] = bias.reals();
}

}  // namespace

void import_convolution(Import& net) {
  const Image image = image_of(net, net.activation(0));
  Sliding s = read_steps(net, image);
  const Tensor& w = kernel_tensor(net, image, s);
  read_padding(net, image, s);
  const int groups = net.bounded("group", net.node().whole("group", 1), 1, 65536);
  const std::int64_t outputs = w.dims[0], inputs = w.dims[1];
  if (inputs * groups != image.channels || outputs % groups != 0) {
    net.refuse("its weights {} in {} groups do not fit an image of {} channels", to_string(w.dims), groups,
               image.channels);
  }
  LayerSpec spec;
  spec.kind = LayerKind::convolution;
  spec.units = outputs;
  spec.groups = groups;
  spec.bias = net.has_input(2);
  give_window(s, spec);
  const Activation y = net.add(spec, {image.activation}, slid(net, image, s, static_cast<int>(outputs)));
  give_bias(net, y.layer, outputs);
  const std::int64_t pixels = std::int64_t{s.kernel[0]} * s.kernel[1], columns = outputs / groups;
  for (int g = 0; g < groups; ++g) {  // rows: pixel, channel
    auto& matrix = net.layers().numbers()[groups == 1 ? y.layer : fmt::format("{}.group{}", y.layer, g + 1)];
    const Tensor part = strided({{}, false, {}, w.reals()}, {pixels, inputs, columns}, {1, pixels, inputs * pixels},
                                g * columns * inputs * pixels);
    matrix = part.real;
  }
  net.set_output(0, as_image(y, image.spatial));
}

void import_transposed_convolution(Import& net) {
  const Image image = image_of(net, net.activation(0));
  Sliding s = read_steps(net, image);
  const Tensor& w = kernel_tensor(net, image, s);
  const int groups = net.bounded("group", net.node().whole("group", 1), 1, 65536);
  const std::int64_t inputs = w.dims[0], group_outputs = w.dims[1], outputs = group_outputs * groups;
  if (inputs != image.channels || inputs % groups != 0) {
    net.refuse("its weights {} in {} groups do not fit an image of {} channels", to_string(w.dims), groups,
               image.channels);
  }
  int extra[2] = {0, 0}, wanted[2] = {0, 0};
  read_pair(net, "output_padding", image.spatial, 0, extra);
  read_pair(net, "output_shape", image.spatial, 1, wanted);
  const std::string automatic = net.node().text("auto_pad", "NOTSET");
  const bool is_same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  if (!is_same) read_padding(net, image, s);
  Shape out{1, 1, 1, static_cast<int>(outputs)};
  for (int k = 0; k < 2; ++k) {
    const std::int64_t full = std::int64_t{s.stride[k]} * (image.size[k] - 1) + extra[k] + s.reach(k);
    if (wanted[k] > 0 || (is_same && k >= 2 - image.spatial)) {
      const std::int64_t size = wanted[k] > 0 ? wanted[k] : std::int64_t{image.size[k]} * s.stride[k];
      const std::int64_t total = full - size;
      if (total < 0) net.refuse("an output of {} pixels is more than its kernel reaches", size);
      s.before[k] = static_cast<int>(automatic == "SAME_UPPER" ? total / 2 : total - total / 2);
      s.behind[k] = static_cast<int>(total - s.before[k]);
    }
    const int size = net.bounded("its output's size", full - s.before[k] - s.behind[k], 1, kMostPixels);
    (k == 0 ? out.height : out.width) = size;
    if (extra[k] >= s.stride[k] && extra[k] > 0) {
      net.refuse("output_padding = {} must be below the stride {}", extra[k], s.stride[k]);
    }
  }
  LayerSpec spec;
  spec.kind = LayerKind::transposed_convolution;
  spec.units = outputs;
  spec.bias = net.has_input(2);
  give_window(s, spec);
  spec.output_padding = extra[0];
  spec.output_padding_width = extra[1];
  const Activation y = net.add(spec, {image.activation}, out);
  give_bias(net, y.layer, outputs);
  // One row per input, columns: pixel, channel; a group's inputs have no weights to other groups' outputs.
  const std::int64_t pixels = std::int64_t{s.kernel[0]} * s.kernel[1];
  checked_count(net.node().description(), Dims{inputs, pixels, outputs});
  std::vector<float>& matrix = net.layers().numbers()[y.layer];
  matrix.assign(static_cast<std::size_t>(inputs * pixels * outputs), 0.0f);
  for (std::int64_t i = 0; i < inputs; ++i) {
    const std::int64_t first = i / (inputs / groups) * group_outputs;
    for (std::int64_t o = 0; o < group_outputs; ++o) {
      for (std::int64_t p = 0; p < pixels; ++p) {
        matrix[static_cast<std::size_t>((i * pixels + p) * outputs + first + o)] =
            static_cast<float>(w.at(static_cast<std::size_t>((i * group_outputs + o) * pixels + p)));
      }
    }
  }
  net.set_output(0, as_image(y, image.spatial));
}

namespace {

// With ceil_mode a last window may reach beyond the padding; returns whether one does.
bool reach_beyond(const Image& image, Sliding& s) {
  bool beyond = false;
  for (int k = 2 - image.spatial; k < 2; ++k) {
    const int room = image.size[k] + s.before[k] + s.behind[k] - s.reach(k);
    if (room < 0) continue;
    int last = (room + s.stride[k] - 1) / s.stride[k];
    if (last * s.stride[k] >= image.size[k] + s.before[k]) --last;  // it would begin outside
    const int missing = last * s.stride[k] - room;
    if (missing <= 0) continue;
    s.behind[k] += missing;
    beyond = true;
  }
  return beyond;
}

// Zeros around an image that are part of it from now on.
Image padded(Import& net, const Image& image, Sliding& s) {
  Activation a = image.activation;
  a.axes = ordered_axes({1, image.size[0], image.size[1], image.channels});
  for (int k = 0; k < 2; ++k) {
    if (s.before[k] + s.behind[k] == 0) continue;
    std::vector<double> indices(static_cast<std::size_t>(s.before[k]), -1.0);
    for (int i = 0; i < image.size[k]; ++i) indices.push_back(i);
    indices.insert(indices.end(), static_cast<std::size_t>(s.behind[k]), -1.0);
    a = picked(net, a, static_cast<std::size_t>(k + 1), indices, 0);
  }
  const Dims extents = a.extents();
  Image result{a, image.spatial, {static_cast<int>(extents[1]), static_cast<int>(extents[2])}, image.channels};
  result.activation = net.layers().arranged(a, {0, 1, 2, 3}, {1, result.size[0], result.size[1], image.channels});
  for (int k = 0; k < 2; ++k) s.before[k] = s.behind[k] = 0;
  return result;
}

void import_pool(Import& net, LayerKind kind) {
  Image image = image_of(net, net.activation(0));
  Sliding s = read_steps(net, image);
  if (net.node().wholes("kernel_shape").empty()) net.refuse("kernel_shape is missing; the file is damaged");
  if (s.dilation[0] != 1 || s.dilation[1] != 1) net.refuse("a pool with dilations is not supported");
  read_padding(net, image, s);
  const bool has_padding = s.before[0] + s.before[1] + s.behind[0] + s.behind[1] > 0;
  LayerSpec spec;
  spec.kind = kind;
  spec.count_padding = !has_padding || net.node().whole("count_include_pad", 0) != 0;
  if (net.node().whole("ceil_mode", 0) != 0) {
    Sliding beyond = s;
    if (reach_beyond(image, beyond)) {  // what lies beyond the padding never counts
      if (kind == LayerKind::average_pool && has_padding && spec.count_padding) {
        image = padded(net, image, s);
        reach_beyond(image, s);
      } else {
        s = beyond;
      }
      spec.count_padding = false;
    }
  }
  give_window(s, spec);
  const Activation y = net.add(spec, {image.activation}, slid(net, image, s, image.channels));
  net.set_output(0, as_image(y, image.spatial));
}

}  // namespace

void import_max_pool(Import& net) {
  if (net.is_used(1)) net.refuse("the places of the largest values (its second output) are not supported");
  import_pool(net, LayerKind::max_pool);
}

void import_average_pool(Import& net) { import_pool(net, LayerKind::average_pool); }

void import_global_average_pool(Import& net) {
  const Image image = image_of(net, net.activation(0));
  LayerSpec spec;
  spec.kind = LayerKind::global_average_pool;
  net.set_output(0, as_image(net.add(spec, {image.activation}, {1, 1, 1, image.channels}), image.spatial));
}

}  // namespace ohmic::onnx
