#include "ohmic/training/noise_injection.h"

#include <algorithm>
#include <cmath>

#include "ohmic/core/kernels.h"
#include "ohmic/network/loops.h"

namespace ohmic {
namespace {

DigitalWeights* weights_for_cells(WeightMatrix& matrix) {
  auto* digital = dynamic_cast<DigitalWeights*>(matrix.weights.get());
  return digital != nullptr && digital->is_meant_for_cells() ? digital : nullptr;
}

double standard_deviation(std::span<const float> values) {
  const auto count = static_cast<double>(values.size());
  const double mean = lane_sum(values.size(), [=](std::size_t i) { return static_cast<double>(values[i]); }) / count;
  const double squares = lane_sum(values.size(), [=](std::size_t i) {
    const double d = static_cast<double>(values[i]) - mean;
    return d * d;
  });
  return std::sqrt(squares / count);
}

}  // namespace

void describe(FieldVisitor& v, NoiseInjectionSpec& s) {
  v.field({"eta", "",
           "standard deviation of the noise on each weight in forward and backward passes, as a share of "
           "the layer's largest weight, fresh in each batch; 0: none. The published value is 0.038",
           0, 1},
          s.eta);
  v.field({"clip_sigmas", "",
           "after each update weights are clipped at this many standard deviations of their layer; 0: never. The "
           "published values are 2.0 to 2.5",
           0, 100},
          s.clip_sigmas);
}

void NoiseInjection::perturb(Graph& graph, std::uint64_t step) {
  if (spec_.eta <= 0) return;
  const auto& matrices = graph.weight_matrices();
  clean_.resize(matrices.size());
  for (std::size_t m = 0; m < matrices.size(); ++m) {
    DigitalWeights* weights = weights_for_cells(*matrices[m]);
    if (weights == nullptr) continue;
    clean_[m] = weights->values();
    const std::span<float> values = weights->values().values();
    const float scale = static_cast<float>(spec_.eta) * max_abs(values);
    noise_.resize(values.size());
    gaussians(RandomStream(seed_, Purpose::weight_noise, static_cast<std::uint32_t>(m), step), noise_);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += scale * noise_[i];
  }
}

void NoiseInjection::restore(Graph& graph) {
  for (std::size_t m = 0; m < clean_.size(); ++m) {
    if (DigitalWeights* weights = weights_for_cells(*graph.weight_matrices()[m])) {
      weights->values() = std::move(clean_[m]);
    }
  }
  clean_.clear();
}

void NoiseInjection::clip(Graph& graph) const {
  if (spec_.clip_sigmas <= 0) return;
  for (WeightMatrix* matrix : graph.weight_matrices()) {
    DigitalWeights* weights = weights_for_cells(*matrix);
    if (weights == nullptr) continue;
    const std::span<float> values = weights->values().values();
    const auto bound = static_cast<float>(spec_.clip_sigmas * standard_deviation(values));
    for (float& w : values) w = std::clamp(w, -bound, bound);
  }
}

}  // namespace ohmic
