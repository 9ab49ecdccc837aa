#include "ohmic/mapping/stage_graph.h"

#include <algorithm>
#include <map>

#include "ohmic/core/error.h"
#include "ohmic/network/graph.h"

namespace ohmic {
namespace {

// A matrix that has a size but no numbers.
class SizeOnlyWeights final : public Weights {
 public:
  SizeOnlyWeights(int inputs, int outputs) : inputs_(inputs), outputs_(outputs) {}

  int inputs() const override { return inputs_; }
  int outputs() const override { return outputs_; }
  void forward(MatrixView<const float>, MatrixView<float>, const Pass&) override { refuse(); }
  void backward(MatrixView<const float>, MatrixView<float>, const Pass&) override { refuse(); }
  const PhaseCounters& phase_counters() const override { return nothing_; }
  void save(const std::string&, SafetensorsWriter&) const override { refuse(); }
  void load(const std::string&, const SafetensorsFile&) override { refuse(); }
  std::size_t bytes() const override { return 0; }

 private:
  [[noreturn]] static void refuse() { throw std::logic_error("a matrix without numbers was used"); }

  int inputs_, outputs_;
  PhaseCounters nothing_;
};

// What a position of the description says of its matrices.
struct MatrixSizes {
  int groups = 0;
  std::int64_t rows = 0, columns = 0;
};

Graph shape_graph(const NetworkSpec& network, const Shape& input, int classes, std::vector<MatrixSizes>& sizes) {
  sizes.assign(network.layers.size(), {});
  GraphContext context;
  context.input = input;
  context.classes = classes;
  context.make_weights = [&](std::uint32_t, int inputs, int outputs, const LayerSpec& layer) {
    MatrixSizes& size = sizes[static_cast<std::size_t>(&layer - network.layers.data())];
    ++size.groups;
    size.rows = inputs;
    size.columns = outputs;
    return std::make_unique<SizeOnlyWeights>(inputs, outputs);
  };
  return Graph(network, context);
}

constexpr int kSampleNode = -1;

class StageWriter {
 public:
  StageWriter(const NetworkSpec& network, const Shape& input, int classes)
      : network_(network), graph_(shape_graph(network, input, classes, sizes_)) {
    const std::size_t count = graph_.layer_count();
    position_.assign(count, network.layers.size());
    for (std::size_t p = network.layers.size(); p-- > 0;) position_[graph_.layer_at(p)] = p;
    uses_.resize(count);
    for (std::size_t n = 0; n < count; ++n) {
      for (const int from : graph_.inputs_of(n)) {
        if (from != kSampleNode) uses_[static_cast<std::size_t>(from)].push_back(n);
      }
    }
    depth_.assign(count, 0);
    stage_of_.assign(count, kSampleNode);
    fused_into_.assign(count, count);
  }

  StageGraph write() {
    find_depths();
    fuse_additions();
    Stage input;
    input.name = "input";
    input.output = graph_.input_shape();
    result_.stages.push_back(input);
    for (std::size_t n = 0; n < graph_.layer_count(); ++n) {
      if (forms_stage(n) && fused_into_[n] == graph_.layer_count()) add_stage(n, n);
      if (const std::size_t primary = fused_primary(n); primary < graph_.layer_count()) add_stage(primary, n);
    }
    check_last();
    return std::move(result_);
  }

 private:
  const LayerSpec& spec(std::size_t node) const { return network_.layers[position_[node]]; }
  LayerKind kind(std::size_t node) const { return spec(node).kind; }
  const Shape& shape(std::size_t node) const { return graph_.layer(node).output_shape(); }
  const Shape& shape_of(int node) const {
    return node == kSampleNode ? graph_.input_shape() : shape(static_cast<std::size_t>(node));
  }

  static bool is_pixelwise(LayerKind kind) {
    switch (kind) {
      case LayerKind::batch_norm:
      case LayerKind::layer_norm:
      case LayerKind::relu:
      case LayerKind::leaky_relu:
      case LayerKind::sigmoid:
      case LayerKind::tanh:
      case LayerKind::softmax:
      case LayerKind::dropout:
      case LayerKind::log_softmax:
      case LayerKind::response_norm:
      case LayerKind::elementwise:
        return true;
      default:
        return false;
    }
  }

