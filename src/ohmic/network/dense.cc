#include "ohmic/network/dense.h"

#include <algorithm>

#include "ohmic/network/loops.h"

namespace ohmic {

DenseLayer::DenseLayer(std::string name, const Shape& input, bool bias, std::unique_ptr<Weights> weights)
    : Layer(name, {input}, {input.steps, 1, 1, weights->outputs()}),
      bias_(bias),
      vectors_per_sample_(static_cast<std::size_t>(input.steps)),
      inputs_per_vector_(static_cast<std::size_t>(dense_inputs(input))) {
  OHMIC_EXPECT(static_cast<std::size_t>(weights->inputs()) == inputs_per_vector_ + (bias ? 1 : 0));
  matrix_.name = std::move(name);
  matrix_.weights = std::move(weights);
  matrix_.factored = true;
}

Pass DenseLayer::pass_of_vectors(const Pass& pass) const {
  return {pass.first_read * vectors_per_sample_, pass.training, false, pass.calibrates};
}

void DenseLayer::forward(LayerInputs x, MatrixView<float> y, const Pass& pass) {
  const std::size_t vectors = y.rows * vectors_per_sample_;
  const MatrixView<const float> in{x[0].data, vectors, inputs_per_vector_};
  Matrix& kept = matrix_.inputs;
  kept.resize(vectors, static_cast<std::size_t>(matrix_.weights->inputs()));
  parallel_chunks(vectors, rows_per_task(kept.columns()), [&](std::size_t begin, std::size_t end) {
    for (std::size_t v = begin; v < end; ++v) {
      std::copy_n(in.row(v).begin(), inputs_per_vector_, kept.row(v).begin());
      if (bias_) kept.row(v)[inputs_per_vector_] = 1;
    }
  });
  matrix_.weights->forward(kept.view(), {y.data, vectors, y.columns / vectors_per_sample_}, pass_of_vectors(pass));
}

void DenseLayer::backward(LayerInputs, MatrixView<const float>, MatrixView<const float> dy, InputGradients dx,
                          const Pass& pass) {
  Matrix& deltas = matrix_.deltas;
  deltas.resize(dy.rows * vectors_per_sample_, dy.columns / vectors_per_sample_);
  copy_elements(dy.rows * dy.columns, dy.data, deltas.values().data());
  if (dx[0].data == nullptr) return;
  input_gradients_.resize(deltas.rows(), static_cast<std::size_t>(matrix_.weights->inputs()));
  matrix_.weights->backward(static_cast<const Matrix&>(deltas).view(), input_gradients_.view(), pass_of_vectors(pass));
  parallel_chunks(deltas.rows(), rows_per_task(input_gradients_.columns()), [&](std::size_t begin, std::size_t end) {
    for (std::size_t v = begin; v < end; ++v) {
      std::copy_n(input_gradients_.row(v).begin(), inputs_per_vector_, dx[0].data + v * inputs_per_vector_);
    }
  });
}

}  // namespace ohmic
