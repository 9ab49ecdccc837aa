#include "ohmic/training/study.h"

#include <fmt/format.h>

namespace ohmic {
namespace {

constexpr double kFineSteps = 32;  // fine steps in one step of the pcm cell

using Overrides = std::vector<std::string>;

Overrides joined(Overrides first, const Overrides& then) {
  first.insert(first.end(), then.begin(), then.end());
  return first;
}

}  // namespace

std::vector<StudyVariant> study_ladder(const ExperimentSpec& spec) {
  const Overrides exact_converters = {"periphery.dac_bits=0", "periphery.adc_bits=0"};
  const Overrides linear = {"training.rule=mixed_precision", "device.cell=ideal"};
  const Overrides real = {"training.rule=mixed_precision", fmt::format("device.cell={}", spec.device.cell())};
  const double step_us = spec.mixed_precision.epsilon * spec.synapse.weight_conductance_us;
  const Overrides fine = {fmt::format("device.parameters.step_us={}", step_us / kFineSteps),
                          fmt::format("mixed_precision.epsilon={}", spec.mixed_precision.epsilon / kFineSteps),
                          "mixed_precision.most_pulses_per_crossing=127"};
  const Overrides random_step = {fmt::format("device.parameters.step_stddev_us={}", step_us)};
  const Overrides quiet = {"device.variation.read_to_read=0", "clock.seconds_per_sample=0"};
  std::vector<StudyVariant> ladder = {
      {"fp32", "fp32", {"training.rule=sgd"}},
      {"linear", "linear cell, fine step", joined(joined(linear, fine), exact_converters)},
      {"finite_step", "+ finite step", joined(linear, exact_converters)},
      {"random_step", "+ step at random", joined(joined(linear, random_step), exact_converters)},
      {"cell", fmt::format("{}, no read noise or drift", spec.device.cell()),
       joined(joined(real, quiet), exact_converters)},
      {"noise_and_drift", "+ read noise and drift", joined(real, exact_converters)},
  };
  for (const int bits : {8, 7, 6, 5, 4}) {
    ladder.push_back(
        {fmt::format("converters_{}", bits), fmt::format("+ converters of {} bits", bits),
         joined(real, {fmt::format("periphery.dac_bits={}", bits), fmt::format("periphery.adc_bits={}", bits)})});
  }
  return ladder;
}

Judgement judgement_of(TaskKind task) {
  switch (task) {
    case TaskKind::language:
      return {"bits_per_character", "bits per character", 1, false};
    case TaskKind::gan:
      return {"frechet_distance", "Frechet distance", 1, false};
    case TaskKind::classification:
      break;
  }
  return {"test_accuracy", "test accuracy, %", 100, true};
}

}  // namespace ohmic
