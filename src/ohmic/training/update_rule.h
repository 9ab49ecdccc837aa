#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ohmic/core/safetensors.h"
#include "ohmic/network/layer.h"
#include "ohmic/training/experiment.h"

namespace ohmic {

/// Turns what a dense layer saw in a batch (inputs x, deltas d = dLoss/dOutput) into a change of its weights,
/// wanted: -learning_rate / batch x^T d. One object per layer, because rules accumulate.
class UpdateRule {
 public:
  virtual ~UpdateRule() = default;
  /// `step` counts the updates from 0.
  virtual void update(DenseLayer& layer, std::uint64_t step) = 0;
  /// To be called after every update with the training samples seen so far; maintenance such as refresh. Returns the
  /// pairs rewritten.
  virtual int maintain(DenseLayer&, std::uint64_t /*samples_before*/, std::uint64_t /*samples_now*/,
                       std::uint64_t /*step*/) {
    return 0;
  }
  virtual void save(const std::string& /*prefix*/, SafetensorsWriter&) const {}
  virtual void load(const std::string& /*prefix*/, const SafetensorsFile&) {}
  virtual std::size_t bytes() const { return 0; }
};

/// The rule for one layer: digital weights take plain SGD, analog ones what the experiment says.
std::unique_ptr<UpdateRule> make_update_rule(const ExperimentSpec& spec, const DenseLayer& layer);

}  // namespace ohmic
