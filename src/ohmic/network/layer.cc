#include "ohmic/network/layer.h"

#include <algorithm>

#include "ohmic/core/kernels.h"

namespace ohmic {

DenseLayer::DenseLayer(std::string name, std::size_t inputs, bool bias, std::unique_ptr<Weights> weights)
    : Layer(std::move(name)), input_count_(inputs), bias_(bias), weights_(std::move(weights)) {
  OHMIC_EXPECT(static_cast<std::size_t>(weights_->inputs()) == inputs + (bias ? 1 : 0));
}

void DenseLayer::forward(MatrixView<const float> x, MatrixView<float> y, const Pass& pass) {
  inputs_.resize(x.rows, static_cast<std::size_t>(weights_->inputs()));
  for (std::size_t s = 0; s < x.rows; ++s) {
    std::copy_n(x.row(s).begin(), input_count_, inputs_.row(s).begin());
    if (bias_) inputs_.row(s)[input_count_] = 1;
  }
  weights_->forward(inputs_.view(), y, pass);
}

void DenseLayer::backward(MatrixView<const float>, MatrixView<const float> dy, MatrixView<float> dx, const Pass& pass) {
  deltas_.resize(dy.rows, dy.columns);
  std::copy_n(dy.data, dy.rows * dy.columns, deltas_.values().begin());
  if (dx.data == nullptr) return;
  input_gradients_.resize(dy.rows, static_cast<std::size_t>(weights_->inputs()));
  weights_->backward(dy, input_gradients_.view(), pass);
  for (std::size_t s = 0; s < dy.rows; ++s)
    std::copy_n(input_gradients_.row(s).begin(), input_count_, dx.row(s).begin());
}

void SigmoidLayer::forward(MatrixView<const float> x, MatrixView<float> y, const Pass&) {
  std::copy_n(x.data, x.rows * x.columns, y.data);
  sigmoid({y.data, y.rows * y.columns});
}

void SigmoidLayer::backward(MatrixView<const float> y, MatrixView<const float> dy, MatrixView<float> dx, const Pass&) {
  if (dx.data == nullptr) return;
  for (std::size_t i = 0; i < y.rows * y.columns; ++i) dx.data[i] = dy.data[i] * y.data[i] * (1 - y.data[i]);
}

}  // namespace ohmic
