#include "ohmic/network/graph.h"

#include <algorithm>
#include <map>

#include "ohmic/core/error.h"
#include "ohmic/core/parallel.h"
#include "ohmic/network/build.h"

namespace ohmic {
namespace {

constexpr std::size_t kElementsPerChunk = 1 << 16;
// Without a way back, samples pass through all layers a few at a time, so that what one layer writes is still in the
// cache when the next one reads it: for each thread about a second-level cache of the widest layer, and at least as
// many that the weights, which each time are fetched too, are not more than what the samples write.
constexpr std::size_t kCachedElements = 1 << 18;
constexpr const char* kWork = ".work";  // where a checkpoint keeps counters of a layer's digital work
constexpr int kSample = -1;             // where a layer's number is meant: the sample itself

void add(MatrixView<const float> from, MatrixView<float> to) {
  parallel_chunks(to.rows * to.columns, kElementsPerChunk, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) to.data[i] += from.data[i];
  });
}

// Positions of the layers that feed one, or kSample.
std::vector<int> find_inputs(const LayerSpec& spec, const std::string& section, std::size_t position,
                             const std::map<std::string, int>& numbers) {
  if (spec.inputs.empty()) return {static_cast<int>(position) - 1};
  std::vector<int> inputs;
  for (const std::string& name : spec.inputs) {
    const auto found = numbers.find(name);
    if (found == numbers.end()) {
      std::vector<std::string> known;
      for (const auto& [candidate, number] : numbers) known.push_back(candidate);
      const std::string near = nearest_name(name, known);
      fail("{}.layers.{}.inputs names \"{}\", but no layer before it is called that{}; \"input\" is the sample",
           section, position, name, near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near));
    }
    inputs.push_back(found->second);
  }
  return inputs;
}

// Who feeds whom, by position in the list of layers.
struct Wiring {
  std::vector<std::string> names;
  std::vector<std::vector<int>> inputs;
  std::vector<int> uses;
};

Wiring find_wiring(const NetworkSpec& spec, const GraphContext& context) {
  Wiring w;
  std::map<std::string, int> numbers = {{"input", kSample}};
  std::map<LayerKind, int> made;
  w.uses.assign(spec.layers.size(), 0);
  for (std::size_t l = 0; l < spec.layers.size(); ++l) {
    const LayerSpec& layer = spec.layers[l];
    const int number = ++made[layer.kind];
    std::string name = layer.name;
    if (name.empty()) name = fmt::format("{}{}", kLayerKinds[static_cast<std::size_t>(layer.kind)], number);
    w.inputs.push_back(find_inputs(layer, context.section, l, numbers));
    for (const int input : w.inputs.back()) {
      if (input != kSample) ++w.uses[static_cast<std::size_t>(input)];
    }
    if (!numbers.emplace(name, static_cast<int>(l)).second) {
      fail("{}.layers.{}.name = \"{}\" is the name of another layer too; give each its own", context.section, l, name);
    }
    w.names.push_back(context.prefix + name);
  }
  return w;
}

// A ReLU that is the only one to take a batch norm's or a sum's output is computed with it.
bool joins_its_input(const NetworkSpec& spec, const Wiring& w, std::size_t l) {
  if (spec.layers[l].kind != LayerKind::relu || w.inputs[l].size() != 1 || w.inputs[l][0] == kSample) return false;
  const auto from = static_cast<std::size_t>(w.inputs[l][0]);
  const LayerKind kind = spec.layers[from].kind;
  return w.uses[from] == 1 && (kind == LayerKind::batch_norm || kind == LayerKind::add);
}

}  // namespace

