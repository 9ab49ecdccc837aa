#include "ohmic/training/sgd.h"

#include "ohmic/core/kernels.h"
#include "ohmic/training/outer_product.h"

namespace ohmic {

void SgdRule::update(DenseLayer& layer, std::uint64_t) {
  auto& weights = dynamic_cast<DigitalWeights&>(layer.weights());
  const OuterProduct product(layer.inputs(), layer.deltas(), learning_rate_);
  product.for_each_row([&](std::size_t row, std::span<const OuterProduct::Term> terms) {
    for (const auto& term : terms) add_scaled(weights.values().row(row), term.x, term.step);
  });
  weights.count_macs(layer.inputs().rows() * weights.values().values().size());
}

}  // namespace ohmic
