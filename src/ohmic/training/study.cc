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

// The rule hybrid: the cell's departures from a linear one, one after the other, then its own settings.
std::vector<StudyVariant> hybrid_ladder(const ExperimentSpec& spec) {
  const double step_us = spec.hybrid.epsilon() * spec.synapse.weight_conductance_us;
  const Overrides linear = {"device.cell=ideal", fmt::format("device.parameters.step_us={}", step_us)};
  const auto with = [](bool writes, bool reads, bool drift) {
    Overrides settings;
    if (!writes) settings.push_back("device.variation.pulse_to_pulse=0");
    if (!reads) settings.push_back("device.variation.read_to_read=0");
    if (!drift) settings.push_back("clock.seconds_per_sample=0");
    return settings;
  };
  std::vector<StudyVariant> ladder = {
      {"fp32", "fp32", {"training.rule=sgd"}},
      {"linear", "linear cell", linear},
      {"non_linear", "+ non-linear", with(false, false, false)},
      {"write_noise", "+ write noise", with(true, false, false)},
      {"read_noise", "+ read noise", with(true, true, false)},
      {"drift", "+ drift: all of it", {}},
      {"unlimited", "LSB without limits", {"hybrid.lsb_bits=0"}},
  };
  for (int bits = RegisterRule::kMostBits; bits >= 4; --bits) {
    ladder.push_back(
        {fmt::format("lsb_{}", bits), fmt::format("LSB of {} bits", bits), {fmt::format("hybrid.lsb_bits={}", bits)}});
  }
  for (const int factor : {4, 16}) {
    ladder.push_back({fmt::format("refresh_{}", factor),
                      fmt::format("refresh {} times rarer", factor),
                      {fmt::format("hybrid.refresh.every_samples={}", factor * spec.hybrid.refresh.every_samples)}});
  }
  ladder.push_back({"no_refresh", "no refresh", {"hybrid.refresh.every_samples=0"}});
  ladder.push_back({"deterministic", "deterministic rounding", {"hybrid.rounding=deterministic"}});
  ladder.push_back({"clear", "LSB cleared on overflow", {"hybrid.on_overflow=clear"}});
  ladder.push_back({"one_pulse", "one pulse at most", {"hybrid.most_pulses=1"}});
  return ladder;
}

}  // namespace

std::vector<StudyVariant> study_ladder(const ExperimentSpec& spec) {
  if (spec.training.rule == RuleKind::hybrid) return hybrid_ladder(spec);
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