Graph::Graph(const NetworkSpec& spec, const GraphContext& context) : input_shape_(context.input) {
  if (spec.layers.empty()) fail("{0}.layers is empty; add [[{0}.layers]] with a kind", context.section);
  const Wiring wiring = find_wiring(spec, context);
  std::vector<bool> joined(spec.layers.size(), false), has_relu(spec.layers.size(), false);
  for (std::size_t l = 0; l < spec.layers.size(); ++l) {
    if (!joins_its_input(spec, wiring, l)) continue;
    joined[l] = true;
    has_relu[static_cast<std::size_t>(wiring.inputs[l][0])] = true;
  }
  LayerBuilder builder(context);
  places_.resize(spec.layers.size());
  for (std::size_t l = 0; l < spec.layers.size(); ++l) {
    Node node;
    std::vector<Shape> shapes;
    for (const int input : wiring.inputs[l]) {
      node.inputs.push_back(input == kSample ? kSample : places_[static_cast<std::size_t>(input)]);
      const int from = node.inputs.back();
      shapes.push_back(from == kSample ? input_shape_ : nodes_[static_cast<std::size_t>(from)].layer->output_shape());
    }
    if (joined[l]) {
      places_[l] = node.inputs[0];
      continue;
    }
    const LayerPlace place{wiring.names[l], l, l + 1 == spec.layers.size(), has_relu[l]};
    node.layer = builder.make(spec.layers[l], place, shapes);
    places_[l] = static_cast<int>(nodes_.size());
    nodes_.push_back(std::move(node));
  }
  plan();
}

// What is kept for the way back, and which layers it passes through.
void Graph::plan() {
  for (Node& node : nodes_) {
    for (WeightMatrix* matrix : node.layer->weight_matrices()) matrices_.push_back(matrix);
    for (Parameter* parameter : node.layer->parameters()) parameters_.push_back(parameter);
    node.trains = !node.layer->weight_matrices().empty() || !node.layer->parameters().empty();
    node.kept = node.layer->needs().output;
    for (const int input : node.inputs) {
      if (input == kSample) continue;
      Node& from = nodes_[static_cast<std::size_t>(input)];
      ++from.uses;
      from.kept |= node.layer->needs().inputs;
      node.trains |= from.trains;
    }
  }
  for (std::size_t l = 0; l + 1 < nodes_.size(); ++l) {
    if (nodes_[l].uses == 0) {
      fail("no layer takes the output of {}, and it is not the last; name it in the inputs of another, or remove it",
           nodes_[l].layer->name());
    }
  }
}

std::size_t Graph::weight_count() const {
  std::size_t count = 0;
  for (const WeightMatrix* matrix : matrices_) {
    count += static_cast<std::size_t>(matrix->weights->inputs()) * static_cast<std::size_t>(matrix->weights->outputs());
  }
  for (const Parameter* parameter : parameters_) count += parameter->values.size();
  return count;
}

// The smallest free matrix that is large enough, or a new one.
Matrix Graph::take(std::size_t rows, std::size_t columns) {
  auto best = free_.end();
  for (auto it = free_.begin(); it != free_.end(); ++it) {
    if (it->capacity() >= rows * columns && (best == free_.end() || it->capacity() < best->capacity())) best = it;
  }
  Matrix matrix;
  if (best != free_.end()) {
    matrix = std::move(*best);
    free_.erase(best);
  }
  matrix.resize(rows, columns);
  return matrix;
}

void Graph::give_back(Matrix& matrix) {
  if (matrix.capacity() > 0) free_.push_back(std::move(matrix));
  matrix = Matrix();
}

MatrixView<const float> Graph::output_of(int node, MatrixView<const float> x) const {
  return node == kSample ? x : nodes_[static_cast<std::size_t>(node)].output.view();
}

MatrixView<const float> Graph::forward(MatrixView<const float> x, const Pass& pass) {
  return forward_until(nodes_.size(), x, pass);
}

MatrixView<const float> Graph::forward_until(std::size_t layers, MatrixView<const float> x, const Pass& pass) {
  OHMIC_EXPECT(x.columns == input_size());
  std::size_t widest = x.columns, written = 0;
  bool divisible = !pass.training;
  for (const Node& node : nodes_) {
    widest = std::max(widest, node.layer->output_shape().size());
    written += node.layer->output_shape().size();
    divisible = divisible && !node.layer->reads_whole_batches();
  }
  const std::size_t each = std::max(kCachedElements / widest, weight_count() / written);
  const std::size_t groups = std::max<std::size_t>(1, (each + kSamplesOfGroup - 1) / kSamplesOfGroup);
  const std::size_t part = groups * kSamplesOfGroup * static_cast<std::size_t>(thread_count());
  if (!divisible || x.rows <= part) return run(layers, x, pass);
  evaluated_.resize(x.rows, nodes_[layers - 1].layer->output_shape().size());
  for (std::size_t begin = 0; begin < x.rows; begin += part) {
    const MatrixView<const float> samples{x.data + begin * x.columns, std::min(part, x.rows - begin), x.columns};
    const MatrixView<const float> y =
        run(layers, samples, {pass.first_read + begin, false, pass.continues, pass.calibrates});
    std::copy_n(y.data, y.rows * y.columns, evaluated_.row(begin).data());
  }
  return static_cast<const Matrix&>(evaluated_).view();
}

