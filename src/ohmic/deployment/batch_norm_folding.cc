#include "ohmic/deployment/batch_norm_folding.h"

#include <cmath>
#include <vector>

#include "ohmic/network/convolution.h"
#include "ohmic/network/dense.h"
#include "ohmic/network/normalisation.h"

namespace ohmic {
namespace {

std::vector<int> uses_of(const Graph& graph) {
  std::vector<int> uses(graph.layer_count(), 0);
  for (std::size_t l = 0; l < graph.layer_count(); ++l) {
    for (const int input : graph.inputs_of(l)) {
      if (input >= 0) ++uses[static_cast<std::size_t>(input)];
    }
  }
  return uses;
}

bool can_take_factors(Layer& layer) {
  if (dynamic_cast<const ConvolutionLayer*>(&layer) == nullptr && dynamic_cast<const DenseLayer*>(&layer) == nullptr) {
    return false;
  }
  for (const WeightMatrix* matrix : layer.weight_matrices()) {
    if (dynamic_cast<const DigitalWeights*>(matrix->weights.get()) == nullptr) return false;
  }
  return true;
}

// The groups of a convolution have their columns one after another; a dense layer's bias is a row of its matrix.
void scale_columns(Layer& layer, const std::vector<float>& factors) {
  std::size_t first = 0;
  for (WeightMatrix* matrix : layer.weight_matrices()) {
    Matrix& values = dynamic_cast<DigitalWeights&>(*matrix->weights).values();
    for (std::size_t i = 0; i < values.rows(); ++i) {
      for (std::size_t j = 0; j < values.columns(); ++j) values.row(i)[j] *= factors[first + j];
    }
    first += values.columns();
  }
  for (Parameter* bias : layer.parameters()) {
    for (std::size_t j = 0; j < bias->values.size(); ++j) bias->values[j] *= factors[j];
  }
}

std::vector<float> take_factors(BatchNormLayer& norm) {
  std::vector<float>& gamma = norm.parameters().front()->values;
  std::vector<float> mean = norm.running_mean(), variance = norm.running_variance(), factors;
  for (std::size_t c = 0; c < gamma.size(); ++c) {
    const double old = static_cast<double>(variance[c]);
    const double factor = static_cast<double>(gamma[c]) / std::sqrt(old + norm.epsilon());
    factors.push_back(static_cast<float>(factor));
    mean[c] = static_cast<float>(factor * static_cast<double>(mean[c]));
    variance[c] = static_cast<float>(factor * factor * old);
    gamma[c] = static_cast<float>(std::sqrt(static_cast<double>(variance[c]) + norm.epsilon()));
  }
  norm.set_running_statistics(std::move(mean), std::move(variance));
  return factors;
}

}  // namespace

int fold_batch_norms(Graph& graph) {
  const std::vector<int> uses = uses_of(graph);
  int folded = 0;
  for (std::size_t l = 0; l < graph.layer_count(); ++l) {
    auto* norm = dynamic_cast<BatchNormLayer*>(&graph.layer(l));
    if (norm == nullptr || graph.inputs_of(l).front() < 0) continue;
    const auto from = static_cast<std::size_t>(graph.inputs_of(l).front());
    if (uses[from] != 1 || !can_take_factors(graph.layer(from))) continue;
    scale_columns(graph.layer(from), take_factors(*norm));
    ++folded;
  }
  return folded;
}

}  // namespace ohmic