  // Whether only dense layers, which read images whole, look at the output.
  bool goes_to_dense_only(std::size_t node) const {
    return std::all_of(uses_[node].begin(), uses_[node].end(), [&](std::size_t user) {
      return kind(user) == LayerKind::dense || (is_pixelwise(kind(user)) && goes_to_dense_only(user));
    });
  }

  bool forms_stage(std::size_t node) const {
    if (is_pixelwise(kind(node))) return false;
    if (kind(node) != LayerKind::flatten) return true;
    const Shape& in = shape_of(graph_.inputs_of(node)[0]);
    return in.is_image() && !(goes_to_dense_only(node) && !uses_[node].empty());
  }

  // The node that forms the stage whose pixels a node looks at, through layers that look at each position alone.
  int origin(int node) const {
    while (node != kSampleNode && !forms_stage(static_cast<std::size_t>(node))) {
      node = graph_.inputs_of(static_cast<std::size_t>(node))[0];
    }
    return node;
  }

  void find_depths() {
    for (std::size_t n = 0; n < graph_.layer_count(); ++n) {
      for (const int from : graph_.inputs_of(n)) {
        if (from != kSampleNode) depth_[n] = std::max(depth_[n], depth_[static_cast<std::size_t>(from)]);
      }
      if (forms_stage(n) && kind(n) != LayerKind::add) ++depth_[n];
    }
  }

  bool has_matrix(std::size_t node) const {
    return sizes_[position_[node]].groups > 0 && kind(node) != LayerKind::lstm;
  }

  // Whether nobody but `user` sees what `node` and the layers from it to there give.
  bool feeds_only(int node, std::size_t user) const {
    for (auto at = static_cast<std::size_t>(node);;) {
      if (uses_[at].size() != 1) return false;
      const std::size_t next = uses_[at][0];
      if (next == user) return true;
      if (!is_pixelwise(kind(next))) return false;
      at = next;
    }
  }

  // An addition is done by the deepest of the stages that feed it, whose result comes last, if only the addition needs
  // that result.
  void fuse_additions() {
    for (std::size_t n = 0; n < graph_.layer_count(); ++n) {
      if (kind(n) != LayerKind::add) continue;
      std::size_t best = graph_.layer_count();
      for (const int input : graph_.inputs_of(n)) {
        const int from = origin(input);
        if (from == kSampleNode) continue;
        const auto f = static_cast<std::size_t>(from);
        if (!has_matrix(f) || !feeds_only(from, n)) continue;
        if (best == graph_.layer_count() || depth_[f] > depth_[best]) best = f;
      }
      if (best < graph_.layer_count()) fused_into_[best] = n;
    }
  }

  // The node with weights that an addition is fused into.
  std::size_t fused_primary(std::size_t node) const {
    if (kind(node) != LayerKind::add) return graph_.layer_count();
    return static_cast<std::size_t>(std::find(fused_into_.begin(), fused_into_.end(), node) - fused_into_.begin());
  }

  int stage_of(int node) const {
    const int from = origin(node);
    return from == kSampleNode ? 0 : stage_of_[static_cast<std::size_t>(from)];
  }

  StageKind stage_kind(std::size_t node) const {
    switch (kind(node)) {
      case LayerKind::dense:
        return StageKind::dense;
      case LayerKind::convolution:
        return StageKind::convolution;
      case LayerKind::transposed_convolution:
        return StageKind::transposed_convolution;
      case LayerKind::lstm:
        return StageKind::lstm;
      case LayerKind::max_pool:
      case LayerKind::average_pool:
        return StageKind::pool;
      case LayerKind::global_average_pool:
        return StageKind::global_pool;
      case LayerKind::add:
        return StageKind::add;
      case LayerKind::concat:
        return StageKind::concat;
      case LayerKind::flatten:
      case LayerKind::reshape:
        return StageKind::reshape;
      case LayerKind::embedding:
      case LayerKind::one_hot:
        return StageKind::lookup;
      default:
        fail("{}: a layer of kind {} cannot be mapped", graph_.layer(node).name(),
             kLayerKinds[static_cast<std::size_t>(kind(node))]);
    }
  }