// How far the layers after `first` can be done in place to its output, and what they do. What the way back wants to see
// stays as it is.
std::size_t Graph::last_in_place(std::size_t first, std::size_t layers, MatrixView<const float> x, bool training,
                                 std::vector<FinishRows>& steps) {
  std::size_t last = first;
  for (; last + 1 < layers && nodes_[last].uses == 1 && !(training && nodes_[last].kept); ++last) {
    const Node& next = nodes_[last + 1];
    const auto input = std::find(next.inputs.begin(), next.inputs.end(), static_cast<int>(last));
    if (input == next.inputs.end()) break;
    in_.clear();
    for (const int k : next.inputs) in_.push_back(output_of(k, x));
    FinishRows step = next.layer->in_place(in_, static_cast<std::size_t>(input - next.inputs.begin()));
    if (!step) break;
    steps.push_back(std::move(step));
  }
  return last;
}

namespace {

// Samples of so many positions and numbers, made by `write` in `room`, or without one where the thread has some.
SampleBatch made_by(FinishRows write, std::size_t batch, const Shape& shape, float* room) {
  SampleBatch made;
  made.values = {nullptr, batch, shape.size()};
  made.make = [write = std::move(write), room, positions = shape.positions(), size = shape.size()](std::size_t sample) {
    thread_local std::vector<float> own;
    if (room == nullptr) own.resize(size);
    float* const to = room == nullptr ? own.data() : room + sample * size;
    write(sample * positions, positions, to);
    return to;
  };
  return made;
}

}  // namespace

// Whether the next layer can make the output of `last` when it reads it; layers after `first` are done in place.
bool Graph::can_leave_output(std::size_t first, std::size_t last, std::size_t layers, const Pass& pass) const {
  if (!pass.training || last + 1 >= layers || !nodes_[first].layer->can_wait()) return false;
  const Node& next = nodes_[last + 1];
  return next.layer->takes_samples() && next.inputs == std::vector<int>{static_cast<int>(last)};
}

// It is stored only if somebody else wants it too. in_: the inputs of `first`.
SampleBatch Graph::leave_output(std::size_t first, std::size_t last, std::size_t batch, std::vector<FinishRows> steps,
                                const Pass& pass) {
  Node& node = nodes_[last];
  const Shape& shape = node.layer->output_shape();
  if (node.uses > 1 || node.kept) node.output = take(batch, shape.size());
  steps.insert(steps.begin(), nodes_[first].layer->forward_later(in_, pass));
  const auto write = [steps = std::move(steps)](std::size_t row, std::size_t count, float* rows) {
    for (const FinishRows& step : steps) step(row, count, rows);
  };
  return made_by(write, batch, shape, node.output.rows() > 0 ? node.output.view().data : nullptr);
}

// Whether the layer before l can make the gradient that l gives it.
bool Graph::can_leave_gradient(std::size_t l) const {
  const Node& node = nodes_[l];
  if (l == 0 || !node.layer->can_wait() || node.inputs != std::vector<int>{static_cast<int>(l) - 1}) return false;
  const Node& before = nodes_[l - 1];
  return before.uses == 1 && before.layer->takes_delta_samples();
}

SampleBatch Graph::leave_gradient(std::size_t l, MatrixView<const float> dy, const Pass& pass) {
  Node& before = nodes_[l - 1];
  in_.assign(1, output_of(static_cast<int>(l) - 1, sample_));
  before.has_gradient = true;
  return made_by(nodes_[l].layer->backward_later(in_, dy, pass), dy.rows, before.layer->output_shape(), nullptr);
}

