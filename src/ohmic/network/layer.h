#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ohmic/core/matrix.h"
#include "ohmic/core/safetensors.h"
#include "ohmic/crossbar/patches.h"
#include "ohmic/network/shape.h"
#include "ohmic/network/weights.h"

namespace ohmic {

/// A weight matrix of a layer with what the last batch wants of it: either the gradient of the summed loss, or its two
/// factors, gradient = inputs^T deltas, with one row per vector that went through the matrix.
struct WeightMatrix {
  std::string name;
  std::unique_ptr<Weights> weights;
  bool factored = false;
  Matrix inputs, deltas;        ///< if factored: vectors x matrix rows, vectors x matrix columns
  Matrix gradient;              ///< otherwise: as the matrix
  std::uint64_t positions = 0;  ///< otherwise: vectors of the last batch, positions of its samples

  /// Pairs of an input and a delta vector that the last batch made.
  std::uint64_t vectors() const { return factored ? inputs.rows() : positions; }
};

/// Digital numbers of a layer that are trained by the optimiser: biases, scales, embeddings.
struct Parameter {
  std::string name;
  std::vector<float> values;
  std::vector<float> gradient;  ///< of the summed loss
};

/// Digital work per sample that a layer does beside its weight matrices and the function of their outputs.
struct LayerWork {
  std::uint64_t macs = 0;   ///< additions, products, or one after the other
  std::uint64_t words = 0;  ///< activations, or gradients by them, read from and written to a memory
};

/// A layer may compute so many samples of a batch together, counted from its first one; a batch that is cut elsewhere
/// than between such groups may end in other last bits.
constexpr std::size_t kSamplesOfGroup = 8;

/// The inputs of a layer, each batch x size of its shape.
using LayerInputs = std::span<const MatrixView<const float>>;
/// Where the gradient by an input goes; null data where nobody needs it.
struct InputGradient : MatrixView<float> {
  bool is_added = false;  ///< to what is there; only where Layer::can_add_gradient
};
using InputGradients = std::span<const InputGradient>;

/// One layer: a map from a batch of inputs to a batch of outputs. What it needs for the way back beside its inputs and
/// output it keeps itself.
class Layer {
 public:
  Layer(std::string name, std::vector<Shape> inputs, Shape output)
      : name_(std::move(name)), input_shapes_(std::move(inputs)), output_shape_(output) {}
  virtual ~Layer() = default;

  const std::string& name() const { return name_; }
  const std::vector<Shape>& input_shapes() const { return input_shapes_; }
  const Shape& input_shape() const { return input_shapes_.front(); }
  const Shape& output_shape() const { return output_shape_; }

  /// y: batch x output_shape().size(), overwritten.
  virtual void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) = 0;
  /// A layer that looks at each position alone can be done to the output of the one before it while that is in the
  /// cache: what changes input number `place` into the output, or nothing where that is not possible. Gives the bits of
  /// `forward`. x: the inputs; that at `place` has no data yet. In training only where nobody needs that input on the
  /// way back.
  virtual FinishRows in_place(LayerInputs /*x*/, std::size_t /*place*/) { return {}; }
  /// Whether `forward_and_finish` is there: forward, with `finish` done to the positions of y.
  virtual bool can_finish() const { return false; }
  virtual void forward_and_finish(LayerInputs x, MatrixView<float> y, const Pass& pass, const FinishRows& finish);
  /// x, y: of the last forward pass, with data only where `needs` says so. dy: gradient of the loss by y. dx: gets the
  /// gradients by x. Leaves the gradients of weights and parameters in them.
  virtual void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                        const Pass& pass) = 0;
  /// Whether all gradients by the inputs are the same numbers, one for each of dy's: `backward` then writes those that
  /// have data, of which one may be dy.
  virtual bool gives_inputs_the_same() const { return false; }
  /// Whether `backward` can add to a gradient that is there.
  virtual bool can_add_gradient() const { return false; }

  /// In training a layer that looks at each position alone, once it has seen the whole batch (a batch norm), can leave
  /// writing to a layer that wants each sample once (a convolution beside it): what it writes is then still in the
  /// cache and need not be stored. `forward_later` and `backward_later` are forward and back up to the point where they
  /// would write; they give what writes the positions [first, first + count) of the output, or of the gradient by the
  /// only input, to `rows`. Inputs and dy must stay until then, each sample until it is made.
  virtual bool can_wait() const { return false; }
  virtual FinishRows forward_later(LayerInputs x, const Pass& pass);
  virtual FinishRows backward_later(LayerInputs x, MatrixView<const float> dy, const Pass& pass);
  /// Whether the layer has one input and wants each sample of it only once: then `forward_samples` is there, which is
  /// forward, or with `finish` forward_and_finish.
  virtual bool takes_samples() const { return false; }
  virtual void forward_samples(const SampleBatch& x, MatrixView<float> y, const Pass& pass, const FinishRows& finish);
  /// The same of dy, with `backward_samples`. A sample of dy is wanted before anything is written to that sample of dx.
  virtual bool takes_delta_samples() const { return false; }
  virtual void backward_samples(const SampleBatch& dy, const InputGradient& dx, const Pass& pass);
  /// What `backward` reads; the graph frees the rest.
  struct Needs {
    bool inputs = true;
    bool output = true;
  };
  virtual Needs needs() const { return {}; }
  /// Whether an evaluation must hand it all samples of a batch at once: it keeps something for each of them.
  virtual bool reads_whole_batches() const { return false; }

  /// What a digital unit does for one sample going forward, backward, or forward in evaluation: each number is read
  /// once for each pass over it.
  virtual LayerWork work(Phase) const { return {}; }

  virtual std::vector<WeightMatrix*> weight_matrices() { return {}; }
  virtual std::vector<Parameter*> parameters() { return {}; }

  /// What the future depends on beside weights and parameters: running statistics, states carried between batches.
  virtual void save(SafetensorsWriter&) const {}
  virtual void load(const SafetensorsFile&) {}
  /// Takes over what `save` keeps from a layer of the same kind and shape.
  virtual void copy_state(const Layer& /*from*/) {}
  /// Sequences begin anew.
  virtual void forget() {}

 private:
  std::string name_;
  std::vector<Shape> input_shapes_;
  Shape output_shape_;
};

}  // namespace ohmic
