#include "ohmic/training/update_rule.h"

#include <algorithm>
#include <array>
#include <span>

#include "ohmic/core/gemm.h"
#include "ohmic/core/kernels.h"
#include "ohmic/core/parallel.h"
#include "ohmic/network/loops.h"
#include "ohmic/training/hybrid.h"
#include "ohmic/training/mixed_precision.h"
#include "ohmic/training/outer_product.h"
#include "ohmic/training/pulsed_sgd.h"
#include "ohmic/training/sgd.h"

namespace ohmic {
namespace {

constexpr std::size_t kInputsPerTask = 64, kInputsPerBlock = 16;

// The samples that have each of a block of inputs. False where they are so many that a product of all is faster than
// adding them up.
bool find_samples(const Matrix& x, std::size_t begin, std::size_t end,
                  std::array<SparseVector, kInputsPerBlock>& found) {
  constexpr std::size_t kZerosAndOthersPerOther = 8;
  for (SparseVector& samples : found) samples.clear();
  std::size_t left = (end - begin) * x.rows() / kZerosAndOthersPerOther;
  for (std::size_t s = 0; s < x.rows(); ++s) {
    for (std::size_t i = begin; i < end; ++i) {
      const float value = x.row(s)[i];
      if (value == 0) continue;
      if (left-- == 0) return false;
      found[i - begin].add(static_cast<int>(s), value);
    }
  }
  return true;
}

// Rows [begin, end) of the gradient of a factored matrix.
void multiply_factors(WeightMatrix& matrix, std::size_t begin, std::size_t end) {
  const Matrix &x = matrix.inputs, &d = matrix.deltas;
  const auto multiply = [&](std::size_t from, std::size_t to) {
    if (from == to) return;
    gemm(Transpose::yes, Transpose::no, to - from, d.columns(), x.rows(), x.values().data() + from, x.columns(),
         d.values().data(), d.columns(), false, matrix.gradient.row(from).data(), d.columns());
  };
  thread_local std::array<SparseVector, kInputsPerBlock> found;
  std::size_t dense_from = begin;
  for (std::size_t block = begin; block < end; block += kInputsPerBlock) {
    const std::size_t block_end = std::min(block + kInputsPerBlock, end);
    if (!find_samples(x, block, block_end, found)) continue;
    multiply(dense_from, block);
    dense_from = block_end;
    for (std::size_t i = block; i < block_end; ++i) {
      const SparseVector& samples = found[i - block];
      weighted_row_sum(d.values().data(), d.columns(), samples.index, samples.value, matrix.gradient.row(i));
    }
  }
  multiply(dense_from, end);
}

// An LSB without limits is an exact number: that of mixed precision.
MixedPrecisionSpec unlimited(const HybridSpec& hybrid) {
  MixedPrecisionSpec spec;
  spec.epsilon = hybrid.epsilon();
  spec.threshold = hybrid.threshold;
  spec.dither = hybrid.dither;
  spec.most_pulses_per_crossing = hybrid.most_pulses;
  spec.outer_product = hybrid.outer_product;
  spec.refresh = hybrid.refresh;
  return spec;
}

}  // namespace

std::unique_ptr<UpdateRule> make_update_rule(const ExperimentSpec& spec, const WeightMatrix& matrix) {
  const auto inputs = static_cast<std::size_t>(matrix.weights->inputs());
  const auto outputs = static_cast<std::size_t>(matrix.weights->outputs());
  const auto* analog = dynamic_cast<const AnalogWeights*>(matrix.weights.get());
  if (analog == nullptr) {
    return std::make_unique<SgdRule>(spec.optimizer, inputs, outputs);
  }
  if (spec.training.rule == RuleKind::pulsed_sgd) {
    return std::make_unique<PulsedSgdRule>(spec.pulsed_sgd, static_cast<std::uint64_t>(spec.seed));
  }
  if (spec.training.rule == RuleKind::hybrid && spec.hybrid.lsb_bits > 0) {
    const TileSpec& tile = analog->tile().spec();
    return std::make_unique<HybridRule>(spec.hybrid, spec.optimizer, inputs, outputs, tile.seed, tile.unit);
  }
  if (spec.training.rule == RuleKind::hybrid) {
    return std::make_unique<MixedPrecisionRule>(unlimited(spec.hybrid), spec.optimizer, inputs, outputs);
  }
  return std::make_unique<MixedPrecisionRule>(spec.mixed_precision, spec.optimizer, inputs, outputs);
}

void wanted_change(WeightMatrix& matrix, Optimizer& optimizer, const UpdateStep& step, std::span<const float> weights,
                   std::vector<float>& change) {
  if (matrix.factored && !step.has_gradients) multiply_factors(matrix);
  const auto scale = static_cast<float>(step.gradient_factor / step.loss_terms);
  const std::span<float> gradient = matrix.gradient.values();
  map_elements(gradient.size(), gradient.data(), gradient.data(), [=](float g) { return g * scale; });
  change.resize(gradient.size());
  optimizer.make_step(gradient, weights, step.learning_rate, change);
}

Counters batch_work(const WeightMatrix& matrix, std::uint64_t vectors, const Optimizer* optimizer,
                    const UpdateStep& step) {
  const auto rows = static_cast<std::uint64_t>(matrix.weights->inputs());
  const auto columns = static_cast<std::uint64_t>(matrix.weights->outputs());
  const std::uint64_t weights = rows * columns;
  Counters work;
  work.digital_macs = work.gradient_macs = vectors * weights;
  work.operand_words = vectors * (rows + columns);
  if (optimizer != nullptr) {
    work.optimizer_macs = weights * optimizer->macs_per_weight();
    work.state_words = weights * optimizer->words_per_weight();
  }
  if (step.has_gradients) {
    work.optimizer_macs += weights;
    work.state_words += 2 * weights;
  }
  return work;
}

void multiply_factors(WeightMatrix& matrix) {
  matrix.gradient.resize(matrix.inputs.columns(), matrix.deltas.columns());
  parallel_chunks(matrix.inputs.columns(), kInputsPerTask,
                  [&](std::size_t begin, std::size_t end) { multiply_factors(matrix, begin, end); });
}

}  // namespace ohmic