MatrixView<const float> Graph::run(std::size_t layers, MatrixView<const float> x, const Pass& pass) {
  sample_ = x;
  for (Node& node : nodes_) give_back(node.output);
  for (std::size_t l = 0; l < layers; ++l) nodes_[l].count(pass.phase(), x.rows);
  std::vector<int> uses_left;
  for (const Node& node : nodes_) uses_left.push_back(node.uses);
  SampleBatch made;                  // the output that the last layer left to this one
  std::size_t first_unreleased = 0;  // from which layer on inputs are still there
  for (std::size_t l = 0; l < layers; ++l) {
    const std::size_t first = l;
    Layer& layer = *nodes_[first].layer;
    std::vector<FinishRows> steps;
    if (layer.can_finish()) l = last_in_place(first, layers, x, pass.training, steps);
    in_.clear();
    for (const int input : nodes_[first].inputs) in_.push_back(output_of(input, x));
    if (can_leave_output(first, l, layers, pass)) {
      made = leave_output(first, l, x.rows, std::move(steps), pass);
      continue;
    }
    nodes_[l].output = take(x.rows, nodes_[l].layer->output_shape().size());
    const FinishRows all_steps = [&](auto row, auto count, float* rows) {
      for (const FinishRows& step : steps) step(row, count, rows);
    };
    if (made.make) {
      layer.forward_samples(made, nodes_[l].output.view(), pass, steps.empty() ? FinishRows() : all_steps);
      made = {};
    } else if (steps.empty()) {
      layer.forward(in_, nodes_[l].output.view(), pass);
    } else {
      layer.forward_and_finish(in_, nodes_[l].output.view(), pass, all_steps);
    }
    for (; first_unreleased <= l; ++first_unreleased) {
      for (const int input : nodes_[first_unreleased].inputs) {
        if (input == kSample) continue;
        Node& from = nodes_[static_cast<std::size_t>(input)];
        if (--uses_left[static_cast<std::size_t>(input)] == 0 && !(pass.training && from.kept)) give_back(from.output);
      }
    }
  }
  return static_cast<const Matrix&>(nodes_[layers - 1].output).view();
}

// Whether the layer before l may read its gradient where another input of l has the same one: it does so at once,
// before anything is added there.
int Graph::find_lender(std::size_t l) const {
  const Node& node = nodes_[l];
  if (!node.layer->gives_inputs_the_same() || l == 0 || nodes_[l - 1].uses != 1) return -1;
  if (std::find(node.inputs.begin(), node.inputs.end(), static_cast<int>(l) - 1) == node.inputs.end()) return -1;
  for (const int input : node.inputs) {
    if (input == kSample || input == static_cast<int>(l) - 1) continue;
    const Node& from = nodes_[static_cast<std::size_t>(input)];
    const auto times = std::count(node.inputs.begin(), node.inputs.end(), input);  // x + x gets it twice
    if (from.trains && !from.has_gradient && times == 1) return input;
  }
  return -1;
}

void Graph::backward_through(std::size_t l, const SampleBatch& dy, const Pass& pass, MatrixView<float> input_gradient) {
  Node& node = nodes_[l];
  const std::size_t count = node.inputs.size();
  const int lender = find_lender(l);
  std::vector<Matrix> extra(count);  // where an input has a gradient from elsewhere already
  std::vector<InputGradient> dx(count);
  in_.clear();
  for (std::size_t k = 0; k < count; ++k) {
    const int input = node.inputs[k];
    in_.push_back(output_of(input, sample_));
    if (input == kSample) {
      dx[k] = {input_gradient};  // one layer at most takes the sample where its gradient is wanted
      continue;
    }
    Node& from = nodes_[static_cast<std::size_t>(input)];
    if (!from.trains && input_gradient.data == nullptr) continue;
    if (lender >= 0 && input == static_cast<int>(l) - 1) {
      from.lender = lender;
      from.has_gradient = true;
      continue;
    }
    // Deltas that are made may come from the same gradient: each sample's are wanted before anything is added to it.
    if (from.has_gradient && node.layer->can_add_gradient() && from.gradient.view().data != dy.values.data) {
      dx[k] = {from.gradient.view(), true};
      continue;
    }
    Matrix& to = from.has_gradient ? extra[k] : from.gradient;
    if (input == lender && node.gradient.rows() > 0) {
      to = std::move(node.gradient);  // dy, changed in place
    } else {
      to = take(dy.rows(), from.layer->output_shape().size());
    }
    from.has_gradient = true;
    dx[k] = {to.view()};
  }
  if (dy.make) {
    node.layer->backward_samples(dy, dx[0], pass);
  } else {
    node.layer->backward(in_, static_cast<const Matrix&>(node.output).view(), dy.values, dx, pass);
  }
  for (std::size_t k = 0; k < count; ++k) {
    if (extra[k].rows() == 0) continue;
    add(static_cast<const Matrix&>(extra[k]).view(), nodes_[static_cast<std::size_t>(node.inputs[k])].gradient.view());
    give_back(extra[k]);
  }
}

