#pragma once

#include <string>
#include <vector>

#include "ohmic/network/layer.h"

namespace ohmic {

/// Local response normalisation (Krizhevsky et al. 2012): y_c = x_c / s_c^beta with
/// s_c = bias + alpha / size sum of x_k^2 over the `size` channels around c, of which (size - 1) / 2, rounded down, lie
/// before it.
class ResponseNormLayer final : public Layer {
 public:
  struct Settings {
    int size = 5;
    float alpha = 1e-4f, beta = 0.75f, bias = 1;
  };
  ResponseNormLayer(const std::string& name, const std::vector<Shape>& inputs, const Settings& settings);
  void forward(LayerInputs x, MatrixView<float> y, const Pass& pass) override;
  void backward(LayerInputs x, MatrixView<const float> y, MatrixView<const float> dy, InputGradients dx,
                const Pass& pass) override;
  Needs needs() const override { return {true, false}; }

 private:
  double scale_at(const float* x, int channel) const;

  Settings settings_;
};

}  // namespace ohmic
