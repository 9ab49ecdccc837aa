#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ohmic/network/layer.h"
#include "ohmic/network/spec.h"

namespace ohmic {

/// Makes a weight matrix: its number in the network, rows, columns, and the layer that it is for.
using WeightsFactory = std::function<std::unique_ptr<Weights>(std::uint32_t, int, int, const LayerSpec&)>;

/// What the layers of a network are made from, beside its description.
struct GraphContext {
  Shape input;      ///< of one sample
  int classes = 0;  ///< of the data: tokens that an embedding can meet, classes that the last layer must tell
  std::uint64_t seed = 1;
  std::string section = "network";  ///< of the experiment, for messages
  std::string prefix;               ///< of the layers' names, where several networks share a checkpoint
  std::uint32_t first_unit = 0;     ///< number of the first weight matrix, where several networks share a seed
  WeightsFactory make_weights;
};

/// A network: layers, each fed by the sample or by layers before it. Owns the activations and gradients of the last
/// batch; what no layer needs on the way back is freed and used again.
class Graph {
 public:
  /// Error if the description is not a network: the message names the layer.
  Graph(const NetworkSpec& spec, const GraphContext& context);

  const Shape& input_shape() const { return input_shape_; }
  const Shape& output_shape() const { return nodes_.back().layer->output_shape(); }
  std::size_t input_size() const { return input_shape_.size(); }

  std::size_t layer_count() const { return nodes_.size(); }
  Layer& layer(std::size_t l) { return *nodes_[l].layer; }
  const Layer& layer(std::size_t l) const { return *nodes_[l].layer; }
  /// The layers that feed layer l; -1: the sample.
  const std::vector<int>& inputs_of(std::size_t l) const { return nodes_[l].inputs; }
  /// The layer that computes what stands at a position of the description: a ReLU may be done with what it follows.
  std::size_t layer_at(std::size_t position) const { return static_cast<std::size_t>(places_[position]); }
  std::size_t position_count() const { return places_.size(); }
  /// All weight matrices and digital parameters, in the order of the layers.
  const std::vector<WeightMatrix*>& weight_matrices() const { return matrices_; }
  const std::vector<Parameter*>& parameters() const { return parameters_; }
  /// What was done digitally for each layer beside its weight matrices; layers without such work are left out.
  struct LayerCounters {
    std::string layer;
    PhaseCounters counters;
  };
  std::vector<LayerCounters> layer_counters() const;
  /// Trained numbers, digital parameters included.
  std::size_t weight_count() const;

  /// x: batch x input size, alive until the way back is done. Returns batch x output size, valid until the next call.
  MatrixView<const float> forward(MatrixView<const float> x, const Pass& pass);
  /// The same, but only the first `layers` layers; returns the output of the last of them.
  MatrixView<const float> forward_until(std::size_t layers, MatrixView<const float> x, const Pass& pass);
  /// Gradient of the summed loss by the outputs of the last training pass; afterwards the matrices and parameters hold
  /// theirs. `input_gradient`, if it has data, is given the gradient by x.
  void backward(MatrixView<const float> output_gradient, const Pass& pass, MatrixView<float> input_gradient = {});

  void save(SafetensorsWriter& out) const;
  void load(const SafetensorsFile& in);
  /// Takes over the digital parameters and running statistics of an equal network.
  void copy_digital_state(const Graph& from);
  /// Evaluation of sequences begins anew.
  void forget();
  /// Memory of the activations and gradients held.
  std::size_t bytes() const;

 private:
  struct Node {
    std::unique_ptr<Layer> layer;
    std::vector<int> inputs;  ///< nodes; -1: the sample
    int uses = 0;             ///< as an input
    bool kept = false;        ///< its output is needed on the way back
    bool trains = false;      ///< it or a layer that feeds it has something to train
    Matrix output, gradient;
    bool has_gradient = false;
    int lender = -1;         ///< the node that has the same gradient and holds it for both
    PhaseCounters counters;  ///< of digital work

    void count(Phase phase, std::size_t samples);
  };

  void plan();
  MatrixView<const float> run(std::size_t layers, MatrixView<const float> x, const Pass& pass);
  std::size_t last_in_place(std::size_t first, std::size_t layers, MatrixView<const float> x, bool training,
                            std::vector<FinishRows>& steps);
  Matrix take(std::size_t rows, std::size_t columns);
  void give_back(Matrix& matrix);
  MatrixView<const float> output_of(int node, MatrixView<const float> x) const;
  int find_lender(std::size_t l) const;
  MatrixView<const float> gradient_of(const Node& node) const;
  void backward_through(std::size_t l, const SampleBatch& dy, const Pass& pass, MatrixView<float> input_gradient);
  bool can_leave_output(std::size_t first, std::size_t last, std::size_t layers, const Pass& pass) const;
  SampleBatch leave_output(std::size_t first, std::size_t last, std::size_t batch, std::vector<FinishRows> steps,
                           const Pass& pass);
  bool can_leave_gradient(std::size_t l) const;
  SampleBatch leave_gradient(std::size_t l, MatrixView<const float> dy, const Pass& pass);

  Shape input_shape_;
  std::vector<Node> nodes_;
  std::vector<int> places_;  ///< per layer of the description: its node
  std::vector<WeightMatrix*> matrices_;
  std::vector<Parameter*> parameters_;
  MatrixView<const float> sample_;  ///< of the last forward pass
  Matrix evaluated_;                ///< outputs of an evaluation that was done in parts
  std::vector<Matrix> free_;
  std::vector<MatrixView<const float>> in_;  ///< scratch
};

/// The position of the largest element; the first of equals.
int argmax(std::span<const float> values);

}  // namespace ohmic
