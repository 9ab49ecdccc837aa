// Norms, softmax and means.

#include <algorithm>
#include <cmath>

#include "ohmic/onnx/operators.h"

namespace ohmic::onnx {
namespace {

std::vector<float> channel_numbers(Import& net, std::size_t i, const char* what, std::int64_t channels) {
  const Tensor& tensor = net.constant(i, what);
  if (static_cast<std::int64_t>(tensor.count()) != channels) {
    net.refuse("its {} has {} numbers for {} channels", what, tensor.count(), channels);
  }
  return tensor.reals();
}

// A layer that looks at the innermost numbers of each position; the axes stay.
Activation per_position(Import& net, const LayerSpec& spec, const Activation& given,
                        const std::vector<std::size_t>& axes) {
  net.keep_samples_apart(given, axes);
  const Activation x = net.layers().with_innermost(given, axes);
  Activation y = net.add(spec, {x}, x.shape);
  y.axes = x.axes;
  y.batch_axis = x.batch_axis;
  return y;
}

// The axes from `first` on; the batch's may be among them only if it is all there is of that dimension.
std::vector<std::size_t> axes_from(const Activation& a, std::size_t first) {
  std::vector<std::size_t> axes;
  for (std::size_t k = first; k < a.rank(); ++k) axes.push_back(k);
  return axes;
}

void import_softmax_of(Import& net, LayerKind kind) {
  const Activation& a = net.activation(0);
  if (a.rank() == 0) net.refuse("its input is a single number");
  LayerSpec spec;
  spec.kind = kind;
  // Up to opset 12 all dimensions from the axis on are one.
  const bool is_old = net.opset() < 13;
  const std::size_t axis = net.axis_of(net.node().whole("axis", is_old ? 1 : -1), a.rank());
  net.set_output(0, per_position(net, spec, a, is_old ? axes_from(a, axis) : std::vector<std::size_t>{axis}));
}

}  // namespace

void import_batch_norm(Import& net) {
  const Activation& a = net.activation(0);
  if (a.rank() < 2) net.refuse("its input has no channels");
  if (net.node().whole("training_mode", 0) != 0) net.refuse("training_mode is not supported; export it for inference");
  if (net.node().whole("spatial", 1) == 0) net.refuse("spatial = 0 is not supported");
  const std::int64_t channels = a.extent(1);
  LayerSpec spec;
  spec.kind = LayerKind::batch_norm;
  spec.epsilon = net.node().number("epsilon", 1e-5);
  if (!(spec.epsilon >= 0 && spec.epsilon <= 1)) net.refuse("epsilon = {} must be 0 .. 1", spec.epsilon);
  std::vector<float> gamma = channel_numbers(net, 1, "scale", channels),
                     beta = channel_numbers(net, 2, "bias", channels);
  std::vector<float> mean = channel_numbers(net, 3, "mean", channels),
                     variance = channel_numbers(net, 4, "variance", channels);
  const Activation y = per_position(net, spec, a, {1});
  net.layers().numbers()[y.layer + ".gamma"] = std::move(gamma);
  net.layers().numbers()[y.layer + ".beta"] = std::move(beta);
  net.set_statistics(y.layer, std::move(mean), std::move(variance));
  net.set_output(0, y);
}

void import_layer_norm(Import& net) {
  const Activation& a = net.activation(0);
  if (a.rank() == 0) net.refuse("its input is a single number");
  if (net.is_used(1) || net.is_used(2)) net.refuse("mean and deviation as further outputs are not supported");
  const std::vector<std::size_t> axes = axes_from(a, net.axis_of(net.node().whole("axis", -1), a.rank()));
  LayerSpec spec;
  spec.kind = LayerKind::layer_norm;
  spec.epsilon = net.node().number("epsilon", 1e-5);
  if (!(spec.epsilon >= 0 && spec.epsilon <= 1)) net.refuse("epsilon = {} must be 0 .. 1", spec.epsilon);
  Dims extents;
  for (const std::size_t k : axes) extents.push_back(a.extent(k));
  const Activation y = per_position(net, spec, a, axes);
  const std::string what = net.node().description();
  net.layers().numbers()[y.layer + ".gamma"] = broadcast(what, net.constant(1, "scale"), extents).reals();
  net.layers().numbers()[y.layer + ".beta"] =
      net.has_input(2) ? broadcast(what, net.constant(2, "bias"), extents).reals()
                       : std::vector<float>(static_cast<std::size_t>(y.shape.channels), 0.0f);
  net.set_output(0, y);
}

void import_response_norm(Import& net) {
  const Activation& a = net.activation(0);
  if (a.rank() < 2) net.refuse("its input has no channels");
  LayerSpec spec;
  spec.kind = LayerKind::response_norm;
  spec.alpha = net.node().number("alpha", 1e-4);
  spec.beta = net.node().number("beta", 0.75);
  spec.fill = net.node().number("bias", 1);
  spec.size = net.bounded("size", net.node().whole("size", 0), 1, 65536);
  net.set_output(0, per_position(net, spec, a, {1}));
}

void import_softmax(Import& net) { import_softmax_of(net, LayerKind::softmax); }

void import_log_softmax(Import& net) { import_softmax_of(net, LayerKind::log_softmax); }

void import_reduce_mean(Import& net) {
  Activation a = net.activation(0);
  const auto given = net.whole_list(1, "axes");
  std::vector<bool> is_reduced(a.rank(), !given || given->empty());
  if ((!given || given->empty()) && net.node().whole("noop_with_empty_axes", 0) != 0) return net.set_output(0, a);
  std::vector<std::size_t> axes;
  if (given) {
    for (const std::int64_t axis : *given) is_reduced[net.axis_of(axis, a.rank())] = true;
  }
  for (std::size_t k = 0; k < a.rank(); ++k) {
    if (is_reduced[k]) axes.push_back(k);
  }
  net.keep_samples_apart(a, axes);
  const bool is_image =
      a.rank() == 4 && axes == std::vector<std::size_t>{2, 3} && a.batch_axis == 0 && a.extent(0) == 1;
  if (is_image) {
    const Shape image{1, static_cast<int>(a.extent(2)), static_cast<int>(a.extent(3)), static_cast<int>(a.extent(1))};
    LayerSpec spec;
    spec.kind = LayerKind::global_average_pool;
    Activation y = net.add(spec, {net.layers().arranged(a, {0, 2, 3, 1}, image)}, {1, 1, 1, image.channels});
    y.axes = ordered_axes({1, image.channels, 1, 1});
    a = y;
  }
  for (const std::size_t k : axes) {
    if (a.extent(k) == 1) continue;
    a = net.layers().with_simple_axis(a, k);
    const Factor run = joined(a.axes[k]).front();
    const std::int64_t size = a.size();
    LayerSpec spec;
    spec.kind = LayerKind::mean;
    for (const std::int64_t d : {size / (run.extent * run.step), run.extent, run.step}) {
      spec.dims.push_back(static_cast<double>(d));
    }
    spec.units = size / run.extent;
    Activation y = net.add(spec, {a}, {1, 1, 1, static_cast<int>(size / run.extent)});
    y.axes = a.axes;
    y.batch_axis = a.batch_axis;
    y.axes[k].clear();
    for (Axis& axis : y.axes) {
      for (Factor& f : axis) f.step = f.step < run.step ? f.step : f.step / run.extent;
    }
    a = y;
  }
  if (net.node().whole("keepdims", 1) == 0) {
    for (std::size_t k = axes.size(); k-- > 0;) {
      a.axes.erase(a.axes.begin() + static_cast<std::ptrdiff_t>(axes[k]));
      if (a.batch_axis > static_cast<int>(axes[k])) --a.batch_axis;
    }
  }
  net.set_output(0, a);
}

}  // namespace ohmic::onnx
