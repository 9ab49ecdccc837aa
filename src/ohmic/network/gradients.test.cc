// Each layer against its double-precision reference: what it computes, and its gradients against central differences of
// the reference, with a random linear functional of the outputs as the loss.

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "ohmic/network/activations.h"
#include "ohmic/network/convolution.h"
#include "ohmic/network/dense.h"
#include "ohmic/network/embedding.h"
#include "ohmic/network/joining.h"
#include "ohmic/network/lstm.h"
#include "ohmic/network/normalisation.h"
#include "ohmic/network/pooling.h"
#include "ohmic/network/reference/double_layers.h"
#include "ohmic/network/test_support.h"

namespace ohmic {
namespace {

using reference::Doubles;
using reference::DoubleTensor;
using reference::SlidingKernel;

constexpr int kShapes = 4;                   // drawn for each kind of layer
constexpr double kForwardTolerance = 1e-6;   // of the norm; 3e-7 is the worst seen
constexpr double kGradientTolerance = 5e-6;  // of the norm; 4e-7 is the worst seen

/// All numbers that an output depends on.
struct Numbers {
  std::vector<DoubleTensor> inputs;
  std::vector<Doubles> matrices, parameters;
};
using Reference = std::function<DoubleTensor(const Numbers&)>;

Doubles doubles(std::span<const float> values) { return {values.begin(), values.end()}; }

double norm(std::span<const double> a) {
  double sum = 0;
  for (const double v : a) sum += v * v;
  return std::sqrt(sum);
}

// |a - b| / |b|; a gradient that is zero all over has to be that.
double relative_error(std::span<const float> a, std::span<const double> b) {
  EXPECT_EQ(a.size(), b.size());
  Doubles difference(b.begin(), b.end());
  for (std::size_t i = 0; i < b.size(); ++i) difference[i] -= static_cast<double>(a[i]);
  return norm(difference) / std::max(norm(b), 1e-3);
}

double functional(const DoubleTensor& y, const Doubles& coefficients) {
  double sum = 0;
  for (std::size_t i = 0; i < coefficients.size(); ++i) sum += y.values[i] * coefficients[i];
  return sum;
}

// The gradient by `values`, a part of `numbers`.
Doubles central_differences(Doubles& values, const Numbers& numbers, const Reference& ref,
                            const Doubles& coefficients) {
  constexpr double kStep = 1e-6;
  Doubles gradient(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double at = values[i];
    values[i] = at + kStep;
    const double above = functional(ref(numbers), coefficients);
    values[i] = at - kStep;
    gradient[i] = (above - functional(ref(numbers), coefficients)) / (2 * kStep);
    values[i] = at;
  }
  return gradient;
}

// inputs^T deltas, or what the layer summed itself.
std::vector<float> gradient_of(const WeightMatrix& matrix) {
  if (!matrix.factored) return values_of(matrix.gradient);
  const std::size_t columns = matrix.deltas.columns();
  Doubles sum(matrix.inputs.columns() * columns, 0.0);
  for (std::size_t v = 0; v < matrix.inputs.rows(); ++v) {
    for (std::size_t i = 0; i < sum.size(); ++i) {
      sum[i] += static_cast<double>(matrix.inputs.row(v)[i / columns]) *
                static_cast<double>(matrix.deltas.row(v)[i % columns]);
    }
  }
  return {sum.begin(), sum.end()};
}

DigitalWeights& digital(WeightMatrix& matrix) { return dynamic_cast<DigitalWeights&>(*matrix.weights); }

class LayerCheck {
 public:
  LayerCheck(Layer& layer, std::size_t batch, Reference ref, std::uint64_t seed)
      : layer_(layer), batch_(batch), ref_(std::move(ref)), draw_(seed) {
    for (const Shape& shape : layer.input_shapes()) inputs_.push_back(draw_.matrix(batch, shape.size()));
    for (Parameter* p : layer.parameters()) p->values = draw_.gaussians(p->values.size());
  }

  LayerCheck& pass(const Pass& pass) {
    pass_ = pass;
    return *this;
  }
  LayerCheck& inputs(std::vector<Matrix> inputs, bool differentiable) {
    inputs_ = std::move(inputs);
    differentiable_ = differentiable;
    return *this;
  }

