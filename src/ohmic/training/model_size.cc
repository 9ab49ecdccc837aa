#include "ohmic/training/model_size.h"

namespace ohmic {
namespace {

constexpr std::uint64_t kFloatBits = 32;

std::uint64_t accumulator_bits(const ExperimentSpec& spec) {
  switch (spec.training.rule) {
    case RuleKind::mixed_precision:
      return kFloatBits;
    case RuleKind::hybrid:
      return spec.hybrid.lsb_bits > 0 ? static_cast<std::uint64_t>(spec.hybrid.lsb_bits) : kFloatBits;
    case RuleKind::sgd:
    case RuleKind::pulsed_sgd:
      break;
  }
  return 0;
}

}  // namespace

ModelSize model_size(const ExperimentSpec& spec, const Graph& graph) {
  ModelSize size;
  const auto add = [&](std::uint64_t count, std::uint64_t bits, std::uint64_t more_in_training) {
    size.inference_bits += count * bits;
    size.training_bits += count * (bits + more_in_training);
  };
  for (const WeightMatrix* matrix : graph.weight_matrices()) {
    const auto count =
        static_cast<std::uint64_t>(matrix->weights->inputs()) * static_cast<std::uint64_t>(matrix->weights->outputs());
    const auto* analog = dynamic_cast<const AnalogWeights*>(matrix->weights.get());
    if (analog == nullptr) {
      add(count, kFloatBits, 0);
    } else {
      const auto pairs = static_cast<std::uint64_t>(analog->tile().cells().layout().lanes());
      add(count, pairs * static_cast<std::uint64_t>(spec.hybrid.msb_bits), accumulator_bits(spec));
    }
  }
  for (const Parameter* parameter : graph.parameters()) add(parameter->values.size(), kFloatBits, 0);
  return size;
}

}  // namespace ohmic
