// Layers on tensors and single numbers: what they compute for examples worked out by hand, and their gradients against
// central differences of their own outputs. That imported networks compute what ONNX Runtime does is tested in onnx.

#include "ohmic/network/tensors.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ohmic/network/activations.h"
#include "ohmic/network/elementwise.h"
#include "ohmic/network/pooling.h"
#include "ohmic/network/response_norm.h"
#include "ohmic/network/test_support.h"

namespace ohmic {
namespace {

constexpr float kStep = 1.0f / 64;
constexpr double kTolerance = 4e-3;  // of the norm; differences of fp32 outputs over 1/32 leave 1e-3 at worst

Matrix matrix_of(std::size_t rows, std::vector<float> values) {
  Matrix m(rows, values.size() / rows);
  std::copy(values.begin(), values.end(), m.values().begin());
  return m;
}

double functional(Layer& layer, const std::vector<Matrix>& inputs, const Matrix& coefficients) {
  const Matrix y = forward(layer, inputs, {0, true});
  double sum = 0;
  for (std::size_t i = 0; i < y.values().size(); ++i) {
    sum += static_cast<double>(y.values()[i]) * static_cast<double>(coefficients.values()[i]);
  }
  return sum;
}

// The gradient by `values`, which the outputs depend on.
std::vector<double> differences(Layer& layer, const std::vector<Matrix>& inputs, const Matrix& coefficients,
                                std::span<float> values) {
  std::vector<double> gradient;
  for (float& v : values) {
    const float at = v;
    v = at + kStep;
    const double above = functional(layer, inputs, coefficients);
    v = at - kStep;
    gradient.push_back((above - functional(layer, inputs, coefficients)) / (2 * static_cast<double>(kStep)));
    v = at;
  }
  return gradient;
}

void expect_near(std::span<const float> a, const std::vector<double>& b, const std::string& what) {
  ASSERT_EQ(a.size(), b.size());
  double error = 0, norm = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    error += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
    norm += b[i] * b[i];
  }
  EXPECT_LT(std::sqrt(error), kTolerance * std::max(std::sqrt(norm), 1e-2)) << what;
}

void check_gradients(Layer& layer, std::vector<Matrix> inputs) {
  TestNumbers draw(7);
  for (Parameter* p : layer.parameters()) {
    p->values = draw.gaussians(p->values.size());
    for (float& v : p->values) v = 1.5f + 0.3f * v;  // also divisors and powers
  }
  const Matrix y = forward(layer, inputs, {0, true});
  const Matrix dy = draw.matrix(y.rows(), y.columns());
  const std::vector<Matrix> dx = backward(layer, inputs, y, dy, {0, true});
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    expect_near(dx[k].values(), differences(layer, inputs, dy, inputs[k].values()), layer.name() + ": by its input");
  }
  for (Parameter* p : layer.parameters()) {
    expect_near(p->gradient, differences(layer, inputs, dy, p->values), p->name);
  }
}

Matrix positive(TestNumbers& draw, std::size_t rows, std::size_t columns) {
  Matrix m = draw.matrix(rows, columns);
  for (float& v : m.values()) v = 1.2f + 0.8f * std::tanh(v);
  return m;
}

Shape flat(int channels) { return {1, 1, 1, channels}; }

