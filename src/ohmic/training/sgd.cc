#include "ohmic/training/sgd.h"

#include "ohmic/core/kernels.h"
#include "ohmic/training/outer_product.h"

namespace ohmic {

void SgdRule::update(DenseLayer& layer, std::uint64_t) {
  auto& weights = dynamic_cast<DigitalWeights&>(layer.weights());
  const OuterProduct product(layer.inputs(), layer.deltas(), learning_rate_);
  Matrix& values = weights.values();
  product.for_each_term([&](const OuterProduct::Term& term) {
    add_outer_product(values.values().data(), values.columns(), term.rows, term.x, term.step);
  });
  weights.count_macs(layer.inputs().rows() * values.values().size());
}

}  // namespace ohmic
