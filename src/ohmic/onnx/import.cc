#include "ohmic/onnx/import.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ohmic/core/config.h"
#include "ohmic/network/normalisation.h"

namespace ohmic::onnx {
namespace {

// The size of an open batch while dimensions are computed. As a prime above all likely dimensions it shows where the
// batch went: into the one dimension that it divides.
constexpr std::int64_t kOpenBatch = 7919;
constexpr std::int64_t kMostFolded = std::int64_t{1} << 26;  // elements computed while reading, all together
constexpr std::int64_t kMostActivations = std::int64_t{1} << 26;
constexpr std::size_t kLongestName = 40;

bool is_channel_count(std::int64_t n) { return n == 1 || n == 3 || n == 4; }

// A name that reads well in tables: what exporters put before it is left out.
std::string readable(const std::string& name) {
  std::string text;
  for (const char c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
    text += plain ? c : '.';
  }
  const std::size_t first = text.find_first_not_of('.');
  return first == std::string::npos ? "" : text.substr(first);
}

}  // namespace

Import::Import(const Model& model, const ImportOptions& options) : model_(model), options_(options) {
  for (const Node& node : model.nodes) {
    for (const std::string& input : node.inputs) ++uses_[input];
  }
  for (const PortInfo& output : model.outputs) ++uses_[output.name];
}

const Value& Import::input(std::size_t i) const {
  if (!has_input(i)) refuse("its input {} is missing; the file is damaged", i + 1);
  const auto found = values_.find(node_->inputs[i]);
  if (found == values_.end()) {
    refuse("its input \"{}\" is made by no node before it; the file is damaged", node_->inputs[i]);
  }
  return found->second;
}

const Tensor& Import::constant(std::size_t i, const char* what) const {
  const Value& value = input(i);
  if (value.constant == nullptr) {
    refuse("its {} \"{}\" depends on the sample; only a fixed one is understood", what, node_->inputs[i]);
  }
  return *value.constant;
}

const Activation& Import::activation(std::size_t i) const {
  const Value& value = input(i);
  if (!value.activation) refuse("its input \"{}\" does not depend on the sample", node_->inputs[i]);
  return *value.activation;
}

std::optional<std::vector<std::int64_t>> Import::whole_list(std::size_t i, const char* attribute) const {
  if (has_input(i)) {
    const Tensor& tensor = constant(i, attribute);
    if (!tensor.is_whole) refuse("its {} are not whole numbers; the file is damaged", attribute);
    return tensor.whole;
  }
  if (const Attribute* a = node_->find(attribute)) return a->wholes;
  return std::nullopt;
}

std::optional<double> Import::single_number(std::size_t i, const char* attribute) const {
  if (has_input(i)) {
    const Tensor& tensor = constant(i, attribute);
    if (tensor.count() != 1) refuse("its {} has {} numbers where it should have one", attribute, tensor.count());
    return tensor.at(0);
  }
  if (const Attribute* a = node_->find(attribute)) return a->number;
  return std::nullopt;
}

std::size_t Import::axis_of(std::int64_t axis, std::size_t rank) const {
  const auto count = static_cast<std::int64_t>(rank);
  if (axis < -count || axis >= count) refuse("axis {} is not one of a tensor of {} dimensions", axis, rank);
  return static_cast<std::size_t>(axis < 0 ? axis + count : axis);
}

int Import::bounded(const char* what, std::int64_t value, std::int64_t least, std::int64_t most) const {
  if (value < least || value > most) refuse("{} = {} must be {} .. {}", what, value, least, most);
  return static_cast<int>(value);
}

Dims Import::visible_dims(const Activation& a) const {
  Dims dims = a.extents();
  if (a.batch_axis >= 0) dims[static_cast<std::size_t>(a.batch_axis)] *= batch_;
  return dims;
}

Activation Import::batch_first(const Activation& a) const {
  Activation result = a;
  const bool is_hidden = a.batch_axis == Activation::kNoAxis && a.rank() > 0 && a.extent(0) == 1;
  if (is_hidden) result.batch_axis = 0;
  if (result.batch_axis != 0 || a.rank() == 0 || a.extent(0) != 1) {
    refuse("its input of {} does not have the samples of a batch, and nothing else, in its first dimension",
           to_string(visible_dims(a)));
  }
  return result;
}

void Import::keep_samples_apart(const Activation& a, const std::vector<std::size_t>& axes) const {
  for (const std::size_t k : axes) {
    if (static_cast<int>(k) == a.batch_axis) {
      refuse("dimension {} of its input {} holds the samples of a batch, which must not be mixed", k,
             to_string(visible_dims(a)));
    }
  }
}

Tensor Import::of_one_sample(const Tensor& tensor, int batch_axis, std::size_t rank) const {
  const auto missing = static_cast<int>(rank) - static_cast<int>(tensor.dims.size());
  const int axis = batch_axis - missing;
  if (batch_axis < 0 || axis < 0 || batch_ == 1) return tensor;
  const auto at = static_cast<std::size_t>(axis);
  if (tensor.dims[at] % batch_ != 0) return tensor;
  Dims extents = tensor.dims;
  extents[at] /= batch_;
  return strided(tensor, extents, steps_of(tensor.dims));
}

Activation Import::constant_layer(const Tensor& tensor, int batch_axis) {
  const Tensor sample = of_one_sample(tensor, batch_axis, tensor.dims.size());
  if (sample.count() == 0) refuse("a tensor of {} has no numbers", to_string(sample.dims));
  LayerSpec spec;
  spec.kind = LayerKind::constant;
  spec.units = static_cast<std::int64_t>(sample.count());
  Activation source;
  source.layer = "input";
  Activation a = layers_.add(spec, layer_name(LayerKind::constant) + ".constant", {source},
                             {1, 1, 1, static_cast<int>(sample.count())});
  a.axes = ordered_axes(sample.dims);
  a.batch_axis = batch_axis;
  layers_.numbers()[a.layer + ".values"] = sample.reals();
  return a;
}

std::string Import::layer_name(LayerKind kind) const {
  std::string name = readable(node_->name);
  if (name.empty() && !node_->outputs.empty()) name = readable(node_->outputs.front());
  if (name.empty() || name.size() > kLongestName) return std::string(kLayerKinds[static_cast<std::size_t>(kind)]);
  return name;
}

Activation Import::add(LayerSpec spec, const std::vector<Activation>& inputs, const Shape& shape) {
  const LayerKind kind = spec.kind;
  const double size = static_cast<double>(shape.steps) * shape.height * shape.width * shape.channels;
  if (shape.steps < 1 || shape.height < 1 || shape.width < 1 || shape.channels < 1 ||
      size > static_cast<double>(kMostActivations)) {
    refuse("it makes {} x {} x {} x {} numbers per sample; 1 to {} are possible", shape.steps, shape.height,
           shape.width, shape.channels, kMostActivations);
  }
  return layers_.add(std::move(spec), layer_name(kind), inputs, shape);
}

bool Import::is_used(std::size_t output) const {
  if (output >= node_->outputs.size() || node_->outputs[output].empty()) return false;
  const auto found = uses_.find(node_->outputs[output]);
  return found != uses_.end() && found->second > 0;
}

void Import::set_output(std::size_t i, Activation activation) {
  if (i >= node_->outputs.size()) return;
  const std::string& name = node_->outputs[i];
  const auto uses = uses_.find(name);
  activation.exclusive = activation.exclusive && uses != uses_.end() && uses->second == 1;
  values_[name] = {nullptr, std::move(activation)};
}

void Import::set_output(std::size_t i, Tensor constant) {
  if (i >= node_->outputs.size()) return;
  folded_ += static_cast<std::int64_t>(constant.count());
  if (folded_ > kMostFolded) refuse("the tensors computed while reading have more than {} elements", kMostFolded);
  values_[node_->outputs[i]] = {std::make_shared<const Tensor>(std::move(constant)), std::nullopt};
}

void Import::set_statistics(const std::string& layer, std::vector<float> mean, std::vector<float> variance) {
  result_.statistics[layer] = {std::move(mean), std::move(variance)};
}

// ----------------------------------------------------------------------------------------------------------- input

// Recurrent layers take [steps, batch, features] where nothing else is said.
int Import::input_batch_axis(const PortInfo& port) const {
  for (const Node& node : model_.nodes) {
    const bool takes_it = !node.inputs.empty() && node.inputs[0] == port.name;
    if (takes_it && node.operation == "LSTM" && node.whole("layout", 0) == 0) return 1;
  }
  return 0;
}

Dims Import::resolved_input_dims(const PortInfo& port) const {
  if (!port.has_shape || port.dims.empty()) {
    fail("the input \"{}\" has no shape; export the model with one", port.name);
  }
  Dims dims = port.dims;
  const int batch = input_batch_axis(port);
  if (!options_.input_dims.empty() && options_.input_dims.size() != dims.size()) {
    fail("--input-shape gives {} dimensions, but the input \"{}\" has {}", options_.input_dims.size(), port.name,
         dims.size());
  }
  for (std::size_t k = 0; k < dims.size(); ++k) {
    if (dims[k] != PortInfo::kUnknown || static_cast<int>(k) == batch) continue;
    const Shape& sample = options_.sample.value_or(Shape{});
    if (!options_.input_dims.empty()) {
      dims[k] = options_.input_dims[k];
    } else if (options_.sample && dims.size() == 4) {  // an image: channels where they were found to be
      const bool last = options_.layout == ImageLayout::channels_last ||
                        (options_.layout == ImageLayout::automatic && dims[3] == sample.channels && dims[1] != dims[3]);
      const Dims image = last ? Dims{1, sample.height, sample.width, sample.channels}
                              : Dims{1, sample.channels, sample.height, sample.width};
      dims[k] = image[k];
    } else {
      fail(
          "dimension {} of the input \"{}\" is open; say what it is with --input-shape, e.g. --input-shape 1,3,224,224",
          k, port.name);
    }
  }
  return dims;
}

namespace {

ImageLayout layout_of(const ImportOptions& options, const Dims& dims) {
  if (options.layout != ImageLayout::automatic) return options.layout;
  if (dims.size() != 4) return ImageLayout::as_given;
  if (is_channel_count(dims[1])) return ImageLayout::channels_first;
  return is_channel_count(dims[3]) ? ImageLayout::channels_last : ImageLayout::channels_first;
}

// The shape and axes of a sample of these dimensions, the batch's being 1.
void lay_out_sample(const ImportOptions& options, const Dims& dims, int batch_axis, Activation& a) {
  const auto extent = [&](std::size_t k) { return static_cast<int>(dims[k]); };
  std::int64_t size = 1;
  for (const std::int64_t d : dims) size *= d;
  switch (layout_of(options, dims)) {
    case ImageLayout::channels_first:
      if (dims.size() != 4) fail("--layout nchw needs an input of 4 dimensions, not {}", to_string(dims));
      a.shape = {1, extent(2), extent(3), extent(1)};
      a.axes = ordered_axes(dims, {0, 2, 3, 1});
      return;
    case ImageLayout::channels_last:
      if (dims.size() != 4) fail("--layout nhwc needs an input of 4 dimensions, not {}", to_string(dims));
      a.shape = {1, extent(1), extent(2), extent(3)};
      a.axes = ordered_axes(dims);
      return;
    default:
      break;
  }
  a.axes = ordered_axes(dims);
  const bool is_flat_image = options.sample && dims.size() == 2 && batch_axis == 0 &&
                             static_cast<std::int64_t>(options.sample->size()) == dims[1];
  if (is_flat_image) {  // rows of a channel, then the next channel, as flattening gives them
    const Shape& s = *options.sample;
    a.shape = s;
    const auto pixels = ordered_axes({s.channels, s.height, s.width}, {1, 2, 0});
    a.axes[1].clear();
    for (const Axis& axis : pixels) a.axes[1].insert(a.axes[1].end(), axis.begin(), axis.end());
    a.axes[1] = joined(a.axes[1]);
  } else {
    const std::int64_t channels = dims.size() == 3 ? dims[2] : dims.size() == 2 && batch_axis == 1 ? 1 : size;
    a.shape = vectors_shape(size / channels, channels);
  }
}

std::vector<std::size_t> places_of(const Activation& a) {
  Axis all;
  for (const Axis& axis : a.axes) all.insert(all.end(), axis.begin(), axis.end());
  all = joined(all);
  const bool is_in_order = all.empty() || (all.size() == 1 && all[0].step == 1);
  return is_in_order ? std::vector<std::size_t>() : offsets_along(all);
}

}  // namespace

void Import::make_input() {
  const std::set<std::string> needed = needed_values();
  const PortInfo* port = nullptr;
  for (const PortInfo& input : model_.inputs) {
    if (needed.count(input.name) == 0) continue;
    if (port != nullptr) {
      fail("the network takes the two inputs \"{}\" and \"{}\"; one is understood", port->name, input.name);
    }
    port = &input;
  }
  if (port == nullptr) fail("the network's output depends on no input; there is nothing to compute");
  Dims dims = resolved_input_dims(*port);
  Activation a;
  a.layer = "input";
  a.batch_axis = input_batch_axis(*port);
  if (static_cast<std::size_t>(a.batch_axis) >= dims.size()) {
    fail("the input \"{}\" has no dimension for the batch", port->name);
  }
  std::int64_t& batch = dims[static_cast<std::size_t>(a.batch_axis)];
  batch_ = batch == PortInfo::kUnknown ? kOpenBatch : batch;
  batch = 1;
  const std::int64_t size = checked_count(fmt::format("the input \"{}\"", port->name), dims);
  if (size == 0 || size > kMostActivations) {
    fail("the input \"{}\" has the shape {}; a sample may have 1 to {} numbers", port->name, to_string(dims),
         kMostActivations);
  }
  lay_out_sample(options_, dims, a.batch_axis, a);
  result_.input = a.shape;
  result_.input_name = port->name;
  result_.input_dims = dims;
  result_.input_batch_axis = a.batch_axis;
  result_.input_places = places_of(a);
  values_[port->name] = {nullptr, std::move(a)};
}

// ------------------------------------------------------------------------------------------------------------- run

std::set<std::string> Import::needed_values() const {
  if (model_.outputs.empty()) fail("the network has no output; the file is damaged");
  std::set<std::string> needed = {options_.output.empty() ? model_.outputs.front().name : options_.output};
  for (std::size_t n = model_.nodes.size(); n-- > 0;) {
    const Node& node = model_.nodes[n];
    const bool is_needed = std::any_of(node.outputs.begin(), node.outputs.end(),
                                       [&](const std::string& name) { return needed.count(name) > 0; });
    if (!is_needed) continue;
    for (const std::string& name : node.inputs) {
      if (!name.empty()) needed.insert(name);
    }
  }
  return needed;
}

bool Import::fold_node() {
  std::vector<const Tensor*> inputs;
  for (std::size_t i = 0; i < node_->inputs.size(); ++i) {
    if (has_input(i) && !is_constant(i)) return false;
    inputs.push_back(has_input(i) ? &constant(i, "input") : nullptr);
  }
  std::optional<std::vector<Tensor>> outputs = fold(*node_, opset(), inputs);
  if (!outputs) {
    refuse(
        "none of its inputs depends on the sample, and this operator is not computed while the model is read; "
        "simplify the model, e.g. with onnxsim");
  }
  for (std::size_t i = 0; i < outputs->size(); ++i) set_output(i, std::move((*outputs)[i]));
  return true;
}

void Import::import_node(const Node& node) {
  node_ = &node;
  if (fold_node()) return;
  const Operator import = find_operator(node.operation);
  if (import == nullptr) {
    const std::vector<std::string> known = operator_names();
    const std::string near = nearest_name(node.operation, known);
    refuse("this operator is not supported{}; `ohmic list operators` shows those that are",
           near.empty() ? "" : fmt::format(" (nearest: {})", near));
  }
  import(*this);
}

void Import::remove_unused(const std::string& last) {
  std::set<std::string> used = {last};
  std::vector<LayerSpec>& all = layers_.layers();
  std::vector<LayerSpec> kept;
  for (std::size_t l = all.size(); l-- > 0;) {
    if (used.count(all[l].name) == 0) continue;
    used.insert(all[l].inputs.begin(), all[l].inputs.end());
    kept.push_back(std::move(all[l]));
  }
  result_.network.layers.assign(std::make_move_iterator(kept.rbegin()), std::make_move_iterator(kept.rend()));
}

void Import::finish(const Value& output) {
  if (!output.activation) fail("the output \"{}\" does not depend on the input", result_.output_name);
  Activation last = layers_.in_order(*output.activation);
  if (last.layer == "input") {  // other dimensions for what goes in: still a network, of a layer that copies
    LayerSpec copy;
    copy.kind = LayerKind::reshape;
    copy.steps = last.shape.steps;
    copy.height = last.shape.height;
    copy.width = last.shape.width;
    copy.units = last.shape.channels;
    last.layer = layers_.add(copy, "copy", {last}, last.shape).layer;
  }
  result_.output_dims = last.extents();
  result_.output_batch_axis = last.batch_axis;
  remove_unused(last.layer);
  result_.numbers = std::move(layers_.numbers());
}

ImportedNetwork Import::run() {
  for (const auto& [name, tensor] : model_.stored) {
    values_[name] = {std::shared_ptr<const Tensor>(std::shared_ptr<void>(), &tensor), std::nullopt};
  }
  result_.output_name =
      options_.output.empty() && !model_.outputs.empty() ? model_.outputs.front().name : options_.output;
  const std::set<std::string> needed = needed_values();
  const auto makes_output = [&](const Node& node) {
    return std::find(node.outputs.begin(), node.outputs.end(), result_.output_name) != node.outputs.end();
  };
  if (!options_.output.empty() && std::none_of(model_.nodes.begin(), model_.nodes.end(), makes_output)) {
    std::vector<std::string> names;
    for (const auto& output : model_.outputs) names.push_back(output.name);
    fail("no node makes the output \"{}\"; the model's outputs are {}", result_.output_name, fmt::join(names, ", "));
  }
  make_input();
  for (const Node& node : model_.nodes) {
    const bool is_needed = std::any_of(node.outputs.begin(), node.outputs.end(),
                                       [&](const std::string& name) { return needed.count(name) > 0; });
    if (is_needed) import_node(node);
  }
  const auto output = values_.find(result_.output_name);
  if (output == values_.end()) fail("no node makes the output \"{}\"", result_.output_name);
  finish(output->second);
  return std::move(result_);
}

// --------------------------------------------------------------------------------------------------------- network

ImportedNetwork import_network(const Model& model, const ImportOptions& options) {
  return Import(model, options).run();
}

namespace {

const std::vector<float>& numbers_of(const ImportedNetwork& imported, const std::string& name, std::size_t count) {
  const auto found = imported.numbers.find(name);
  if (found == imported.numbers.end() || found->second.size() != count) {
    fail("the network read has not the {} numbers of {}", count, name);
  }
  return found->second;
}

}  // namespace

void load_numbers(const ImportedNetwork& imported, Graph& graph) {
  for (WeightMatrix* matrix : graph.weight_matrices()) {
    Matrix values(static_cast<std::size_t>(matrix->weights->inputs()),
                  static_cast<std::size_t>(matrix->weights->outputs()));
    const auto& numbers = numbers_of(imported, matrix->name, values.values().size());
    std::copy(numbers.begin(), numbers.end(), values.values().begin());
    matrix->weights = std::make_unique<DigitalWeights>(std::move(values), Sparsity::dense);
  }
  for (Parameter* parameter : graph.parameters()) {
    parameter->values = numbers_of(imported, parameter->name, parameter->values.size());
  }
  for (std::size_t l = 0; l < graph.layer_count(); ++l) {
    auto* norm = dynamic_cast<BatchNormLayer*>(&graph.layer(l));
    if (norm == nullptr) continue;
    const auto& [mean, variance] = imported.statistics.at(norm->name());
    norm->set_running_statistics(mean, variance);
  }
}

Graph make_digital_graph(const ImportedNetwork& imported) {
  GraphContext context;
  context.input = imported.input;
  context.make_weights = [](std::uint32_t, int inputs, int outputs, const LayerSpec&) -> std::unique_ptr<Weights> {
    return std::make_unique<DigitalWeights>(Matrix(static_cast<std::size_t>(inputs), static_cast<std::size_t>(outputs)),
                                            Sparsity::dense);
  };
  Graph graph(imported.network, context);
  load_numbers(imported, graph);
  return graph;
}

namespace {

// What lies in front of and behind the batch in a tensor, in numbers per sample.
struct SampleParts {
  std::size_t front = 1, behind = 1;

