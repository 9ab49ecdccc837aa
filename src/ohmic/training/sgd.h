#pragma once

#include <vector>

#include "ohmic/training/update_rule.h"

namespace ohmic {

/// Digital weights take the optimiser's step, in fp32.
class SgdRule final : public UpdateRule {
 public:
  SgdRule(const OptimizerSpec& spec, std::size_t inputs, std::size_t outputs) : optimizer_(spec, inputs * outputs) {}

  void update(WeightMatrix& matrix, const UpdateStep& step) override;
  void save(const std::string& prefix, SafetensorsWriter& out) const override { optimizer_.save(prefix, out); }
  void load(const std::string& prefix, const SafetensorsFile& in) override { optimizer_.load(prefix, in); }
  std::size_t bytes() const override { return optimizer_.bytes(); }

 private:
  Optimizer optimizer_;
  std::vector<float> change_;  ///< scratch
};

}  // namespace ohmic
