#pragma once

#include "ohmic/training/update_rule.h"

namespace ohmic {

/// W += -learning_rate / batch x^T d, in fp32.
class SgdRule final : public UpdateRule {
 public:
  explicit SgdRule(float learning_rate) : learning_rate_(learning_rate) {}
  void update(DenseLayer& layer, std::uint64_t step) override;

 private:
  float learning_rate_;
};

}  // namespace ohmic