  SampleParts(const Dims& dims, int batch_axis) {
    for (std::size_t k = 0; k < dims.size(); ++k) {
      (static_cast<int>(k) < batch_axis ? front : behind) *= static_cast<std::size_t>(dims[k]);
    }
  }
};

}  // namespace

Matrix rows_of(const ImportedNetwork& network, const std::vector<float>& values, std::size_t samples) {
  OHMIC_EXPECT(values.size() == samples * network.input.size());
  const SampleParts parts(network.input_dims, network.input_batch_axis);
  Matrix rows(samples, network.input.size());
  for (std::size_t f = 0; f < parts.front; ++f) {
    for (std::size_t s = 0; s < samples; ++s) {
      for (std::size_t b = 0; b < parts.behind; ++b) {
        const std::size_t number = f * parts.behind + b;
        const std::size_t place = network.input_places.empty() ? number : network.input_places[number];
        rows.row(s)[place] = values[(f * samples + s) * parts.behind + b];
      }
    }
  }
  return rows;
}

std::vector<float> tensor_of(const ImportedNetwork& network, MatrixView<const float> rows) {
  const SampleParts parts(network.output_dims, std::max(network.output_batch_axis, 0));
  std::vector<float> values(rows.rows * rows.columns);
  for (std::size_t s = 0; s < rows.rows; ++s) {
    for (std::size_t i = 0; i < rows.columns; ++i) {
      values[(i / parts.behind * rows.rows + s) * parts.behind + i % parts.behind] = rows.row(s)[i];
    }
  }
  return values;
}

std::vector<std::string> known_operators() { return operator_names(); }

}  // namespace ohmic::onnx