MatrixView<const float> Graph::gradient_of(const Node& node) const {
  return (node.lender < 0 ? node : nodes_[static_cast<std::size_t>(node.lender)]).gradient.view();
}

void Graph::backward(MatrixView<const float> output_gradient, const Pass& pass, MatrixView<float> input_gradient) {
  for (Node& node : nodes_) {  // of a way back that an error ended
    node.has_gradient = false;
    node.lender = -1;
  }
  SampleBatch made;  // the gradient that the last layer left to this one
  const auto release = [this](std::size_t l) {
    give_back(nodes_[l].gradient);
    if (l + 1 < nodes_.size()) give_back(nodes_[l].output);
  };
  for (std::size_t l = nodes_.size(); l-- > 0;) {
    Node& node = nodes_[l];
    if (l + 1 == nodes_.size() || node.has_gradient) {
      node.count(Phase::backward, output_gradient.rows);
      if (made.make) {
        backward_through(l, made, pass, input_gradient);
        made = {};
        release(l + 1);
      } else {
        const auto dy = l + 1 == nodes_.size() ? output_gradient : gradient_of(node);
        if (can_leave_gradient(l)) {
          made = leave_gradient(l, dy, pass);
          continue;
        }
        backward_through(l, dy, pass, input_gradient);
      }
    }
    release(l);
  }
}

void Graph::save(SafetensorsWriter& out) const {
  for (const WeightMatrix* matrix : matrices_) matrix->weights->save(matrix->name, out);
  for (const Parameter* parameter : parameters_) {
    out.add(parameter->name, std::span<const float>(parameter->values));
  }
  for (const Node& node : nodes_) node.layer->save(out);
  for (const LayerCounters& done : layer_counters()) done.counters.save(done.layer + kWork, out);
}

void Graph::load(const SafetensorsFile& in) {
  for (WeightMatrix* matrix : matrices_) matrix->weights->load(matrix->name, in);
  for (Parameter* parameter : parameters_) in.read(parameter->name, std::span<float>(parameter->values));
  for (Node& node : nodes_) {
    node.layer->load(in);
    // Files of versions that did not count it have none.
    const std::string work = node.layer->name() + kWork;
    node.counters = {};
    if (in.contains(work + ".phase_counters")) node.counters.load(work, in);
  }
}

void Graph::Node::count(Phase phase, std::size_t samples) {
  const LayerWork work = layer->work(phase);
  counters[phase].digital_macs += samples * work.macs;
  counters[phase].operand_words += samples * work.words;
}

std::vector<Graph::LayerCounters> Graph::layer_counters() const {
  std::vector<LayerCounters> all;
  for (const Node& node : nodes_) {
    if (node.counters != PhaseCounters()) all.push_back({node.layer->name(), node.counters});
  }
  return all;
}

void Graph::copy_digital_state(const Graph& from) {
  OHMIC_EXPECT(from.nodes_.size() == nodes_.size());
  for (std::size_t p = 0; p < parameters_.size(); ++p) parameters_[p]->values = from.parameters_[p]->values;
  for (std::size_t l = 0; l < nodes_.size(); ++l) nodes_[l].layer->copy_state(*from.nodes_[l].layer);
}

void Graph::forget() {
  for (Node& node : nodes_) node.layer->forget();
}

std::size_t Graph::bytes() const {
  std::size_t elements = evaluated_.capacity();
  for (const Matrix& matrix : free_) elements += matrix.capacity();
  for (const Node& node : nodes_) elements += node.output.capacity() + node.gradient.capacity();
  return elements * sizeof(float);
}

int argmax(std::span<const float> values) {
  return static_cast<int>(std::max_element(values.begin(), values.end()) - values.begin());
}

}  // namespace ohmic
