#include "ohmic/training/update_rule.h"

#include "ohmic/core/gemm.h"
#include "ohmic/core/parallel.h"
#include "ohmic/training/mixed_precision.h"
#include "ohmic/training/outer_product.h"
#include "ohmic/training/pulsed_sgd.h"
#include "ohmic/training/sgd.h"

namespace ohmic {

std::unique_ptr<UpdateRule> make_update_rule(const ExperimentSpec& spec, const WeightMatrix& matrix) {
  const auto inputs = static_cast<std::size_t>(matrix.weights->inputs());
  const auto outputs = static_cast<std::size_t>(matrix.weights->outputs());
  if (dynamic_cast<const AnalogWeights*>(matrix.weights.get()) == nullptr) {
    return std::make_unique<SgdRule>(spec.optimizer, inputs, outputs);
  }
  if (spec.training.rule == RuleKind::pulsed_sgd) {
    return std::make_unique<PulsedSgdRule>(spec.pulsed_sgd, static_cast<std::uint64_t>(spec.seed));
  }
  return std::make_unique<MixedPrecisionRule>(spec.mixed_precision, spec.optimizer, inputs, outputs);
}

void wanted_change(WeightMatrix& matrix, Optimizer& optimizer, const UpdateStep& step, std::span<const float> weights,
                   std::vector<float>& change) {
  if (matrix.factored) multiply_factors(matrix);
  const auto scale = static_cast<float>(step.gradient_factor / step.loss_terms);
  for (float& g : matrix.gradient.values()) g *= scale;
  change.resize(matrix.gradient.values().size());
  optimizer.make_step(matrix.gradient.values(), weights, step.learning_rate, change);
}

void multiply_factors(WeightMatrix& matrix) {
  constexpr std::size_t kRowsPerChunk = 64;
  const Matrix& x = matrix.inputs;
  const Matrix& d = matrix.deltas;
  matrix.gradient.resize(x.columns(), d.columns());
  parallel_chunks(x.columns(), kRowsPerChunk, [&](std::size_t begin, std::size_t end) {
    gemm(Transpose::yes, Transpose::no, end - begin, d.columns(), x.rows(), x.values().data() + begin, x.columns(),
         d.values().data(), d.columns(), false, matrix.gradient.row(begin).data(), d.columns());
  });
}

}  // namespace ohmic