  void run() {
    const Numbers exact = numbers();
    Numbers moved = exact;
    const Matrix y = forward(layer_, inputs_, pass_);
    const DoubleTensor expected = ref_(exact);
    ASSERT_EQ(expected.shape, layer_.output_shape()) << to_string(expected.shape);
    ASSERT_LT(relative_error(y.values(), expected.values), kForwardTolerance);
    const Matrix dy = draw_.matrix(batch_, layer_.output_shape().size());
    const Doubles coefficients = doubles(dy.values());
    const std::vector<Matrix> dx = backward(layer_, inputs_, y, dy, pass_);
    for (std::size_t k = 0; k < dx.size(); ++k) {
      const Doubles gradient = differentiable_ ? central_differences(moved.inputs[k].values, moved, ref_, coefficients)
                                               : Doubles(dx[k].values().size(), 0.0);
      EXPECT_LT(relative_error(dx[k].values(), gradient), kGradientTolerance) << "input " << k;
    }
    const auto matrices = layer_.weight_matrices();
    for (std::size_t m = 0; m < matrices.size(); ++m) {
      const Doubles gradient = central_differences(moved.matrices[m], moved, ref_, coefficients);
      EXPECT_LT(relative_error(gradient_of(*matrices[m]), gradient), kGradientTolerance) << matrices[m]->name;
    }
    const auto parameters = layer_.parameters();
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      const Doubles gradient = central_differences(moved.parameters[p], moved, ref_, coefficients);
      EXPECT_LT(relative_error(parameters[p]->gradient, gradient), kGradientTolerance) << parameters[p]->name;
    }
    expect_same_without_input_gradients(y, dy);
  }

 private:
  Numbers numbers() {
    Numbers n;
    for (std::size_t k = 0; k < inputs_.size(); ++k) {
      n.inputs.emplace_back(batch_, layer_.input_shapes()[k]);
      n.inputs.back().values = doubles(inputs_[k].values());
    }
    for (WeightMatrix* m : layer_.weight_matrices()) n.matrices.push_back(doubles(digital(*m).values().values()));
    for (Parameter* p : layer_.parameters()) n.parameters.push_back(doubles(p->values));
    return n;
  }

  // Where nobody wants the gradient by the inputs, the others must be the same.
  void expect_same_without_input_gradients(const Matrix& y, const Matrix& dy) {
    std::vector<std::vector<float>> before, after;
    for (WeightMatrix* m : layer_.weight_matrices()) before.push_back(gradient_of(*m));
    for (Parameter* p : layer_.parameters()) before.push_back(p->gradient);
    const std::vector<InputGradient> nowhere(inputs_.size());
    layer_.backward(views_of(inputs_), y.view(), dy.view(), nowhere, pass_);
    for (WeightMatrix* m : layer_.weight_matrices()) after.push_back(gradient_of(*m));
    for (Parameter* p : layer_.parameters()) after.push_back(p->gradient);
    EXPECT_EQ(before, after);
  }

