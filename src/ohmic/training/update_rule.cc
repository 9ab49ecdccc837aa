#include "ohmic/training/update_rule.h"

#include "ohmic/training/mixed_precision.h"
#include "ohmic/training/pulsed_sgd.h"
#include "ohmic/training/sgd.h"

namespace ohmic {

std::unique_ptr<UpdateRule> make_update_rule(const ExperimentSpec& spec, const DenseLayer& layer) {
  const auto learning_rate = static_cast<float>(spec.training.learning_rate);
  if (dynamic_cast<const AnalogWeights*>(&layer.weights()) == nullptr) return std::make_unique<SgdRule>(learning_rate);
  if (spec.training.rule == RuleKind::pulsed_sgd) {
    return std::make_unique<PulsedSgdRule>(spec.pulsed_sgd, learning_rate, static_cast<std::uint64_t>(spec.seed));
  }
  return std::make_unique<MixedPrecisionRule>(spec.mixed_precision, learning_rate,
                                              static_cast<std::size_t>(layer.weights().inputs()),
                                              static_cast<std::size_t>(layer.weights().outputs()));
}

}  // namespace ohmic