TEST(Tensors, PermuteMovesExtents) {
  PermuteLayer layer("permute", {flat(6)}, {2, 3}, {1, 0}, flat(6));
  const Matrix y = forward(layer, {matrix_of(1, {0, 1, 2, 3, 4, 5})}, {});
  EXPECT_EQ(values_of(y), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  TestNumbers draw(1);
  PermuteLayer four("permute", {flat(120)}, {2, 3, 4, 5}, {2, 0, 3, 1}, flat(120));
  check_gradients(four, {draw.matrix(2, 120)});
}

TEST(Tensors, PickTakesRepeatsAndFills) {
  PickLayer layer("pick", {flat(6)}, {1, 3, 2}, {2, -1, 0, 2}, 9, flat(8));
  const Matrix y = forward(layer, {matrix_of(1, {0, 1, 2, 3, 4, 5})}, {});
  EXPECT_EQ(values_of(y), (std::vector<float>{4, 5, 9, 9, 0, 1, 4, 5}));
  TestNumbers draw(2);
  check_gradients(layer, {draw.matrix(3, 6)});
}

TEST(Tensors, MeanOverTheMiddle) {
  MeanLayer layer("mean", {flat(8)}, {2, 2, 2}, flat(4));
  const Matrix y = forward(layer, {matrix_of(1, {0, 1, 2, 3, 4, 5, 6, 7})}, {});
  EXPECT_EQ(values_of(y), (std::vector<float>{1, 2, 5, 6}));
  TestNumbers draw(3);
  check_gradients(layer, {draw.matrix(2, 8)});
}

TEST(Tensors, MatmulInAllOrdersAndWithRepeatedMatrices) {
  TestNumbers draw(4);
  for (const bool turned : {false, true}) {
    for (const bool other_turned : {false, true}) {
      MatmulLayer layer("matmul", {flat(2 * 3 * 4), flat(4 * 5)}, {{2, 3, 4}, turned}, {{1, 4, 5}, other_turned},
                        flat(2 * 3 * 5));
      check_gradients(layer, {draw.matrix(2, 24), draw.matrix(2, 20)});
    }
  }
  MatmulLayer plain("matmul", {flat(4), flat(4)}, {{2, 2}, false}, {{2, 2}, true}, flat(4));
  const Matrix y = forward(plain, {matrix_of(1, {1, 2, 3, 4}), matrix_of(1, {5, 6, 7, 8})}, {});
  EXPECT_EQ(values_of(y), (std::vector<float>{17, 23, 39, 53}));
}

TEST(Tensors, ConstantGivesTheSameToEverySample) {
  ConstantLayer layer("constant", {flat(2)}, flat(3));
  TestNumbers draw(5);
  check_gradients(layer, {draw.matrix(4, 2)});
}

TEST(Tensors, ArithmeticWithRepeatedOperandsAndConstants) {
  TestNumbers draw(6);
  for (int operation = 0; operation < static_cast<int>(kOperations.size()); ++operation) {
    for (const bool reversed : {false, true}) {
      const ArithmeticLayer::Operands operands{{2, 3, 4}, {1, 3, 1}, static_cast<Operation>(operation), reversed};
      ArithmeticLayer two("two", {flat(24), flat(3)}, operands, flat(24));
      check_gradients(two, {positive(draw, 2, 24), positive(draw, 2, 3)});
      ArithmeticLayer own("own", {flat(24)}, operands, flat(24));
      check_gradients(own, {positive(draw, 2, 24)});
    }
  }
  ArithmeticLayer difference("x", {flat(4), flat(2)}, {{2, 2}, {2, 1}, Operation::subtract, false}, flat(4));
  const Matrix y = forward(difference, {matrix_of(1, {1, 2, 3, 4}), matrix_of(1, {1, 10})}, {});
  EXPECT_EQ(values_of(y), (std::vector<float>{0, 1, -7, -6}));
}

TEST(Tensors, FunctionsAndTheirSlopes) {
  TestNumbers draw(8);
  for (int kind = 0; kind < static_cast<int>(kFunctions.size()); ++kind) {
    ElementwiseFunction function;
    function.kind = static_cast<Function>(kind);
    function.low = 0.25f;
    function.high = 5;
    function.alpha = 0.2f;
    function.beta = 0.4f;
    ElementwiseLayer layer(std::string(kFunctions[static_cast<std::size_t>(kind)]), {flat(6)}, function);
    check_gradients(layer, {matrix_of(2, {0.4f, 0.5f, 0.7f, 0.9f, 1.1f, 1.3f, 1.4f, 1.6f, 1.7f, 1.9f, 2.1f, 2.2f})});
  }
  const ElementwiseFunction clip{Function::clip, -1, 2, 0, 0};
  EXPECT_EQ(clip.value(-3), -1);
  EXPECT_EQ(clip.value(3), 2);
  const ElementwiseFunction swish{Function::hard_swish};
  EXPECT_EQ(swish.value(-3), 0);
  EXPECT_EQ(swish.value(3), 3);
}

TEST(Tensors, ResponseNormOverNeighbours) {
  ResponseNormLayer layer("norm", {flat(3)}, {3, 3, 1, 1});
  const Matrix y = forward(layer, {matrix_of(1, {1, 2, 3})}, {});
  EXPECT_NEAR(y.values()[0], 1.0 / 6, 1e-6);   // 1 + 1 + 4
  EXPECT_NEAR(y.values()[1], 2.0 / 15, 1e-6);  // 1 + 1 + 4 + 9
  TestNumbers draw(9);
  ResponseNormLayer wide("norm", {flat(9)}, {4, 0.5f, 0.75f, 1});
  check_gradients(wide, {draw.matrix(3, 9)});
}

TEST(Tensors, LogSoftmax) {
  TestNumbers draw(10);
  LogSoftmaxLayer layer("log", {flat(5)});
  check_gradients(layer, {draw.matrix(3, 5)});
}

// Of a 3 x 3 image of ones, every mean that leaves out the border is 1.
TEST(Tensors, AveragePoolThatLeavesOutTheBorder) {
  const PoolWindow window{3, 3, 2, 1, false};
  AveragePoolLayer layer("mean", {{1, 3, 3, 1}}, window);
  const Matrix y = forward(layer, {matrix_of(1, std::vector<float>(9, 1.0f))}, {});
  for (const float v : y.values()) EXPECT_FLOAT_EQ(v, 1);
  TestNumbers draw(11);
  check_gradients(layer, {draw.matrix(2, 9)});
}

}  // namespace
}  // namespace ohmic
