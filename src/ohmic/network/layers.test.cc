// What the layers without a matrix do beside their formulas, which gradients.test.cc checks.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>

#include "ohmic/core/parallel.h"
#include "ohmic/network/activations.h"
#include "ohmic/network/embedding.h"
#include "ohmic/network/joining.h"
#include "ohmic/network/normalisation.h"
#include "ohmic/network/pooling.h"
#include "ohmic/network/test_support.h"

namespace ohmic {
namespace {

constexpr Pass kTraining{0, true};
constexpr Pass kEvaluation{0, false};

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

void expect_error(const std::string& part, const std::function<void()>& action) {
  const std::string message = error_of(action);
  EXPECT_NE(message.find(part), std::string::npos) << "message: " << message;
}

// ------------------------------------------------------------------------------------------------------ equal bytes

using Maker = std::function<std::unique_ptr<Layer>()>;

// Everything that a training step leaves, as bytes of floats.
std::vector<float> trace(const Maker& make, const std::vector<Matrix>& inputs, const Matrix& dy, int threads) {
  set_thread_count(threads);
  const auto layer = make();
  const Matrix y = forward(*layer, inputs, kTraining);
  std::vector<float> all = values_of(y);
  for (const Matrix& dx : backward(*layer, inputs, y, dy, kTraining)) {
    all.insert(all.end(), dx.values().begin(), dx.values().end());
  }
  for (const Parameter* p : layer->parameters()) all.insert(all.end(), p->gradient.begin(), p->gradient.end());
  const Matrix evaluated = forward(*layer, inputs, kEvaluation);
  all.insert(all.end(), evaluated.values().begin(), evaluated.values().end());
  set_thread_count(0);
  return all;
}

template <class L, class... Settings>
Maker maker(const std::vector<Shape>& inputs, Settings... settings) {
  return [=] { return std::make_unique<L>("layer", inputs, settings...); };
}

TEST(Layers, GiveEqualBytesOnAnyNumberOfThreads) {
  const Shape image = {1, 17, 13, 24}, sequence = {9, 1, 1, 33}, text = {50, 1, 1, 1};
  const std::vector<Maker> makers = {
      maker<ReluLayer>({image}),
      maker<LeakyReluLayer>({image}, 0.1),
      maker<SigmoidLayer>({image}),
      maker<TanhLayer>({image}),
      maker<SoftmaxLayer>({sequence}),
      maker<DropoutLayer>({image}, 0.4, std::uint64_t{3}, 2u),
      maker<BatchNormLayer>({image}, 1e-5, 0.1),
      maker<BatchNormLayer>({image}, 1e-5, 0.1, true),
      maker<LayerNormLayer>({sequence}, 1e-5),
      maker<MaxPoolLayer>({image}, PoolWindow{3, 3, 2, 1}),
      maker<AveragePoolLayer>({image}, PoolWindow{3, 3, 2, 1}),
      maker<GlobalAveragePoolLayer>({image}),
      maker<AddLayer>({image, image, image}, true),
      maker<ConcatLayer>({image, image}),
      maker<FlattenLayer>({image}),
      maker<EmbeddingLayer>({text}, 40, 100, std::uint64_t{1}, 0u),
      maker<OneHotLayer>({text}, 40),
  };
  for (std::size_t m = 0; m < makers.size(); ++m) {
    SCOPED_TRACE(m);
    TestNumbers draw(m);
    constexpr std::size_t kSamples = 41;
    const auto layer = makers[m]();
    std::vector<Matrix> inputs;
    for (const Shape& shape : layer->input_shapes()) {
      inputs.push_back(shape == text ? draw.tokens(kSamples, shape.size(), 40) : draw.matrix(kSamples, shape.size()));
    }
    const Matrix dy = draw.matrix(kSamples, layer->output_shape().size());
    const std::vector<float> one = trace(makers[m], inputs, dy, 1);
    for (const int threads : {2, 5}) {
      const std::vector<float> several = trace(makers[m], inputs, dy, threads);
      ASSERT_EQ(one.size(), several.size());
      EXPECT_EQ(std::memcmp(one.data(), several.data(), one.size() * sizeof(float)), 0) << threads << " threads";
    }
  }
}

// Training runs of old versions must repeat to the bit.
TEST(Layers, SigmoidGivesTheBitsOfOneKernelCall) {
  TestNumbers draw(1);
  const Matrix x = draw.matrix(37, 501), dy = draw.matrix(37, 501);
  SigmoidLayer layer("sigmoid", {{1, 1, 1, 501}});
  const Matrix y = forward(layer, {x}, kTraining);
  std::vector<float> expected = values_of(x);
  sigmoid(expected);
  EXPECT_EQ(values_of(y), expected);
  const Matrix dx = std::move(backward(layer, {x}, y, dy, kTraining)[0]);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(dx.values()[i], dy.values()[i] * expected[i] * (1 - expected[i]));
  }
}

TEST(Layers, NotANumberIsNotHidden) {
  const Shape shape = {1, 1, 1, 3};
  Matrix x(4, 3);
  x.values()[4] = std::numeric_limits<float>::quiet_NaN();
  ReluLayer relu("relu", {shape});
  AddLayer add("add", {shape, shape}, true);
  BatchNormLayer norm("norm", {shape}, 1e-5, 0.1, true);
  EXPECT_TRUE(std::isnan(forward(relu, {x}, kTraining).values()[4]));
  EXPECT_TRUE(std::isnan(forward(add, {x, x}, kTraining).values()[4]));
  EXPECT_TRUE(std::isnan(forward(norm, {x}, kTraining).values()[4]));
}

// ------------------------------------------------------------------------------------------------------- batch norm

struct Moments {
  double mean = 0, squares = 0, count = 0;
};

// Of one channel over several batches.
Moments moments(const std::vector<Matrix>& batches, std::size_t channels, std::size_t channel) {
  Moments m;
  std::vector<double> values;
  for (const Matrix& batch : batches) {
    for (std::size_t i = channel; i < batch.values().size(); i += channels) {
      values.push_back(static_cast<double>(batch.values()[i]));
    }
  }
  m.count = static_cast<double>(values.size());
  for (const double v : values) m.mean += v / m.count;
  for (const double v : values) m.squares += (v - m.mean) * (v - m.mean);
  return m;
}

// Channel c of a batch has the mean 10 c and the spread c + 1.
Matrix spread_batch(TestNumbers& draw, std::size_t rows, std::size_t channels) {
  Matrix x = draw.matrix(rows, channels);
  for (std::size_t i = 0; i < x.values().size(); ++i) {
    const auto c = static_cast<float>(i % channels);
    x.values()[i] = 10 * c + (c + 1) * x.values()[i];
  }
  return x;
}

TEST(BatchNorm, RunningStatisticsFollowTheUnbiasedMomentsOfTheBatches) {
  constexpr std::size_t kChannels = 5;
  TestNumbers draw(2);
  BatchNormLayer layer("norm", {{1, 1, 1, kChannels}}, 1e-5, 0.3);
  std::vector<double> mean(kChannels, 0.0), variance(kChannels, 1.0);
  for (int step = 0; step < 6; ++step) {
    const Matrix x = spread_batch(draw, 7, kChannels);
    forward(layer, {x}, kTraining);
    for (std::size_t c = 0; c < kChannels; ++c) {
      const Moments m = moments({x}, kChannels, c);
      mean[c] += 0.3 * (m.mean - mean[c]);
      variance[c] += 0.3 * (m.squares / (m.count - 1) - variance[c]);
      EXPECT_NEAR(layer.running_mean()[c], mean[c], 1e-5 * std::abs(mean[c]) + 1e-6);
      EXPECT_NEAR(layer.running_variance()[c], variance[c], 1e-5 * variance[c]);
    }
  }
  const std::vector<float> before = layer.running_mean();
  const Matrix x = spread_batch(draw, 3, kChannels);
  const Matrix y = forward(layer, {x}, kEvaluation);
  EXPECT_EQ(layer.running_mean(), before);
  for (std::size_t i = 0; i < x.values().size(); ++i) {
    const std::size_t c = i % kChannels;
    EXPECT_NEAR(y.values()[i], (x.values()[i] - mean[c]) / std::sqrt(variance[c] + 1e-5), 2e-5);
  }
}

TEST(BatchNorm, VarianceSurvivesALargeMean) {
  TestNumbers draw(3);
  Matrix x = draw.matrix(4000, 2);
  for (float& v : x.values()) v = 30000 + std::round(v * 64) / 64;  // exact in float
  BatchNormLayer layer("norm", {{1, 1, 1, 2}}, 0, 1);
  forward(layer, {x}, kTraining);
  for (std::size_t c = 0; c < 2; ++c) {
    const Moments m = moments({x}, 2, c);
    EXPECT_NEAR(layer.running_variance()[c] / (m.squares / (m.count - 1)), 1, 1e-6);
  }
}

TEST(BatchNorm, AConstantChannelWithoutEpsilonGivesBeta) {
  Matrix x(6, 2);
  std::fill(x.values().begin(), x.values().end(), 3.5f);
  BatchNormLayer layer("norm", {{1, 1, 1, 2}}, 0, 0.1);
  layer.parameters()[1]->values = {0.25f, -2};
  const Matrix y = forward(layer, {x}, kTraining);
  for (std::size_t r = 0; r < 6; ++r)
    EXPECT_EQ(std::vector<float>({y.row(r)[0], y.row(r)[1]}), std::vector<float>({0.25f, -2}));
}

TEST(BatchNorm, ReestimationGivesTheMomentsOfAllCalibrationData) {
  constexpr std::size_t kChannels = 3;
  const Shape shape = {1, 2, 2, kChannels};
  TestNumbers draw(4);
  BatchNormLayer layer("norm", {shape}, 1e-5, 0.1);
  layer.set_running_statistics({5, 6, 7}, {8, 9, 10});
  std::vector<Matrix> batches;
  for (const std::size_t rows : {20, 3, 11}) batches.push_back(spread_batch(draw, rows, shape.size()));

  layer.begin_reestimation();
  for (std::size_t b = 0; b < batches.size(); ++b) {
    const Matrix y = forward(layer, {batches[b]}, b == 1 ? kTraining : kEvaluation);
    for (std::size_t c = 0; c < kChannels; ++c) {  // normalised by its own statistics
      const Moments m = moments({y}, kChannels, c);
      EXPECT_NEAR(m.mean, 0, 1e-5);
      EXPECT_NEAR(m.squares / m.count, 1, 1e-3);
    }
    EXPECT_EQ(layer.running_mean(), (std::vector<float>{5, 6, 7}));
  }
  layer.end_reestimation();
  for (std::size_t c = 0; c < kChannels; ++c) {
    const Moments m = moments(batches, kChannels, c);
    EXPECT_NEAR(layer.running_mean()[c] / m.mean, 1, 1e-6);
    EXPECT_NEAR(layer.running_variance()[c] / (m.squares / (m.count - 1)), 1, 1e-6);
  }
  const std::vector<float> mean = layer.running_mean();
  forward(layer, {batches[0]}, kEvaluation);  // counts no more
  EXPECT_EQ(layer.running_mean(), mean);
  layer.begin_reestimation();
  expect_error("no calibration data", [&] { layer.end_reestimation(); });
  EXPECT_EQ(layer.running_mean(), mean);
}

TEST(BatchNorm, RunningStatisticsAreSavedLoadedAndCopied) {
  const std::vector<Shape> shape = {{1, 1, 1, 3}};
  BatchNormLayer a("norm", shape, 1e-5, 0.1), b("norm", shape, 1e-5, 0.1), c("other", shape, 1e-5, 0.1);
  a.set_running_statistics({1, 2, 3}, {4, 5, 6});
  const auto path = std::filesystem::path(testing::TempDir()) / "ohmic_batch_norm.safetensors";
  SafetensorsWriter out;
  a.save(out);
  out.write(path);
  b.load(SafetensorsFile(path));
  std::filesystem::remove(path);
  c.copy_state(b);
  for (const BatchNormLayer* layer : {&b, &c}) {
    EXPECT_EQ(layer->running_mean(), a.running_mean());
    EXPECT_EQ(layer->running_variance(), a.running_variance());
  }
}

TEST(BatchNorm, OneValuePerChannelIsAnErrorInTraining) {
  BatchNormLayer layer("bn7", {{1, 1, 1, 4}}, 1e-5, 0.1);
  const Matrix x(1, 4);
  expect_error("layer \"bn7\" would train on one value per channel", [&] { forward(layer, {x}, kTraining); });
  forward(layer, {x}, kEvaluation);
}

// ---------------------------------------------------------------------------------------------------------- dropout

// The share over 200 000 values would leave its bound of 5 standard errors for one seed in 1.7 million.
TEST(Dropout, DropsItsShareAndScalesTheRest) {
  for (const double rate : {0.0, 0.1, 0.5, 0.9}) {
    constexpr std::size_t kRows = 100, kColumns = 2000;
    DropoutLayer layer("dropout", {{1, 1, 1, kColumns}}, rate, 11, 3);
    Matrix x(kRows, kColumns);
    std::fill(x.values().begin(), x.values().end(), 2.0f);
    const Matrix y = forward(layer, {x}, {40, true});
    std::size_t dropped = 0;
    for (const float v : y.values()) {
      dropped += v == 0;
      ASSERT_EQ(v, v == 0 ? 0 : 2 * static_cast<float>(1 / (1 - rate)));
    }
    const double count = kRows * kColumns;
    EXPECT_NEAR(static_cast<double>(dropped) / count, rate, 5 * std::sqrt(rate * (1 - rate) / count));
    EXPECT_EQ(values_of(backward(layer, {x}, y, x, {40, true})[0]), values_of(y));
    EXPECT_EQ(values_of(forward(layer, {x}, kEvaluation)), values_of(x));
  }
}

TEST(Dropout, DependsOnTheReadNumberAndNotOnTheBatch) {
  const std::vector<Shape> shape = {{1, 1, 1, 1500}};
  TestNumbers draw(5);
  const Matrix x = draw.matrix(6, 1500);
  DropoutLayer layer("dropout", shape, 0.5, 11, 3), other("dropout", shape, 0.5, 11, 4);
  const Matrix together = forward(layer, {x}, {70, true});
  for (std::size_t s = 0; s < x.rows(); ++s) {
    Matrix single(1, 1500);
    std::copy(x.row(s).begin(), x.row(s).end(), single.values().begin());
    const Matrix alone = forward(layer, {single}, {70 + s, true});
    EXPECT_TRUE(std::equal(alone.values().begin(), alone.values().end(), together.row(s).begin()));
    EXPECT_NE(values_of(alone), values_of(forward(layer, {single}, {170 + s, true})));
    EXPECT_NE(values_of(alone), values_of(forward(other, {single}, {70 + s, true})));
  }
}

// ------------------------------------------------------------------------------------------------------------ pools

TEST(MaxPool, TheFirstOfEqualsGetsTheGradient) {
  MaxPoolLayer layer("max", {{1, 2, 2, 1}}, {2, 2, 2, 0});
  Matrix x(1, 4), dy(1, 1);
  x.values()[1] = x.values()[2] = 5;
  dy.values()[0] = 3;
  const Matrix y = forward(layer, {x}, kTraining);
  EXPECT_EQ(y.values()[0], 5);
  EXPECT_EQ(values_of(backward(layer, {x}, y, dy, kTraining)[0]), (std::vector<float>{0, 3, 0, 0}));
}

TEST(MaxPool, AWindowOf256PixelsIsTheLargest) {
  const std::vector<Shape> shape = {{1, 16, 16, 1}};
  MaxPoolLayer layer("max", shape, {16, 16, 1, 0});
  Matrix x(1, 256), dy(1, 1);
  x.values()[255] = 1;
  dy.values()[0] = 1;
  const Matrix y = forward(layer, {x}, kTraining);
  EXPECT_EQ(values_of(backward(layer, {x}, y, dy, kTraining)[0]), values_of(x));
  expect_error("17 x 16 has more than 256 pixels", [] { MaxPoolLayer("max", {{1, 20, 20, 1}}, {17, 16, 1, 0}); });
}

// Torch: avg_pool2d of ones(3, 3) with kernel 3, stride 2, padding 1 has 4/9 in all corners.
TEST(AveragePool, PaddingCountsAsZeros) {
  AveragePoolLayer layer("mean", {{1, 3, 3, 1}}, {3, 3, 2, 1});
  Matrix x(1, 9);
  std::fill(x.values().begin(), x.values().end(), 1.0f);
  for (const float v : values_of(forward(layer, {x}, kTraining))) EXPECT_FLOAT_EQ(v, 4.0f / 9);
}

// ----------------------------------------------------------------------------------------------------------- tokens

TEST(Embedding, TableIsStandardNormalAndKeyed) {
  const std::vector<Shape> shape = {{4, 1, 1, 1}};
  EmbeddingLayer a("embedding", shape, 300, 70, 9, 2), b("embedding", shape, 300, 70, 9, 2),
      c("embedding", shape, 300, 70, 9, 3);
  const std::vector<float>& table = a.parameters()[0]->values;
  EXPECT_EQ(a.parameters()[0]->name, "embedding.table");
  EXPECT_EQ(table, b.parameters()[0]->values);
  EXPECT_NE(table, c.parameters()[0]->values);
  const RandomStream stream(9, Purpose::parameter_initialisation, 2, 0);
  for (std::uint32_t i = 0; i < table.size(); ++i) ASSERT_EQ(table[i], random_gaussian(stream, i));
}

TEST(Embedding, TokensOutsideAreNamed) {
  const std::vector<Shape> shape = {{3, 1, 1, 1}};
  EmbeddingLayer embedding("words", shape, 10, 4, 1, 0);
  OneHotLayer one_hot("marks", shape, 10);
  Matrix x(2, 3);
  for (const auto& [token, name] : std::vector<std::pair<float, std::string>>{
           {10.0f, "10"}, {-1.0f, "-1"}, {2.5f, "2.5"}, {std::nanf(""), "nan"}}) {
    x.row(1)[2] = token;
    const std::string expected = "token " + name + " at step 2 of sample 1 of the batch is not one of 0 .. 9";
    expect_error("layer \"words\": " + expected, [&] { forward(embedding, {x}, kTraining); });
    expect_error("layer \"marks\": " + expected, [&] { forward(one_hot, {x}, kTraining); });
  }
}

// ----------------------------------------------------------------------------------------------------------- shapes

TEST(Layers, ShapesThatDoNotFitAreErrorsWithTheLayersName) {
  const Shape a = {1, 8, 8, 4}, b = {1, 4, 4, 4};
  expect_error("layer \"x\" of kind relu takes 1 input but has 2", [&] { ReluLayer("x", {a, a}); });
  expect_error("layer \"x\" of kind add needs 2 inputs or more but has 1", [&] { AddLayer("x", {a}); });
  expect_error("input 1 is 8 x 8 x 4 but its input 2 is 4 x 4 x 4", [&] { AddLayer("x", {a, b}); });
  expect_error("input 1 is 8 x 8 x 4 but its input 2 is 4 x 4 x 4", [&] { ConcatLayer("x", {a, b}); });
  expect_error("layer \"x\": 64 values cannot become 3 x 5 x 7", [&] { ReshapeLayer("x", {b}, {1, 3, 5, 7}); });
  expect_error("a window of 5 x 5 does not fit into 4 x 4 x 4", [&] { MaxPoolLayer("x", {b}, {5, 5, 1, 0}); });
  expect_error("padding = 3, 3, 3, 3", [&] { AveragePoolLayer("x", {b}, {3, 3, 1, 3}); });
  expect_error("takes token numbers", [&] { EmbeddingLayer("x", {b}, 10, 4, 1, 0); });
  expect_error("layer \"x\": rate = 1 must be", [&] { DropoutLayer("x", {b}, 1, 1, 0); });
  expect_error("layer \"x\": slope = -1 must be", [&] { LeakyReluLayer("x", {b}, -1); });
  expect_error("layer \"x\": momentum = 2 must be", [&] { BatchNormLayer("x", {b}, 1e-5, 2); });
  expect_error("layer \"x\": epsilon = -1 must be", [&] { LayerNormLayer("x", {b}, -1); });
}

}  // namespace
}  // namespace ohmic