  Layer& layer_;
  std::size_t batch_;
  Reference ref_;
  TestNumbers draw_;
  Pass pass_{3, true};
  std::vector<Matrix> inputs_;
  bool differentiable_ = true;
};

// A sequence of images, mostly of odd sizes.
Shape some_shape(TestNumbers& draw, int channels) {
  return {draw.between(1, 2), draw.between(1, 5), draw.between(1, 5), channels};
}
Shape some_shape(TestNumbers& draw) { return some_shape(draw, draw.between(3, 11)); }

Matrix some_weights(TestNumbers& draw, int rows, int columns) {
  Matrix m = draw.matrix(static_cast<std::size_t>(rows), static_cast<std::size_t>(columns));
  for (float& v : m.values()) v *= 0.5f;
  return m;
}

// body(draw, batch, seed) for several shapes.
template <class Body>
void for_some_shapes(std::uint64_t seed, const Body& body) {
  for (int i = 0; i < kShapes; ++i) {
    SCOPED_TRACE(i);
    TestNumbers draw(1000 * seed + static_cast<std::uint64_t>(i));
    const auto batch = static_cast<std::size_t>(draw.between(1, 4));
    body(draw, batch, 1000 * seed + static_cast<std::uint64_t>(i) + 500);
  }
}

// ------------------------------------------------------------------------------------------------------ activations

TEST(Gradients, Activations) {
  for_some_shapes(1, [](TestNumbers& draw, std::size_t batch, std::uint64_t seed) {
    const std::vector<Shape> shape = {some_shape(draw)};
    ReluLayer relu("relu", shape);
    LayerCheck(
        relu, batch, [](const Numbers& n) { return slow_relu(n.inputs[0]); }, seed)
        .run();
    LeakyReluLayer leaky("leaky", shape, 0.2);
    const auto slope = static_cast<double>(0.2f);
    LayerCheck(
        leaky, batch, [=](const Numbers& n) { return slow_leaky_relu(n.inputs[0], slope); }, seed)
        .run();
    SigmoidLayer sigmoid("sigmoid", shape);
    LayerCheck(
        sigmoid, batch, [](const Numbers& n) { return slow_sigmoid(n.inputs[0]); }, seed)
        .run();
    TanhLayer tanh("tanh", shape);
    LayerCheck(
        tanh, batch, [](const Numbers& n) { return slow_tanh(n.inputs[0]); }, seed)
        .run();
    SoftmaxLayer softmax("softmax", shape);
    LayerCheck(
        softmax, batch, [](const Numbers& n) { return slow_softmax(n.inputs[0]); }, seed)
        .run();
  });
}

TEST(Gradients, Dropout) {
  for_some_shapes(2, [](TestNumbers& draw, std::size_t batch, std::uint64_t seed) {
    DropoutLayer layer("dropout", {some_shape(draw)}, 0.3, 17, 4);
    const auto ref = [](const Numbers& n) { return slow_dropout(n.inputs[0], 0.3, 17, 4, 99); };
    LayerCheck(layer, batch, ref, seed).pass({99, true}).run();
    const auto identity = [](const Numbers& n) { return n.inputs[0]; };
    LayerCheck(layer, batch, identity, seed).pass({99, false}).run();
  });
}

// ---------------------------------------------------------------------------------------------------- normalisation

TEST(Gradients, BatchNormByTheStatisticsOfTheBatch) {
  for (const bool relu : {false, true}) {
    for_some_shapes(3, [=](TestNumbers& draw, std::size_t batch, std::uint64_t seed) {
      BatchNormLayer layer("norm", {some_shape(draw)}, 1e-3, 0.1, relu);
      const auto ref = [=](const Numbers& n) {
        return slow_batch_norm(n.inputs[0], slow_moments(n.inputs[0]), n.parameters[0], n.parameters[1], 1e-3, relu);
      };
      LayerCheck(layer, batch + 3, ref, seed).run();
    });
  }
}

TEST(Gradients, BatchNormByRunningStatistics) {
  for (const bool relu : {false, true}) {
    for_some_shapes(4, [=](TestNumbers& draw, std::size_t batch, std::uint64_t seed) {
      const Shape shape = some_shape(draw);
      BatchNormLayer layer("norm", {shape}, 1e-3, 0.1, relu);
      const auto channels = static_cast<std::size_t>(shape.channels);
      const std::vector<float> mean = draw.gaussians(channels);
      std::vector<float> variance = draw.gaussians(channels);
      for (float& v : variance) v = 0.2f + v * v;
      layer.set_running_statistics(mean, variance);
      const auto ref = [=](const Numbers& n) {
        return slow_batch_norm(n.inputs[0], {doubles(mean), doubles(variance)}, n.parameters[0], n.parameters[1], 1e-3,
                               relu);
      };
      LayerCheck(layer, batch, ref, seed).pass({0, false}).run();
    });
  }
}

TEST(Gradients, LayerNorm) {
  for_some_shapes(5, [](TestNumbers& draw, std::size_t batch, std::uint64_t seed) {
    LayerNormLayer layer("norm", {some_shape(draw)}, 1e-5);
    const auto ref = [](const Numbers& n) {
      return slow_layer_norm(n.inputs[0], n.parameters[0], n.parameters[1], 1e-5);
    };
    LayerCheck(layer, batch, ref, seed).run();
  });
}

// ------------------------------------------------------------------------------------------------------------ pools

TEST(Gradients, Pools) {
  for_some_shapes(6, [](TestNumbers& draw, std::size_t batch, std::uint64_t seed) {
    const Shape shape = {draw.between(1, 2), draw.between(3, 8), draw.between(3, 8), draw.between(1, 11)};
    const int height = draw.between(1, 3), width = draw.between(1, 3);
    const PoolWindow window{height, width, draw.between(1, 3), draw.between(0, std::min(height, width) / 2)};
    const SlidingKernel kernel{height, width, window.stride.y, window.padding.top};
    MaxPoolLayer most("max", {shape}, window);
    LayerCheck(
        most, batch, [=](const Numbers& n) { return slow_max_pool(n.inputs[0], kernel); }, seed)
        .run();
    AveragePoolLayer mean("mean", {shape}, window);
    LayerCheck(
        mean, batch, [=](const Numbers& n) { return slow_average_pool(n.inputs[0], kernel); }, seed)
        .run();
    GlobalAveragePoolLayer all("all", {shape});
    LayerCheck(
        all, batch, [](const Numbers& n) { return slow_global_average_pool(n.inputs[0]); }, seed)
        .run();
  });
}

TEST(Gradients, PaddedPools) {
  for (const int stride : {1, 2, 3}) {
    const Shape shape = {1, 7, 6, 3};
    const SlidingKernel kernel{3, 4, stride, 1};
    MaxPoolLayer most("max", {shape}, {3, 4, stride, 1});
    LayerCheck(
        most, 2, [=](const Numbers& n) { return slow_max_pool(n.inputs[0], kernel); }, 61)
        .run();
    AveragePoolLayer mean("mean", {shape}, {3, 4, stride, 1});
    LayerCheck(
        mean, 2, [=](const Numbers& n) { return slow_average_pool(n.inputs[0], kernel); }, 62)
        .run();
  }
}

// ---------------------------------------------------------------------------------------------------------- joining

TEST(Gradients, AddOfSeveralInputs) {
  for (const bool relu : {false, true}) {
    for_some_shapes(7, [=](TestNumbers& draw, std::size_t batch, std::uint64_t seed) {
      AddLayer layer("add", std::vector<Shape>(static_cast<std::size_t>(draw.between(2, 4)), some_shape(draw)), relu);
      LayerCheck(
          layer, batch, [=](const Numbers& n) { return slow_add(n.inputs, relu); }, seed)
          .run();
    });
  }
}

TEST(Gradients, ConcatFlattenAndReshape) {
  for_some_shapes(8, [](TestNumbers& draw, std::size_t batch, std::uint64_t seed) {
    const Shape a = some_shape(draw);
    Shape b = a, c = a;
    b.channels = draw.between(1, 6);
    c.channels = draw.between(1, 6);
    ConcatLayer concat("concat", {a, b, c});
    LayerCheck(
        concat, batch, [](const Numbers& n) { return slow_concat(n.inputs); }, seed)
        .run();
    const int size = a.height * a.width * a.channels;
    FlattenLayer flatten("flatten", {a});
    const Shape flat = {a.steps, 1, 1, size};
    LayerCheck(
        flatten, batch, [=](const Numbers& n) { return slow_reshape(n.inputs[0], flat); }, seed)
        .run();
    ReshapeLayer reshape("reshape", {a}, {1, a.channels, a.width, 0});
    const Shape other = {a.steps, a.channels, a.width, a.height};
    LayerCheck(
        reshape, batch, [=](const Numbers& n) { return slow_reshape(n.inputs[0], other); }, seed)
        .run();
  });
}

// ----------------------------------------------------------------------------------------------------------- tokens

TEST(Gradients, Tokens) {
  for_some_shapes(9, [](TestNumbers& draw, std::size_t batch, std::uint64_t seed) {
    const Shape shape = {draw.between(1, 9), 1, 1, 1};
    const int vocabulary = draw.between(2, 7), units = draw.between(1, 40);
    const std::vector<Matrix> tokens = {draw.tokens(batch, shape.size(), vocabulary)};
    EmbeddingLayer embedding("embedding", {shape}, vocabulary, units, 1, 0);
    const auto look_up = [=](const Numbers& n) { return slow_embedding(n.inputs[0], n.parameters[0], units); };
    LayerCheck(embedding, batch, look_up, seed).inputs(tokens, false).run();
    OneHotLayer one_hot("one_hot", {shape}, vocabulary);
    const auto mark = [=](const Numbers& n) { return slow_one_hot(n.inputs[0], vocabulary); };
    LayerCheck(one_hot, batch, mark, seed).inputs(tokens, false).run();
  });
}

// --------------------------------------------------------------------------------------------------------- matrices

TEST(Gradients, Dense) {
  for (const bool bias : {false, true}) {
    for (const Sparsity sparsity : {Sparsity::sparse, Sparsity::dense}) {
      for_some_shapes(10, [=](TestNumbers& draw, std::size_t batch, std::uint64_t seed) {
        const Shape shape = some_shape(draw);
        const int units = draw.between(1, 9);
        auto weights =
            std::make_unique<DigitalWeights>(some_weights(draw, dense_inputs(shape) + (bias ? 1 : 0), units), sparsity);
        DenseLayer layer("dense", shape, bias, std::move(weights));
        const auto ref = [=](const Numbers& n) { return slow_dense(n.inputs[0], n.matrices[0], units, bias); };
        LayerCheck(layer, batch, ref, seed).run();
      });
    }
  }
}

GroupWeights some_groups(TestNumbers& draw) {
  return [&draw](int, int inputs, int outputs) {
    return std::make_unique<DigitalWeights>(some_weights(draw, inputs, outputs));
  };
}

Doubles bias_of(const Numbers& n) { return n.parameters.empty() ? Doubles() : n.parameters[0]; }

TEST(Gradients, ConvolutionWithStridePaddingDilationAndGroups) {
  for (const bool bias : {false, true}) {
    for (const int groups : {1, 2, 3}) {
      for_some_shapes(static_cast<std::uint64_t>(20 + groups), [=](TestNumbers& draw, std::size_t batch,
                                                                   std::uint64_t seed) {
        const int outputs = groups * draw.between(1, 3);
        const Window window{draw.between(5, 7), draw.between(5, 7), groups * draw.between(1, 2), draw.between(1, 3),
                            draw.between(1, 3), draw.between(1, 3), draw.between(0, 2),          draw.between(1, 2)};
        ConvolutionLayer layer("convolution", window, outputs, groups, bias, some_groups(draw));
        const SlidingKernel kernel{window.kernel_height, window.kernel_width, window.stride.y, window.padding.top,
                                   window.dilation.y};
        const auto ref = [=](const Numbers& n) {
          return slow_convolution(n.inputs[0], n.matrices, bias_of(n), outputs, kernel);
        };
        LayerCheck(layer, batch, ref, seed).run();
      });
    }
  }
}

TEST(Gradients, TransposedConvolution) {
  for (const bool bias : {false, true}) {
    for_some_shapes(30, [=](TestNumbers& draw, std::size_t batch, std::uint64_t seed) {
      const Shape input = {1, draw.between(2, 4), draw.between(2, 4), draw.between(1, 4)};
      const int outputs = draw.between(1, 3);
      const SlidingKernel kernel{draw.between(2, 4), draw.between(2, 4), draw.between(1, 2), draw.between(0, 1),
                                 draw.between(1, 2)};
      const Window window = transposed_window(input, outputs, kernel.height, kernel.width, kernel.stride,
                                              kernel.padding, kernel.dilation);
      TransposedConvolutionLayer layer("transposed", window, input.channels, bias, some_groups(draw));
      ASSERT_EQ(layer.input_shape(), input);
      const auto ref = [=](const Numbers& n) {
        return slow_transposed_convolution(n.inputs[0], n.matrices[0], bias_of(n), outputs, kernel);
      };
      LayerCheck(layer, batch, ref, seed).run();
    });
  }
}

TEST(Gradients, LstmFromRestAndFromTheStateOfThePassBefore) {
  for (const bool bias : {false, true}) {
    for_some_shapes(40, [=](TestNumbers& draw, std::size_t batch, std::uint64_t seed) {
      const Shape shape = {draw.between(1, 5), 1, 1, draw.between(1, 6)};
      const int units = draw.between(1, 6);
      const std::size_t states = batch * static_cast<std::size_t>(units);
      const reference::LstmState rest{Doubles(states, 0.0), Doubles(states, 0.0)};
      auto weights =
          std::make_unique<DigitalWeights>(some_weights(draw, shape.channels + units + (bias ? 1 : 0), 4 * units));
      LstmLayer layer("lstm", shape, units, bias, std::move(weights));
      const auto from = [=](const reference::LstmState& before) {
        return [=](const Numbers& n) {
          reference::LstmState state = before;
          return slow_lstm(n.inputs[0], n.matrices[0], units, bias, state);
        };
      };
      LayerCheck(layer, batch, from(rest), seed).run();

      const Matrix first = draw.matrix(batch, shape.size());
      forward(layer, {first}, {0, true});
      DoubleTensor x(batch, shape);
      x.values = doubles(first.values());
      reference::LstmState state = rest;
      slow_lstm(x, doubles(digital(*layer.weight_matrices()[0]).values().values()), units, bias, state);
      LayerCheck(layer, batch, from(state), seed + 1).pass({0, true, true}).run();
    });
  }
}

}  // namespace
}  // namespace ohmic