  // `primary` does the work; `final` is the layer whose output is handed on.
  void add_stage(std::size_t primary, std::size_t final) {
    if (final == primary && fused_primary(final) < graph_.layer_count()) return;  // added with what it is fused into
    Stage stage;
    stage.name = graph_.layer(primary).name();
    stage.kind = stage_kind(primary);
    stage.output = shape(primary);
    stage.final_layer = final;
    for (const int input : graph_.inputs_of(primary)) stage.inputs.push_back({stage_of(input), false});
    if (final != primary) {
      for (const int input : graph_.inputs_of(final)) {
        if (origin(input) != static_cast<int>(primary)) stage.inputs.push_back({stage_of(input), true});
      }
    }
    set_kernel(stage, spec(primary), result_.stages[static_cast<std::size_t>(stage.inputs[0].from)].output);
    const MatrixSizes& size = sizes_[position_[primary]];
    if (size.groups > 0) {
      stage.groups = size.groups;
      stage.rows = size.rows;
      stage.columns = size.columns;
      stage.on_cells = spec(primary).weights == WeightKind::analog;
    }
    stage_of_[primary] = stage_of_[final] = static_cast<int>(result_.stages.size());
    result_.stages.push_back(std::move(stage));
  }

  // What lies below and right of an image only makes the output larger, which says so itself.
  static void set_steps(Stage& stage, const PixelSteps& stride, const Border& padding) {
    if (stride.y != stride.x || padding.top != padding.left) {
      fail(
          "{}: a stride of {} x {} with padding {} above and {} left of the image cannot be mapped; only the same in "
          "both "
          "directions can",
          stage.name, stride.y, stride.x, padding.top, padding.left);
    }
    stage.stride = stride.y;
    stage.padding = padding.top;
  }

  void set_kernel(Stage& stage, const LayerSpec& s, const Shape& from) const {
    const bool is_sequence = from.is_sequence();
    if (is_sequence && from.is_image()) {
      fail("{}: its input is {}; sequences of images cannot be mapped", stage.name, to_string(from));
    }
    switch (stage.kind) {
      case StageKind::convolution:
      case StageKind::transposed_convolution:
        stage.kernel_height = dilations(s).y * (static_cast<int>(s.kernel) - 1) + 1;
        stage.kernel_width = dilations(s).x * (kernel_width(s) - 1) + 1;
        set_steps(stage, strides(s), convolution_padding(s));
        break;
      case StageKind::pool:
        stage.kernel_height = static_cast<int>(s.kernel);
        stage.kernel_width = kernel_width(s);
        set_steps(stage, strides(s), pool_padding(s));
        break;
      case StageKind::dense:
        stage.kernel_height = is_sequence ? 1 : from.height;
        stage.kernel_width = is_sequence ? 1 : from.width;
        break;
      case StageKind::global_pool:
        if (is_sequence) fail("{}: the mean over images of a sequence cannot be mapped", stage.name);
        break;
      default:
        break;
    }
  }

  // What ends the network must come from the last stage; nothing may be left over.
  void check_last() const {
    const int last = stage_of(static_cast<int>(graph_.layer_count()) - 1);
    if (last + 1 != static_cast<int>(result_.stages.size())) {
      fail("{}: the network's output is not that of its last stage {}; list the layers in order",
           graph_.layer(graph_.layer_count() - 1).name(), result_.stages.back().name);
    }
  }

  const NetworkSpec& network_;
  std::vector<MatrixSizes> sizes_;
  Graph graph_;
  std::vector<std::size_t> position_;           // of each node in the description
  std::vector<std::vector<std::size_t>> uses_;  // nodes that take a node's output
  std::vector<int> depth_;                      // stages on the longest way to a node
  std::vector<int> stage_of_;
  std::vector<std::size_t> fused_into_;  // of a node with weights: the addition done with it
  StageGraph result_;
};

}  // namespace

std::vector<std::vector<StageGraph::Reader>> StageGraph::readers() const {
  std::vector<std::vector<Reader>> all(stages.size());
  for (std::size_t s = 0; s < stages.size(); ++s) {
    for (std::size_t k = 0; k < stages[s].inputs.size(); ++k) {
      all[static_cast<std::size_t>(stages[s].inputs[k].from)].push_back({static_cast<int>(s), static_cast<int>(k)});
    }
  }
  return all;
}

StageGraph make_stage_graph(const NetworkSpec& network, const Shape& input, int classes) {
  return StageWriter(network, input, classes).write();
}

}  // namespace ohmic
