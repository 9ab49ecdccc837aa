#include "ohmic/device/fitted.h"

namespace ohmic {

void FittedParameters::describe_fields(FieldVisitor& v) {
  common.describe_fields(v);
  v.field({"step_mean_curvature_per_us", "1/uS", "mean step per squared conductance", -10, 10},
          step_mean_curvature_per_us);
  v.field({"step_stddev_curvature_per_us", "1/uS", "step noise per squared conductance", -10, 10},
          step_stddev_curvature_per_us);
}

std::unique_ptr<CellModel> FittedParameters::make() const { return std::make_unique<FittedCell>(*this); }

FittedCell::FittedCell(const FittedParameters& parameters) : p_(parameters), pcm_(parameters.common) {}

float FittedCell::set(float conductance_us, std::uint32_t pulses, PulseNoise noise) const {
  StepLaw step = pcm_.step(conductance_us, pulses);
  const double square = static_cast<double>(conductance_us) * conductance_us;
  step.mean_us += p_.step_mean_curvature_per_us * square;
  step.stddev_us += p_.step_stddev_curvature_per_us * square;
  return pcm_.stepped(conductance_us, step, noise);
}

}  // namespace ohmic
