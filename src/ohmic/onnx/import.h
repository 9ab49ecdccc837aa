#pragma once

// A network that is being read: the values that are known so far, and what operators need to add theirs.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ohmic/core/error.h"
#include "ohmic/onnx/activation.h"
#include "ohmic/onnx/model.h"
#include "ohmic/onnx/network.h"

namespace ohmic::onnx {

/// What a name in an ONNX graph stands for: numbers that are known, or what a layer gives.
struct Value {
  std::shared_ptr<const Tensor> constant;
  std::optional<Activation> activation;
};

/// One pass over the nodes of a model. Operators see the node at hand.
class Import {
 public:
  Import(const Model& model, const ImportOptions& options);

  ImportedNetwork run();

  // ---- for operators, about the node at hand

  const Node& node() const { return *node_; }
  std::int64_t opset() const { return model_.opset; }
  /// Throws an Error that begins with the node.
  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) const {
    fail("{}: {}", node_->description(), fmt::format(format, std::forward<Args>(args)...));
  }

  bool has_input(std::size_t i) const { return i < node_->inputs.size() && !node_->inputs[i].empty(); }
  bool is_constant(std::size_t i) const { return input(i).constant != nullptr; }
  /// Error if there is no such input, or its numbers are not known.
  const Tensor& constant(std::size_t i, const char* what) const;
  const Activation& activation(std::size_t i) const;
  /// A list of whole numbers: input `i` where it is given (newer opsets), else the attribute (older ones); nothing if
  /// neither is there.
  std::optional<std::vector<std::int64_t>> whole_list(std::size_t i, const char* attribute) const;
  /// The number of a constant input or attribute likewise.
  std::optional<double> single_number(std::size_t i, const char* attribute) const;
  /// -rank .. rank - 1 as 0 .. rank - 1.
  std::size_t axis_of(std::int64_t axis, std::size_t rank) const;
  /// A setting from the file as an int. Error if it is outside.
  int bounded(const char* what, std::int64_t value, std::int64_t least, std::int64_t most) const;

  /// The batch as the first dimension and nothing else in it.
  Activation batch_first(const Activation& a) const;
  /// The dimensions as ONNX sees them.
  Dims visible_dims(const Activation& a) const;
  /// Error if samples follow each other in one of these dimensions.
  void keep_samples_apart(const Activation& a, const std::vector<std::size_t>& axes) const;
  /// Numbers for tensors of `rank` dimensions with the batch in `batch_axis`, of one sample. The numbers may have fewer
  /// dimensions, as broadcasting allows, never more; the axis lies below the rank.
  Tensor of_one_sample(const Tensor& tensor, int batch_axis, std::size_t rank) const;
  /// The same numbers for each sample, as a layer.
  Activation constant_layer(const Tensor& tensor, int batch_axis);

  LayerList& layers() { return layers_; }
  /// The name that layers of the node get.
  std::string layer_name(LayerKind kind) const;
  Activation add(LayerSpec spec, const std::vector<Activation>& inputs, const Shape& shape);
  void set_output(std::size_t i, Activation activation);
  void set_output(std::size_t i, Tensor constant);
  bool is_used(std::size_t output) const;
  /// Running statistics of a batch norm.
  void set_statistics(const std::string& layer, std::vector<float> mean, std::vector<float> variance);

 private:
  const Value& input(std::size_t i) const;
  void make_input();
  Dims resolved_input_dims(const PortInfo& port) const;
  int input_batch_axis(const PortInfo& port) const;
  std::set<std::string> needed_values() const;
  void import_node(const Node& node);
  bool fold_node();
  void finish(const Value& output);
  void remove_unused(const std::string& last);

  const Model& model_;
  const ImportOptions& options_;
  const Node* node_ = nullptr;
  std::int64_t batch_ = 1;  ///< as ONNX sees it; a prime where it is open
  std::map<std::string, Value> values_;
  std::map<std::string, int> uses_;
  std::int64_t folded_ = 0;  ///< elements of tensors made so far
  LayerList layers_;
  ImportedNetwork result_;
};

/// What an operator does, or null if it is not known.
using Operator = void (*)(Import&);
Operator find_operator(std::string_view name);
/// The names of all operators, in alphabetical order.
std::vector<std::string> operator_names();

/// The outputs of a node whose inputs are all known; nothing if the operator cannot be computed. null inputs: left out.
std::optional<std::vector<Tensor>> fold(const Node& node, std::int64_t opset, const std::vector<const Tensor*>& inputs);

}  // namespace ohmic::onnx
