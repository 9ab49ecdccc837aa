#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ohmic/core/safetensors.h"
#include "ohmic/network/layer.h"
#include "ohmic/training/experiment.h"
#include "ohmic/training/optimizer.h"
#include "ohmic/training/wear.h"

namespace ohmic {

/// One batch's place in the training, as the update rules see it.
struct UpdateStep {
  float learning_rate = 0;
  double loss_terms = 1;       ///< samples, or samples times steps: the summed gradient is divided by it
  float gradient_factor = 1;   ///< below 1 where the gradient's norm is clipped
  bool has_gradients = false;  ///< factored matrices have theirs already, since its norm was wanted
  std::uint64_t number = 0;    ///< updates before this one
  std::uint64_t samples_before = 0, samples_now = 0;
};

/// Turns what a batch wants of a weight matrix into a change of its weights. One object per matrix, because rules
/// accumulate.
class UpdateRule {
 public:
  virtual ~UpdateRule() = default;
  virtual void update(WeightMatrix& matrix, const UpdateStep& step) = 0;
  /// To be called after every update; maintenance such as refresh. Returns the pairs rewritten.
  virtual int maintain(WeightMatrix&, const UpdateStep&) { return 0; }
  virtual void save(const std::string& /*prefix*/, SafetensorsWriter&) const {}
  virtual void load(const std::string& /*prefix*/, const SafetensorsFile&) {}
  virtual std::size_t bytes() const { return 0; }
  /// What happened outside the tile.
  virtual PhaseCounters phase_counters() const { return {}; }
  virtual void add_wear(WearRecord&) const {}
};

/// The rule for one matrix: digital weights take the optimiser's step, analog ones what the experiment says.
std::unique_ptr<UpdateRule> make_update_rule(const ExperimentSpec& spec, const WeightMatrix& matrix);

/// The digital work of an update that sums up the gradient of `vectors` input and delta vectors and takes the
/// optimiser's step (nothing where there is none): products of all vectors with all crossings; each vector read once;
/// the optimiser's operations and memory. A gradient goes from the unit that sums it to the optimiser, but through a
/// memory, written and read, where the norm of all of them is wanted first.
Counters batch_work(const WeightMatrix& matrix, std::uint64_t vectors, const Optimizer* optimizer,
                    const UpdateStep& step);

/// Sets the gradient of a factored matrix from its factors: gradient = inputs^T deltas, in an order of sums that does
/// not depend on the number of threads. Inputs that are mostly zero, such as those of one-hot vectors, cost little.
void multiply_factors(WeightMatrix& matrix);

}  // namespace ohmic
