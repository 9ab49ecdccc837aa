#include "ohmic/network/loss.h"

#include <cmath>
#include <vector>

#include "ohmic/core/kernels.h"
#include "ohmic/network/loops.h"

namespace ohmic {
namespace {

// Outputs as one row per label.
MatrixView<const float> rows_of_labels(MatrixView<const float> outputs, std::span<const int> labels) {
  const std::size_t count = outputs.rows * outputs.columns;
  OHMIC_EXPECT(!labels.empty() && count % labels.size() == 0);
  return {outputs.data, labels.size(), count / labels.size()};
}

void check_labels(std::span<const int> labels, std::size_t classes) {
  for (std::size_t r = 0; r < labels.size(); ++r) {
    if (labels[r] >= 0 && static_cast<std::size_t>(labels[r]) < classes) continue;
    fail("label {} (number {} of the batch) is not one of 0 .. {}; give the last layer one output per class", labels[r],
         r, classes - 1);
  }
}

// Sum of part(begin, end) over stretches of `step`, each computed by one task, added in their order.
template <class Part>
double sum_of_parts(std::size_t count, std::size_t step, const Part& part) {
  std::vector<double> parts((count + step - 1) / step);
  parallel_chunks(count, step, [&](std::size_t begin, std::size_t end) { parts[begin / step] = part(begin, end); });
  double sum = 0;
  for (const double p : parts) sum += p;
  return sum;
}

}  // namespace

// One running sum, as it has always been: training records depend on its last bits.
double squared_error(MatrixView<const float> outputs, std::span<const int> labels, MatrixView<float> gradient) {
  const auto rows = rows_of_labels(outputs, labels);
  check_labels(labels, rows.columns);
  double loss = 0;
  for (std::size_t r = 0; r < rows.rows; ++r) {
    const float* out = rows.data + r * rows.columns;
    float* to = gradient.data + r * rows.columns;
    for (std::size_t j = 0; j < rows.columns; ++j) {
      const float difference = out[j] - (static_cast<int>(j) == labels[r] ? 1.0f : 0.0f);
      to[j] = difference;
      loss += 0.5 * static_cast<double>(difference) * static_cast<double>(difference);
    }
  }
  return loss;
}

double squared_error(MatrixView<const float> outputs, MatrixView<const float> targets, MatrixView<float> gradient) {
  OHMIC_EXPECT(targets.rows * targets.columns == outputs.rows * outputs.columns);
  return sum_of_parts(outputs.rows * outputs.columns, kElementsPerTask, [&](std::size_t begin, std::size_t end) {
    const float *out = outputs.data + begin, *target = targets.data + begin;
    float* to = gradient.data + begin;
    return 0.5 * lane_sum(end - begin, [=](std::size_t i) {
             to[i] = out[i] - target[i];
             return static_cast<double>(to[i]) * static_cast<double>(to[i]);
           });
  });
}

double cross_entropy(MatrixView<const float> outputs, std::span<const int> labels, MatrixView<float> gradient) {
  const auto rows = rows_of_labels(outputs, labels);
  const std::size_t classes = rows.columns;
  check_labels(labels, classes);
  return sum_of_parts(rows.rows, rows_per_task(classes), [&](std::size_t begin, std::size_t end) {
    double loss = 0;
    for (std::size_t r = begin; r < end; ++r) {
      const float* out = rows.data + r * classes;
      float* to = gradient.data + r * classes;
      const float most = largest(out, classes);
      for (std::size_t c = 0; c < classes; ++c) to[c] = out[c] - most;
      const auto label = static_cast<std::size_t>(labels[r]);
      loss -= static_cast<double>(to[label]);
      exponentials({to, classes});
      const double sum = lane_sum(classes, [=](std::size_t c) { return static_cast<double>(to[c]); });
      loss += std::log(sum);
      const auto scale = static_cast<float>(1 / sum);
      for (std::size_t c = 0; c < classes; ++c) to[c] *= scale;
      to[label] -= 1;
    }
    return loss;
  });
}

double binary_cross_entropy(MatrixView<const float> outputs, MatrixView<const float> targets,
                            MatrixView<float> gradient) {
  OHMIC_EXPECT(targets.rows * targets.columns == outputs.rows * outputs.columns);
  constexpr std::size_t kStep = 1024;
  return sum_of_parts(outputs.rows * outputs.columns, kStep, [&](std::size_t begin, std::size_t end) {
    const float *out = outputs.data, *target = targets.data;
    float* to = gradient.data;
    std::copy(out + begin, out + end, to + begin);
    sigmoid({to + begin, end - begin});
    double loss = 0;
    for (std::size_t i = begin; i < end; ++i) {
      const double x = static_cast<double>(out[i]);
      // log(1 + e^x) without overflow.
      loss += std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))) - x * static_cast<double>(target[i]);
      to[i] -= target[i];
    }
    return loss;
  });
}

double binary_cross_entropy(MatrixView<const float> outputs, std::span<const int> labels, MatrixView<float> gradient) {
  const auto rows = rows_of_labels(outputs, labels);
  const bool single = rows.columns == 1;
  check_labels(labels, single ? 2 : rows.columns);
  Matrix targets(rows.rows, rows.columns);
  for (std::size_t r = 0; r < rows.rows; ++r) {
    const auto label = static_cast<std::size_t>(labels[r]);
    if (single) {
      targets.row(r)[0] = static_cast<float>(label);
    } else {
      targets.row(r)[label] = 1;
    }
  }
  return binary_cross_entropy(rows, static_cast<const Matrix&>(targets).view(), gradient);
}

double label_loss(LossKind kind, MatrixView<const float> outputs, std::span<const int> labels,
                  MatrixView<float> gradient) {
  switch (kind) {
    case LossKind::squared_error:
      return squared_error(outputs, labels, gradient);
    case LossKind::cross_entropy:
      return cross_entropy(outputs, labels, gradient);
    case LossKind::binary_cross_entropy:
      return binary_cross_entropy(outputs, labels, gradient);
  }
  return 0;
}

}  // namespace ohmic
