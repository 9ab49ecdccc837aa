#pragma once

// Activations of a network that is being read. ONNX sees dimensions in an order of its own, batch included; ohmic keeps
// one sample as plain numbers, channels last. What stands between the two is arithmetic on steps, so that a
// transposition or a change of shape costs nothing until a layer needs an order that is not there.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ohmic/network/shape.h"
#include "ohmic/network/spec.h"
#include "ohmic/onnx/tensor.h"

namespace ohmic::onnx {

/// A run along one dimension: `extent` places, `step` elements of the sample from each to the next.
struct Factor {
  std::int64_t extent = 1, step = 1;

  bool operator==(const Factor&) const = default;
};

/// One dimension of a tensor within a sample, the outermost factor first; none: extent 1.
using Axis = std::vector<Factor>;

std::int64_t extent_of(const Axis& axis);

/// What a layer gives, as ONNX sees it. The factors of all axes together name each of its numbers once.
struct Activation {
  static constexpr int kNoAxis = -1;

  std::string layer;  ///< its name in the network, or "input"
  Shape shape;        ///< as the network has it
  std::vector<Axis> axes;
  /// The dimension in which samples follow each other, outside of what the axis says; kNoAxis where a model for a
  /// single sample has dropped it.
  int batch_axis = 0;
  bool exclusive = true;  ///< nothing else takes what the layer gives

  std::size_t rank() const { return axes.size(); }
  std::int64_t extent(std::size_t axis) const { return extent_of(axes[axis]); }
  std::int64_t size() const { return static_cast<std::int64_t>(shape.size()); }
  /// Numbers of one sample in each dimension.
  Dims extents() const;
};

/// Axes of these extents with all numbers in order.
std::vector<Axis> ordered_axes(const Dims& extents);
/// The same, but in memory the dimensions follow each other as `order` says.
std::vector<Axis> ordered_axes(const Dims& extents, const std::vector<std::size_t>& order);

/// Neighbouring factors that act as one become one.
Axis joined(const Axis& factors);

/// The same numbers under other extents; false if an extent would cut through a factor, so that they must be put in
/// order first.
bool regroup(const std::vector<Axis>& axes, const Dims& extents, std::vector<Axis>& result);

/// Offset in the sample of each place along an axis.
std::vector<std::size_t> offsets_along(const Axis& axis);

/// The layers of the network that is being made, with their numbers.
class LayerList {
 public:
  /// Appends a layer; `base` is the name it gets if it is still free. Its output is as `shape` says; axes are left to
  /// the caller.
  Activation add(LayerSpec spec, const std::string& base, const std::vector<Activation>& inputs, const Shape& shape);

  /// The numbers in memory in the order of these axes, the last one fastest, and as this shape.
  Activation arranged(const Activation& a, const std::vector<std::size_t>& order, const Shape& shape);
  /// These axes, in this order, behind all others, without a gap. The shape has their product as channels.
  Activation with_innermost(const Activation& a, const std::vector<std::size_t>& axes);
  Activation with_shape(const Activation& a, const Shape& shape);
  /// Numbers in the order of the axes.
  Activation in_order(const Activation& a);
  /// So that this axis has one factor at most.
  Activation with_simple_axis(const Activation& a, std::size_t axis);

  /// The layer of that name, or null ("input").
  LayerSpec* find(const std::string& name);
  /// The numbers of a weight matrix or parameter, by its name.
  std::map<std::string, std::vector<float>>& numbers() { return numbers_; }
  std::vector<LayerSpec>& layers() { return layers_; }

 private:
  std::string free_name(const std::string& base) const;

  std::vector<LayerSpec> layers_;
  std::map<std::string, std::size_t> places_;
  std::map<std::string, std::vector<float>> numbers_;
};

/// The order of the axes in memory, for those that have one factor at most; empty otherwise.
std::vector<std::size_t> memory_order(const Activation& a);

/// [0, 1, .., count - 1].
std::vector<std::size_t> counting(std::size_t count);

/// The shape of `vectors` vectors.
Shape vectors_shape(std::int64_t vectors, std::int64_t channels);

}  // namespace ohmic::onnx
