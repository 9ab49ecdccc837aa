#pragma once

// Layers that rearrange, pick, repeat or multiply parts of a sample, which they see as a tensor: extents, the last one
// fastest. They do what transformers, recurrent nets and imported networks need between their weighted layers.

#include <cstdint>
#include <string>
#include <vector>

#include "ohmic/network/layer.h"

namespace ohmic {

using Extents = std::vector<std::size_t>;

/// The extents of a tensor as a setting gives them: at least one, whole numbers from 1. Error names layer and setting.
Extents extents_of(const std::string& layer, const char* setting, const std::vector<double>& values);
std::size_t element_count(const Extents& extents);

/// One loop of a walk through several tensors: how often, and how far each of them moves.
struct TensorLoop {
  std::size_t count = 1;
  std::size_t first_step = 0, second_step = 0;
};

/// Neighbouring loops that act as one become one; those of one turn go.
std::vector<TensorLoop> joined_loops(std::vector<TensorLoop> loops);

/// The extents of a tensor in another order.
class PermuteLayer final : public Layer {
 public:
  /// order[k]: which extent of the input is the k-th of the output. `output` has as many values.
  PermuteLayer(const std::string& name, const std::vector<Shape>& inputs, const Extents& dims,
               const std::vector<double>& order, const Shape& output);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  Needs needs() const override { return {false, false}; }

 private:
  std::vector<TensorLoop> loops_;  ///< over the output; first: the input
};

/// Slices of a tensor, chosen by number: cutting, repeating, reversing and padding are all that. The tensor is [outer,
/// count, inner]; the output is [outer, indices, inner].
class PickLayer final : public Layer {
 public:
  /// indices: 0 .. count - 1, or -1 for a slice of `fill`.
  PickLayer(const std::string& name, const std::vector<Shape>& inputs, const Extents& dims,
            const std::vector<double>& indices, double fill, const Shape& output);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  Needs needs() const override { return {false, false}; }

 private:
  Extents dims_;
  std::vector<int> indices_;
  float fill_;
};

/// The mean over the middle of [outer, count, inner], in double precision.
class MeanLayer final : public Layer {
 public:
  MeanLayer(const std::string& name, const std::vector<Shape>& inputs, const Extents& dims, const Shape& output);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  Needs needs() const override { return {false, false}; }

 private:
  Extents dims_;
};

/// Products of matrices that are both activations, as in attention: [.., m, k] x [.., k, n] = [.., m, n]. Extents in
/// front are matched from the last; 1 is repeated.
class MatmulLayer final : public Layer {
 public:
  struct Operand {
    Extents dims;             ///< [.., rows, columns]
    bool transposed = false;  ///< stored as [.., columns, rows]
  };
  MatmulLayer(const std::string& name, const std::vector<Shape>& inputs, const Operand& first, const Operand& second,
              const Shape& output);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  Needs needs() const override { return {true, false}; }

 private:
  struct Product {
    std::size_t first, second;  ///< offsets of the two matrices in their samples
  };
  void backward_sample(std::size_t sample, LayerInputs x, MatrixView<const float> dy, InputGradients dx) const;

  bool transposed_, other_transposed_;
  std::size_t rows_ = 0, inner_ = 0, columns_ = 0;
  std::vector<Product> products_;  ///< in the order of the output
};

/// The same trained numbers for every sample, such as a class token. The input is not looked at.
class ConstantLayer final : public Layer {
 public:
  ConstantLayer(const std::string& name, const std::vector<Shape>& inputs, const Shape& output);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  Needs needs() const override { return {false, false}; }
  std::vector<Parameter*> parameters() override { return {&values_}; }

 private:
  Parameter values_;
};

}  // namespace ohmic
