// Products with weights and of activations, and recurrent layers.

#include <algorithm>
#include <cmath>

#include "ohmic/onnx/operators.h"

namespace ohmic::onnx {

Activation swapped(Activation a, std::size_t i, std::size_t k) {
  std::swap(a.axes[i], a.axes[k]);
  const auto place = [](std::size_t n) { return static_cast<int>(n); };
  if (a.batch_axis == place(i)) {
    a.batch_axis = place(k);
  } else if (a.batch_axis == place(k)) {
    a.batch_axis = place(i);
  }
  return a;
}

Activation aligned(const Activation& a, std::size_t rank) {
  Activation result = a;
  if (rank <= a.rank()) return result;
  const std::size_t missing = rank - a.rank();
  result.axes.insert(result.axes.begin(), missing, Axis{});
  if (result.batch_axis >= 0) result.batch_axis += static_cast<int>(missing);
  return result;
}

namespace {

// Rows of a matrix in the order in which the sample holds the numbers that they stand for.
Tensor in_memory_order(const Tensor& matrix, const Axis& axis) {
  const std::vector<std::size_t> offsets = offsets_along(axis);
  Tensor result = matrix;
  const auto columns = static_cast<std::size_t>(matrix.dims[1]);
  for (std::size_t row = 0; row < offsets.size(); ++row) {
    for (std::size_t c = 0; c < columns; ++c) result.real[offsets[row] * columns + c] = matrix.real[row * columns + c];
  }
  return result;
}

}  // namespace

Activation dense(Import& net, const Activation& given, std::size_t axis, const Tensor& weights,
                 const std::vector<float>& bias) {
  net.keep_samples_apart(given, {axis});
  const std::int64_t inputs = given.extent(axis), outputs = weights.dims[1];
  if (weights.dims[0] != inputs || weights.count() == 0) {
    net.refuse("weights of {} do not fit vectors of {} numbers", to_string(weights.dims), inputs);
  }
  Tensor matrix{weights.dims, false, {}, weights.reals()};
  const std::int64_t vectors = given.size() / inputs;
  Activation x = given;
  if (vectors == 1) {  // the order of one long vector may be anything; its weights follow
    matrix = in_memory_order(matrix, x.axes[axis]);
    if (x.shape.steps != 1) x = net.layers().with_shape(x, vectors_shape(1, inputs));
  } else {
    x = net.layers().with_innermost(x, {axis});
    x = net.layers().with_shape(x, vectors_shape(vectors, inputs));
  }
  LayerSpec spec;
  spec.kind = LayerKind::dense;
  spec.units = outputs;
  spec.bias = !bias.empty();
  Activation y = net.add(spec, {x}, vectors_shape(vectors, outputs));
  std::vector<float>& numbers = net.layers().numbers()[y.layer];
  numbers = std::move(matrix.real);
  numbers.insert(numbers.end(), bias.begin(), bias.end());
  y.axes = x.axes;
  y.batch_axis = x.batch_axis;
  for (Axis& other : y.axes) {
    for (Factor& f : other) f.step = f.step / inputs * outputs;
  }
  y.axes[axis].clear();
  if (outputs > 1) y.axes[axis] = {{outputs, 1}};
  return y;
}

namespace {

// [.., m, k] x [.., k, n], both activations.
Activation product(Import& net, Activation a, Activation b) {
  if (a.rank() < 2 || b.rank() < 2) net.refuse("a product of two activations needs at least 2 dimensions each");
  const std::size_t rank = std::max(a.rank(), b.rank());
  a = aligned(a, rank);
  b = aligned(b, rank);
  const std::size_t row = rank - 2, column = rank - 1;
  for (const Activation* x : {&a, &b}) net.keep_samples_apart(*x, {row, column});
  if (a.extent(column) != b.extent(row)) {
    net.refuse("{} and {} cannot be multiplied", to_string(net.visible_dims(a)), to_string(net.visible_dims(b)));
  }
  if (a.batch_axis >= 0 && b.batch_axis >= 0 && a.batch_axis != b.batch_axis) {
    net.refuse("the samples of a batch are in different dimensions of its inputs");
  }
  std::vector<std::size_t> order = counting(rank), turned = order;
  std::swap(turned[row], turned[column]);
  LayerSpec spec;
  spec.kind = LayerKind::matmul;
  // Whichever of the two orders is there already.
  const auto operand = [&](Activation& x, bool& transposed, std::vector<double>& dims) {
    const Activation turned_view = swapped(x, row, column);
    const auto all = [&](const Activation& v) {
      Axis factors;
      for (const Axis& axis : v.axes) factors.insert(factors.end(), axis.begin(), axis.end());
      factors = joined(factors);
      return factors.empty() || (factors.size() == 1 && factors[0].step == 1);
    };
    transposed = !all(x) && all(turned_view);
    if (!transposed) x = net.layers().in_order(x);
    for (const std::int64_t extent : x.extents()) dims.push_back(static_cast<double>(extent));
  };
  operand(a, spec.transposed, spec.dims);
  operand(b, spec.other_transposed, spec.other_dims);
  Dims extents(rank);
  std::int64_t matrices = 1;
  for (std::size_t k = 0; k < row; ++k) {
    const std::int64_t x = a.extent(k), y = b.extent(k);
    if (x != y && x != 1 && y != 1) {
      net.refuse("{} and {} cannot be multiplied", to_string(net.visible_dims(a)), to_string(net.visible_dims(b)));
    }
    extents[k] = std::max(x, y);
    matrices *= extents[k];
  }
  extents[row] = a.extent(row);
  extents[column] = b.extent(column);
  checked_count(net.node().description(), extents);
  const Shape shape = vectors_shape(matrices * extents[row], extents[column]);
  spec.steps = shape.steps;
  spec.units = shape.channels;
  Activation y = net.add(spec, {a, b}, shape);
  y.axes = ordered_axes(extents);
  y.batch_axis = std::max(a.batch_axis, b.batch_axis);
  return y;
}

Tensor scaled(Tensor tensor, double factor) {
  if (tensor.is_whole) tensor = {tensor.dims, false, {}, tensor.reals()};
  if (factor == 1) return tensor;
  for (float& v : tensor.real) v = static_cast<float>(static_cast<double>(v) * factor);
  return tensor;
}

// Numbers for each output, where the tensor says no more than that; else empty.
std::vector<float> bias_of(const Tensor& tensor, std::int64_t outputs) {
  const auto count = static_cast<std::int64_t>(tensor.count());
  const bool is_row = count == outputs && (tensor.dims.empty() || tensor.dims.back() == outputs);
  if (!is_row && count != 1) return {};
  std::vector<float> bias = tensor.reals();
  if (count == 1) bias.assign(static_cast<std::size_t>(outputs), bias[0]);
  return bias;
}

}  // namespace

void import_gemm(Import& net) {
  const Node& node = net.node();
  const bool turn_a = node.whole("transA", 0) != 0, turn_b = node.whole("transB", 0) != 0;
  const double alpha = node.number("alpha", 1), beta = node.number("beta", 1);
  if (net.is_constant(0)) net.refuse("a constant first factor is not supported");
  Activation a = net.activation(0);
  if (a.rank() != 2) net.refuse("its first input has {} dimensions, not 2", a.rank());
  if (turn_a) a = swapped(a, 0, 1);
  Activation y;
  if (net.is_constant(1)) {
    Tensor weights = scaled(net.constant(1, "weights"), alpha);
    if (weights.rank() != 2) net.refuse("its weights {} are no matrix", to_string(weights.dims));
    if (turn_b) weights = transposed(weights, {1, 0});
    std::vector<float> bias;
    if (net.has_input(2) && net.is_constant(2)) bias = bias_of(scaled(net.constant(2, "bias"), beta), weights.dims[1]);
    y = dense(net, a, 1, weights, bias);
    if (!bias.empty()) return net.set_output(0, y);
  } else {
    Activation b = net.activation(1);
    if (b.rank() != 2) net.refuse("its second input has {} dimensions, not 2", b.rank());
    y = product(net, a, turn_b ? swapped(b, 0, 1) : b);
    if (alpha != 1)
      y = combined(net, Operation::multiply, y, Tensor{{}, false, {}, {static_cast<float>(alpha)}}, false);
  }
  if (net.has_input(2)) {
    if (net.is_constant(2)) {
      y = combined(net, Operation::add, y, scaled(net.constant(2, "bias"), beta), false);
    } else {
      Activation c = net.activation(2);
      if (beta != 1)
        c = combined(net, Operation::multiply, c, Tensor{{}, false, {}, {static_cast<float>(beta)}}, false);
      y = combined(net, Operation::add, y, c);
    }
  }
  net.set_output(0, y);
}

void import_matmul(Import& net) {
  if (net.is_constant(1)) {
    const Activation& x = net.activation(0);
    Tensor weights = net.constant(1, "weights");
    if (x.rank() < 1) net.refuse("its input is a single number");
    if (weights.rank() == 2) return net.set_output(0, dense(net, x, x.rank() - 1, weights, {}));
    if (weights.rank() == 1) {
      weights.dims.push_back(1);
      Activation y = dense(net, x, x.rank() - 1, weights, {});
      y.axes.pop_back();
      return net.set_output(0, y);
    }
    return net.set_output(0, product(net, x, net.constant_layer(weights, Activation::kNoAxis)));
  }
  if (net.is_constant(0)) {  // W x = (x^T W^T)^T
    const Activation& x = net.activation(1);
    const Tensor& weights = net.constant(0, "weights");
    if (weights.rank() == 2 && x.rank() >= 2) {
      const std::size_t row = x.rank() - 2, column = x.rank() - 1;
      const Activation y = dense(net, swapped(x, row, column), column, transposed(weights, {1, 0}), {});
      return net.set_output(0, swapped(y, row, column));
    }
    return net.set_output(0, product(net, net.constant_layer(weights, Activation::kNoAxis), x));
  }
  net.set_output(0, product(net, net.activation(0), net.activation(1)));
}

// ------------------------------------------------------------------------------------------------------------ LSTM

namespace {

bool is_all_zero(const Tensor& tensor) {
  for (std::size_t i = 0; i < tensor.count(); ++i) {
    if (tensor.at(i) != 0) return false;
  }
  return true;
}

void check_lstm(Import& net, const Activation& x, const std::string& direction) {
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    net.refuse("direction = \"{}\" is not known", direction);
  }
  if (net.node().find("clip") != nullptr) net.refuse("clip is not supported");
  if (net.node().whole("input_forget", 0) != 0) net.refuse("input_forget is not supported");
  if (const Attribute* functions = net.node().find("activations")) {
    constexpr const char* kUsual[] = {"Sigmoid", "Tanh", "Tanh"};
    for (std::size_t i = 0; i < functions->texts.size(); ++i) {
      if (functions->texts[i] != kUsual[i % 3]) {
        net.refuse("activation \"{}\" is not supported; Sigmoid, Tanh, Tanh are", functions->texts[i]);
      }
    }
  }
  if (net.has_input(4)) {
    const Tensor& lengths = net.constant(4, "sequence lengths");
    for (std::size_t i = 0; i < lengths.count(); ++i) {
      if (lengths.at(i) != static_cast<double>(x.extent(0)))
        net.refuse("sequences of different lengths are not supported");
    }
  }
  constexpr const char* kStates[] = {"initial hidden state", "initial cell state", "peephole weights"};
  for (std::size_t i = 0; i < 3; ++i) {
    if (net.has_input(5 + i) && !is_all_zero(net.constant(5 + i, kStates[i]))) {
      net.refuse("an {} that is not zero is not supported", kStates[i]);
    }
  }
  if (net.is_used(2)) net.refuse("the last cell state (its third output) is not supported");
}

// The matrix of one direction: rows [x h 1], columns [i f g o] of ohmic from [i o f c] of ONNX.
std::vector<float> lstm_matrix(Import& net, std::int64_t direction, std::int64_t inputs, std::int64_t units) {
  const Tensor &w = net.constant(1, "weights"), &r = net.constant(2, "recurrent weights");
  const Tensor* bias = net.has_input(3) ? &net.constant(3, "bias") : nullptr;
  constexpr std::int64_t kGates[] = {0, 2, 3, 1};  // of ONNX, in the order of ohmic
  const std::int64_t rows = inputs + units + 1;
  std::vector<float> matrix(static_cast<std::size_t>(rows * 4 * units), 0.0f);
  const auto at = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  for (std::int64_t gate = 0; gate < 4; ++gate) {
    for (std::int64_t u = 0; u < units; ++u) {
      const std::int64_t from = direction * 4 * units + kGates[gate] * units + u, column = gate * units + u;
      for (std::int64_t i = 0; i < inputs; ++i) {
        matrix[at(i * 4 * units + column)] = static_cast<float>(w.at(at(from * inputs + i)));
      }
      for (std::int64_t i = 0; i < units; ++i) {
        matrix[at((inputs + i) * 4 * units + column)] = static_cast<float>(r.at(at(from * units + i)));
      }
      if (bias == nullptr) continue;
      const std::int64_t first = direction * 8 * units + kGates[gate] * units + u;
      matrix[at((rows - 1) * 4 * units + column)] =
          static_cast<float>(bias->at(at(first)) + bias->at(at(first + 4 * units)));
    }
  }
  return matrix;
}

// [steps, batch, inputs] through one direction: [steps, batch, units], in the order of the input's steps.
Activation one_direction(Import& net, Activation x, std::int64_t direction, bool is_reverse, std::int64_t units) {
  const std::int64_t steps = x.extent(0), inputs = x.extent(2);
  const std::vector<double> backwards = stretch(steps - 1, -1, steps);
  if (is_reverse) x = picked(net, x, 0, backwards, 0);
  x = net.layers().arranged(x, {0, 1, 2}, vectors_shape(steps, inputs));
  LayerSpec spec;
  spec.kind = LayerKind::lstm;
  spec.units = units;
  Activation y = net.add(spec, {x}, vectors_shape(steps, units));
  net.layers().numbers()[y.layer] = lstm_matrix(net, direction, inputs, units);
  y.axes = ordered_axes({steps, 1, units});
  y.batch_axis = 1;
  return is_reverse ? picked(net, y, 0, backwards, 0) : y;
}

}  // namespace

