#include "ohmic/network/loss.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ohmic/core/parallel.h"
#include "ohmic/network/reference/double_layers.h"
#include "ohmic/network/test_support.h"

namespace ohmic {
namespace {

using reference::Doubles;
using reference::slow_binary_cross_entropy;
using reference::slow_cross_entropy;
using reference::slow_squared_error;

Doubles doubles(const Matrix& m) { return {m.values().begin(), m.values().end()}; }

std::vector<int> some_labels(TestNumbers& draw, std::size_t count, int classes) {
  std::vector<int> labels(count);
  for (int& label : labels) label = draw.between(0, classes - 1);
  return labels;
}

Doubles one_hot(const std::vector<int>& labels, std::size_t classes) {
  Doubles targets(labels.size() * classes, 0.0);
  for (std::size_t r = 0; r < labels.size(); ++r) targets[r * classes + static_cast<std::size_t>(labels[r])] = 1;
  return targets;
}

// The loss and its gradient against a double-precision loss and its central differences.
template <class Exact>
void expect_loss(double loss, const Matrix& gradient, const Matrix& outputs, const Exact& exact) {
  Doubles x = doubles(outputs);
  EXPECT_NEAR(loss / exact(x), 1, 1e-6);
  constexpr double kStep = 1e-5;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double at = x[i];
    x[i] = at + kStep;
    const double above = exact(x);
    x[i] = at - kStep;
    EXPECT_NEAR(gradient.values()[i], (above - exact(x)) / (2 * kStep), 1e-6 * std::max(1.0, std::abs(at)));
    x[i] = at;
  }
}

TEST(Loss, LabelsOnePerSampleOrOnePerStep) {
  for (const std::size_t steps : {1, 4}) {
    for (const std::size_t classes : {2, 5, 17}) {
      TestNumbers draw(classes);
      const Matrix outputs = draw.matrix(3, steps * classes);
      const auto labels = some_labels(draw, 3 * steps, static_cast<int>(classes));
      const Doubles targets = one_hot(labels, classes);
      Matrix gradient(3, steps * classes);
      const auto run = [&](LossKind kind) { return label_loss(kind, view_of(outputs), labels, gradient.view()); };
      double loss = run(LossKind::squared_error);
      expect_loss(loss, gradient, outputs, [&](const Doubles& x) { return slow_squared_error(x, targets); });
      loss = run(LossKind::cross_entropy);
      expect_loss(loss, gradient, outputs, [&](const Doubles& x) { return slow_cross_entropy(x, labels); });
      loss = run(LossKind::binary_cross_entropy);
      expect_loss(loss, gradient, outputs, [&](const Doubles& x) { return slow_binary_cross_entropy(x, targets); });
    }
  }
}

TEST(Loss, FloatTargets) {
  TestNumbers draw(5);
  const Matrix outputs = draw.matrix(7, 13);
  Matrix targets = draw.matrix(7, 13), gradient(7, 13);
  double loss = squared_error(view_of(outputs), view_of(targets), gradient.view());
  expect_loss(loss, gradient, outputs, [&](const Doubles& x) { return slow_squared_error(x, doubles(targets)); });
  sigmoid(targets.values());
  loss = binary_cross_entropy(view_of(outputs), view_of(targets), gradient.view());
  expect_loss(loss, gradient, outputs,
              [&](const Doubles& x) { return slow_binary_cross_entropy(x, doubles(targets)); });
}

TEST(Loss, ALabelOfOneOutputIsItsTarget) {
  TestNumbers draw(6);
  const Matrix outputs = draw.matrix(4, 1);
  Matrix targets(4, 1), a(4, 1), b(4, 1);
  targets.values()[2] = 1;
  const std::vector<int> labels = {0, 0, 1, 0};
  EXPECT_EQ(binary_cross_entropy(view_of(outputs), view_of(targets), a.view()),
            binary_cross_entropy(view_of(outputs), labels, b.view()));
  EXPECT_EQ(values_of(a), values_of(b));
}

// Training runs of old versions must repeat to the bit: one running sum over all outputs.
TEST(Loss, SquaredErrorOfLabelsIsOneRunningSum) {
  TestNumbers draw(7);
  const Matrix outputs = draw.matrix(300, 10);
  const auto labels = some_labels(draw, 300, 10);
  Matrix gradient(300, 10);
  double expected = 0;
  for (std::size_t s = 0; s < 300; ++s) {
    for (std::size_t j = 0; j < 10; ++j) {
      const float difference = outputs.row(s)[j] - (static_cast<int>(j) == labels[s] ? 1.0f : 0.0f);
      expected += 0.5 * static_cast<double>(difference) * static_cast<double>(difference);
    }
  }
  EXPECT_EQ(squared_error(view_of(outputs), labels, gradient.view()), expected);
}

TEST(Loss, LargeLogitsNeitherOverflowNorLoseTheirGradient) {
  Matrix outputs(2, 3), gradient(2, 3);
  outputs.row(0)[0] = 1e4f;
  outputs.row(1)[2] = -1e4f;
  const std::vector<int> labels = {1, 2};
  EXPECT_NEAR(cross_entropy(view_of(outputs), labels, gradient.view()), 2e4 + std::log(2.0), 1e-2);
  EXPECT_FLOAT_EQ(gradient.row(0)[0], 1);
  EXPECT_FLOAT_EQ(gradient.row(0)[1], -1);
  EXPECT_FLOAT_EQ(gradient.row(1)[2], -1);
  EXPECT_FLOAT_EQ(gradient.row(1)[0], 0.5f);
  Matrix targets(2, 3);
  targets.row(1)[2] = 1;
  EXPECT_NEAR(binary_cross_entropy(view_of(outputs), view_of(targets), gradient.view()), 2e4 + 4 * std::log(2.0), 1e-2);
  EXPECT_FLOAT_EQ(gradient.row(0)[0], 1);
  EXPECT_FLOAT_EQ(gradient.row(1)[2], -1);
}

TEST(Loss, EqualBytesOnAnyNumberOfThreads) {
  TestNumbers draw(8);
  const Matrix outputs = draw.matrix(500, 120), targets = draw.matrix(500, 120);
  const auto labels = some_labels(draw, 500, 120);
  const auto all = [&](int threads) {
    set_thread_count(threads);
    std::vector<double> results;
    Matrix gradient(500, 120);
    const auto keep = [&](double loss) {
      results.push_back(loss);
      results.insert(results.end(), gradient.values().begin(), gradient.values().end());
    };
    for (const LossKind kind : {LossKind::squared_error, LossKind::cross_entropy, LossKind::binary_cross_entropy}) {
      keep(label_loss(kind, view_of(outputs), labels, gradient.view()));
    }
    keep(squared_error(view_of(outputs), view_of(targets), gradient.view()));
    set_thread_count(0);
    return results;
  };
  const auto one = all(1);
  EXPECT_EQ(one, all(2));
  EXPECT_EQ(one, all(5));
}

TEST(Loss, ALabelThatIsNoClassIsNamed) {
  const Matrix outputs(2, 3);
  Matrix gradient(2, 3);
  try {
    cross_entropy(view_of(outputs), std::vector<int>{0, 3}, gradient.view());
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("label 3 (number 1 of the batch) is not one of 0 .. 2"), std::string::npos);
  }
}

}  // namespace
}  // namespace ohmic
