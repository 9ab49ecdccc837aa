#include "ohmic/training/sgd.h"

#include "ohmic/core/kernels.h"
#include "ohmic/training/outer_product.h"

namespace ohmic {

void SgdRule::update(WeightMatrix& matrix, const UpdateStep& step) {
  auto& weights = dynamic_cast<DigitalWeights&>(*matrix.weights);
  Matrix& values = weights.values();
  if (pays_outer_product(matrix, optimizer_, step)) {
    const OuterProduct product(matrix.inputs, matrix.deltas, step);
    product.for_each_term([&](const OuterProduct::Term& term) {
      add_outer_product(values.values().data(), values.columns(), term.rows, term.x, term.step);
    });
    weights.count_macs(matrix.inputs.rows() * values.values().size(), Phase::update);
    return;
  }
  wanted_change(matrix, optimizer_, step, values.values(), change_);
  for (std::size_t i = 0; i < change_.size(); ++i) values.values()[i] += change_[i];
  Counters work = batch_work(matrix, matrix.vectors(), &optimizer_, step);
  work.optimizer_macs += values.values().size();   // the step itself
  work.state_words += 2 * values.values().size();  // the weight
  weights.count_update(work);
}

}  // namespace ohmic
