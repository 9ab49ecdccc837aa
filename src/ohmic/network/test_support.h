#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "ohmic/core/kernels.h"
#include "ohmic/network/layer.h"

namespace ohmic {

/// Keyed random numbers for tests, one after the other.
class TestNumbers {
 public:
  explicit TestNumbers(std::uint64_t seed) : stream_(seed, Purpose::augmentation, 0, 0) {}

  /// low .. high, both possible.
  int between(int low, int high) {
    return low + static_cast<int>(random_word(stream_, next_++) % static_cast<std::uint32_t>(high - low + 1));
  }
  float gaussian() { return random_gaussian(stream_, next_++); }
  std::vector<float> gaussians(std::size_t count) {
    std::vector<float> values(count);
    for (float& v : values) v = gaussian();
    return values;
  }
  Matrix matrix(std::size_t rows, std::size_t columns) {
    Matrix m(rows, columns);
    for (float& v : m.values()) v = gaussian();
    return m;
  }
  Matrix tokens(std::size_t rows, std::size_t columns, int vocabulary) {
    Matrix m(rows, columns);
    for (float& v : m.values()) v = static_cast<float>(between(0, vocabulary - 1));
    return m;
  }

 private:
  RandomStream stream_;
  std::uint32_t next_ = 0;
};

inline MatrixView<const float> view_of(const Matrix& m) { return m.view(); }

inline std::vector<MatrixView<const float>> views_of(const std::vector<Matrix>& matrices) {
  std::vector<MatrixView<const float>> views;
  for (const Matrix& m : matrices) views.push_back(m.view());
  return views;
}

inline Matrix forward(Layer& layer, const std::vector<Matrix>& inputs, const Pass& pass) {
  Matrix y(inputs[0].rows(), layer.output_shape().size());
  layer.forward(views_of(inputs), y.view(), pass);
  return y;
}

/// The gradients by the inputs. Gives the layer only what it says it needs.
inline std::vector<Matrix> backward(Layer& layer, const std::vector<Matrix>& inputs, const Matrix& y, const Matrix& dy,
                                    const Pass& pass) {
  auto x = views_of(inputs);
  if (!layer.needs().inputs) {
    for (auto& v : x) v.data = nullptr;
  }
  auto out = y.view();
  if (!layer.needs().output) out.data = nullptr;
  std::vector<Matrix> gradients;
  std::vector<InputGradient> dx;
  for (const Matrix& m : inputs) gradients.emplace_back(m.rows(), m.columns());
  for (Matrix& m : gradients) {
    std::fill(m.values().begin(), m.values().end(), std::numeric_limits<float>::quiet_NaN());
    dx.push_back({m.view()});
  }
  layer.backward(x, out, dy.view(), dx, pass);
  return gradients;
}

inline std::vector<float> values_of(const Matrix& m) { return {m.values().begin(), m.values().end()}; }

}  // namespace ohmic