void import_lstm(Import& net) {
  Activation x = net.activation(0);
  if (x.rank() != 3) net.refuse("its input has {} dimensions, not 3", x.rank());
  const bool batch_first = net.node().whole("layout", 0) != 0;
  if (batch_first) x = swapped(x, 0, 1);
  if (x.batch_axis == Activation::kNoAxis && x.extent(1) == 1) x.batch_axis = 1;
  if (x.batch_axis != 1 || x.extent(1) != 1) {
    net.refuse("its input {} must hold the samples of a batch in dimension {}", to_string(net.visible_dims(x)),
               batch_first ? 0 : 1);
  }
  const std::string direction = net.node().text("direction", "forward");
  check_lstm(net, x, direction);
  const Tensor &w = net.constant(1, "weights"), &r = net.constant(2, "recurrent weights");
  const std::int64_t directions = direction == "bidirectional" ? 2 : 1, inputs = x.extent(2);
  const std::int64_t units = r.rank() == 3 ? r.dims[2] : 0;
  const bool fits = units > 0 && units < 1 << 20 && w.dims == Dims{directions, 4 * units, inputs} &&
                    r.dims == Dims{directions, 4 * units, units} &&
                    (!net.has_input(3) || net.constant(3, "bias").dims == Dims{directions, 8 * units});
  if (!fits)
    net.refuse("its weights {} and {} do not fit an input of {} numbers", to_string(w.dims), to_string(r.dims), inputs);
  std::vector<Activation> parts;
  for (std::int64_t d = 0; d < directions; ++d) {
    parts.push_back(one_direction(net, x, d, d == 1 || direction == "reverse", units));
  }
  Activation y = parts[0];  // [steps, batch, directions x units]
  if (directions == 2) {
    LayerSpec spec;
    spec.kind = LayerKind::concat;
    const std::int64_t steps = x.extent(0);
    for (Activation& part : parts) part = net.layers().arranged(part, {0, 1, 2}, vectors_shape(steps, units));
    y = net.add(spec, parts, vectors_shape(steps, 2 * units));
    y.axes = ordered_axes({steps, 1, 2 * units});
    y.batch_axis = 1;
  }
  Activation all = y;  // [steps, directions, batch, units]
  if (!regroup(y.axes, {x.extent(0), 1, directions, units}, all.axes)) net.refuse("its output cannot be split");
  all = swapped(all, 1, 2);
  all.batch_axis = 2;
  if (net.is_used(0)) {
    Activation out = all;
    if (batch_first) {  // [batch, steps, directions, units]
      out.axes = {all.axes[2], all.axes[0], all.axes[1], all.axes[3]};
      out.batch_axis = 0;
    }
    net.set_output(0, out);
  }
  if (!net.is_used(1)) return;
  // The last step of each direction: of the second that of the first step of the input.
  std::vector<Activation> last;
  const std::int64_t steps = x.extent(0);
  for (std::int64_t d = 0; d < directions; ++d) {
    const bool is_reverse = d == 1 || direction == "reverse";
    last.push_back(picked(net, parts[static_cast<std::size_t>(d)], 0, stretch(is_reverse ? 0 : steps - 1, 1, 1), 0));
  }
  Activation hidden = last[0];
  if (directions == 2) {
    for (Activation& part : last) part = net.layers().arranged(part, {0, 1, 2}, {1, 1, 1, static_cast<int>(units)});
    LayerSpec spec;
    spec.kind = LayerKind::concat;
    hidden = net.add(spec, last, {1, 1, 1, static_cast<int>(2 * units)});
  }
  hidden.axes = ordered_axes({directions, 1, units});
  hidden.batch_axis = 1;
  net.set_output(1, batch_first ? swapped(hidden, 0, 1) : hidden);
}

}  // namespace ohmic::onnx
