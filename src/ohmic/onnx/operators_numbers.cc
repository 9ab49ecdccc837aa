// Functions of single numbers and of pairs of numbers.

#include <algorithm>
#include <cmath>
#include <limits>

#include "ohmic/onnx/operators.h"

namespace ohmic::onnx {
namespace {

Activation mapped(Import& net, const LayerSpec& spec) {
  const Activation& x = net.activation(0);
  Activation y = net.add(spec, {x}, x.shape);
  y.axes = x.axes;
  return y;
}

void import_kind(Import& net, LayerKind kind) {
  LayerSpec spec;
  spec.kind = kind;
  net.set_output(0, mapped(net, spec));
}

void import_function(Import& net, Function function) {
  LayerSpec spec;
  spec.kind = LayerKind::elementwise;
  spec.function = function;
  net.set_output(0, mapped(net, spec));
}

}  // namespace

void import_relu(Import& net) { import_kind(net, LayerKind::relu); }
void import_sigmoid(Import& net) { import_kind(net, LayerKind::sigmoid); }
void import_tanh(Import& net) { import_kind(net, LayerKind::tanh); }
void import_hard_swish(Import& net) { import_function(net, Function::hard_swish); }
void import_erf(Import& net) { import_function(net, Function::erf); }
void import_sqrt(Import& net) { import_function(net, Function::sqrt); }

void import_gelu(Import& net) {
  const std::string form = net.node().text("approximate", "none");
  if (form != "none" && form != "tanh") net.refuse("approximate = \"{}\" is not known", form);
  import_function(net, form == "tanh" ? Function::gelu_tanh : Function::gelu);
}

void import_leaky_relu(Import& net) {
  LayerSpec spec;
  spec.kind = LayerKind::leaky_relu;
  spec.slope = net.node().number("alpha", 0.01);
  if (!(spec.slope >= 0 && spec.slope <= 1)) net.refuse("alpha = {} must be 0 .. 1", spec.slope);
  net.set_output(0, mapped(net, spec));
}

void import_clip(Import& net) {
  constexpr double kMost = static_cast<double>(std::numeric_limits<float>::max());
  LayerSpec spec;
  spec.kind = LayerKind::elementwise;
  spec.function = Function::clip;
  spec.low = std::clamp(net.single_number(1, "min").value_or(-kMost), -kMost, kMost);
  spec.high = std::clamp(net.single_number(2, "max").value_or(kMost), -kMost, kMost);
  if (!(spec.low <= spec.high)) net.refuse("its bounds {} and {} are the wrong way round", spec.low, spec.high);
  if (spec.low == 0 && spec.high >= kMost) return import_relu(net);
  net.set_output(0, mapped(net, spec));
}

void import_hard_sigmoid(Import& net) {
  LayerSpec spec;
  spec.kind = LayerKind::elementwise;
  spec.function = Function::hard_sigmoid;
  spec.alpha = net.node().number("alpha", static_cast<double>(0.2f));
  spec.beta = net.node().number("beta", 0.5);
  net.set_output(0, mapped(net, spec));
}

// ------------------------------------------------------------------------------------------------------ arithmetic

namespace {

// Two shapes as one, in memory in the order of the larger.
struct Pairing {
  std::vector<std::size_t> order;
  Dims extents;
};

Dims common_extents(Import& net, const Dims& a, const Dims& b) {
  Dims all(a.size());
  for (std::size_t k = 0; k < a.size(); ++k) {
    if (a[k] != b[k] && a[k] != 1 && b[k] != 1) {
      net.refuse("{} and {} do not go together", to_string(a), to_string(b));
    }
    all[k] = a[k] == 1 ? b[k] : a[k];
  }
  checked_count(net.node().description(), all);
  return all;
}

std::vector<double> in_order_of(const Dims& extents, const std::vector<std::size_t>& order) {
  std::vector<double> result;
  for (const std::size_t k : order) result.push_back(static_cast<double>(extents[k]));
  return result;
}

std::int64_t product_of(const Dims& extents) {
  std::int64_t count = 1;
  for (const std::int64_t e : extents) count *= e;
  return count;
}

Activation arithmetic(Import& net, LayerSpec spec, const std::vector<Activation>& inputs, const Dims& extents,
                      const std::vector<std::size_t>& order) {
  const std::int64_t size = product_of(extents);
  const Shape flat{1, 1, 1, static_cast<int>(size)};
  const Shape shape = inputs[0].size() == size       ? inputs[0].shape
                      : inputs.back().size() == size ? inputs.back().shape
                                                     : flat;
  spec.steps = shape.steps;
  spec.height = shape.height;
  spec.width = shape.width;
  spec.units = shape.channels;
  Activation y = net.add(spec, inputs, shape);
  y.axes = ordered_axes(extents, order);
  for (const Activation& input : inputs) y.batch_axis = std::max(y.batch_axis, input.batch_axis);
  return y;
}

// Where a sum of a layer without bias and a number per output is that layer with one.
bool became_bias(Import& net, const Activation& a, const Tensor& numbers) {
  LayerSpec* layer = net.layers().find(a.layer);
  if (layer == nullptr || layer->bias || !a.exclusive) return false;
  const bool is_dense = layer->kind == LayerKind::dense;
  if (!is_dense && layer->kind != LayerKind::convolution && layer->kind != LayerKind::transposed_convolution)
    return false;
  // The one dimension along which the numbers differ must be the outputs of the layer.
  std::size_t axis = a.rank();
  for (std::size_t k = 0; k < a.rank(); ++k) {
    if (numbers.dims[k] == 1) continue;
    if (axis != a.rank()) return false;
    axis = k;
  }
  const auto outputs = static_cast<std::size_t>(layer->units);
  std::vector<float> bias = numbers.reals();
  if (axis == a.rank()) {
    bias.assign(outputs, bias[0]);
  } else if (a.axes[axis] != Axis{{layer->units, 1}} || numbers.count() != outputs) {
    return false;
  }
  layer->bias = true;
  auto& all = net.layers().numbers();
  if (is_dense) {
    all[a.layer].insert(all[a.layer].end(), bias.begin(), bias.end());
  } else {
    all[a.layer + ".bias"] = std::move(bias);
  }
  return true;
}

bool is_larger(const Activation& a, const Activation& b) { return a.size() > b.size(); }

}  // namespace

Activation combined(Import& net, Operation operation, const Activation& first, const Activation& second) {
  const std::size_t rank = std::max(first.rank(), second.rank());
  Activation a = aligned(first, rank), b = aligned(second, rank);
  if (a.batch_axis >= 0 && b.batch_axis >= 0 && a.batch_axis != b.batch_axis) {
    net.refuse("the samples of a batch are in different dimensions of its inputs");
  }
  const Dims extents = common_extents(net, a.extents(), b.extents());
  std::vector<std::size_t> order = memory_order(is_larger(b, a) ? b : a);
  if (order.empty()) order = counting(rank);
  a = net.layers().arranged(a, order, a.shape);
  b = net.layers().arranged(b, order, b.shape);
  LayerSpec spec;
  if (operation == Operation::add && a.extents() == b.extents() && a.layer != b.layer) {
    spec.kind = LayerKind::add;
    b = net.layers().with_shape(b, a.shape);
  } else {
    spec.kind = LayerKind::arithmetic;
    spec.operation = operation;
    spec.dims = in_order_of(a.extents(), order);
    spec.other_dims = in_order_of(b.extents(), order);
  }
  return arithmetic(net, spec, {a, b}, extents, order);
}

Activation combined(Import& net, Operation operation, const Activation& given, const Tensor& numbers, bool reversed) {
  const std::size_t rank = std::max(given.rank(), numbers.dims.size());
  Activation a = aligned(given, rank);
  Tensor b = net.of_one_sample(numbers, a.batch_axis, rank);
  b.dims.insert(b.dims.begin(), rank - b.dims.size(), 1);
  if (b.count() == 0) net.refuse("one of its inputs, {}, has no numbers", to_string(b.dims));
  const Dims extents = common_extents(net, a.extents(), b.dims);
  if (operation == Operation::add && extents == a.extents() && became_bias(net, a, b)) return a;
  std::vector<std::size_t> order = memory_order(a);
  if (order.empty()) order = counting(rank);
  a = net.layers().arranged(a, order, a.shape);
  b = transposed(b, order);
  LayerSpec spec;
  spec.kind = LayerKind::arithmetic;
  spec.operation = operation;
  spec.reversed = reversed;
  spec.dims = in_order_of(a.extents(), order);
  for (const std::int64_t d : b.dims) spec.other_dims.push_back(static_cast<double>(d));
  Activation y = arithmetic(net, spec, {a}, extents, order);
  net.layers().numbers()[y.layer + ".constants"] = b.reals();
  return y;
}

namespace {

void import_operation(Import& net, Operation operation) {
  if (net.is_constant(0)) {
    return net.set_output(0, combined(net, operation, net.activation(1), net.constant(0, "first operand"), true));
  }
  if (net.is_constant(1)) {
    return net.set_output(0, combined(net, operation, net.activation(0), net.constant(1, "second operand"), false));
  }
  net.set_output(0, combined(net, operation, net.activation(0), net.activation(1)));
}

}  // namespace

void import_add(Import& net) { import_operation(net, Operation::add); }
void import_subtract(Import& net) { import_operation(net, Operation::subtract); }
void import_multiply(Import& net) { import_operation(net, Operation::multiply); }
void import_divide(Import& net) { import_operation(net, Operation::divide); }
void import_power(Import& net) { import_operation(net, Operation::power); }

}  // namespace ohmic::onnx
