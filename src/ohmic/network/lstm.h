#pragma once

#include "ohmic/network/layer.h"

namespace ohmic {

/// Long short-term memory (Hochreiter and Schmidhuber 1997, with forget gate) over the steps of a sequence. All four
/// gates stand on one matrix of (features + units + 1 if bias) x (4 units):
///
///     [i f g o] = [x_t h_(t-1) 1] W;   c_t = sigmoid(f) c_(t-1) + sigmoid(i) tanh(g);   h_t = sigmoid(o) tanh(c_t)
///
/// Gradients go back to the first step of the pass (truncated back-propagation through time); where passes continue
/// each other, h and c are carried over. Training and evaluation have states of their own.
class LstmLayer final : public Layer {
 public:
  LstmLayer(std::string name, const Shape& input, int units, bool bias, std::unique_ptr<Weights> weights);

  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  /// The cells' part of each step: forward c and h (two products and a sum, tanh, a product), back the gradients by
  /// h, c and the four gates as lstm_step_back forms them.
  LayerWork work(Phase phase) const override;
  Needs needs() const override { return {false, false}; }
  std::vector<WeightMatrix*> weight_matrices() override { return {&matrix_}; }
  void save(SafetensorsWriter& out) const override;
  void load(const SafetensorsFile& in) override;
  bool reads_whole_batches() const override { return true; }
  void forget() override { evaluation_ = {}; }

 private:
  struct State {
    Matrix hidden, cell;  ///< batch x units
  };

  void begin(State& state, std::size_t batch, bool continues) const;
  void assemble(LayerInputs x, const State& state);
  void advance(std::size_t step, MatrixView<float> y);
  void retreat(std::size_t step, MatrixView<const float> dy);

  bool bias_;
  std::size_t steps_, features_, units_;
  WeightMatrix matrix_;
  State training_, evaluation_;
  Matrix gates_;                           ///< steps x batch rows: i f g o after their functions
  Matrix cells_;                           ///< (steps + 1) x batch rows: c before the first step and after each
  Matrix squashed_;                        ///< steps x batch rows: tanh(c) after each step
  Matrix cell_gradient_, input_gradient_;  ///< scratch
};

}  // namespace ohmic
